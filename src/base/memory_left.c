/* memory_left.c - Linux: /proc/meminfo, and control groups of version 2 (each level above the process's own counts) and
 * of version 1. Files in the page cache that nobody uses count as left. */
#include "base/memory_left.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_BYTES = 4096, PATH_BYTES = FOLDER_BYTES + 64, LINE_BYTES = 1024 };

/* The number behind `key` at the start of a line, or (key "") the first word; -1: there is none. */
static double read_number(const char *path, const char *key)
{
    char line[LINE_BYTES];
    double number = -1;
    FILE *const file = fopen(path, "r");
    while (file != NULL && number < 0 && fgets(line, sizeof line, file) != NULL) {
        char *end = line;
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const double found = strtod(line + strlen(key), &end);
        if (end != line + strlen(key))
            number = found;
    }
    if (file != NULL)
        fclose(file);
    return number;
}

static double left_on_node(const char *root)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    const double available = read_number(path, "MemAvailable:"), swap = read_number(path, "SwapFree:");
    return available < 0 ? (double)INFINITY : 1024 * (available + fmax(swap, 0));
}

/* Of one control group's folder; names: its files of limit and use, and in memory.stat the cache that can go. */
static double left_in_group(const char *folder, const char *const names[3])
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, names[0]);
    const double limit = read_number(path, "");
    snprintf(path, sizeof path, "%s/%s", folder, names[1]);
    const double used = read_number(path, "");
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    const double cache = read_number(path, names[2]);
    return limit < 0 || used < 0 ? (double)INFINITY : fmax(limit - used + fmax(cache, 0), 0);
}

/* The group's own folder and all above it, up to where the groups are mounted. */
static double left_in_groups(const char *mount, const char *group, const char *const names[3])
{
    char folder[FOLDER_BYTES];
    double left = INFINITY;
    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder / 2)
        return left;
    for (size_t length = strlen(folder); length >= strlen(mount); folder[length] = '\0') {
        left = fmin(left, left_in_group(folder, names));
        while (length > 0 && folder[--length] != '/')
            ;
    }
    return left;
}

double memory_left_below(const char *root)
{
    static const char *const version_1[] = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
    static const char *const version_2[] = {"memory.max", "memory.current", "inactive_file "};
    char path[PATH_BYTES / 4], line[LINE_BYTES], mount[PATH_BYTES / 4];
    double left = left_on_node(root);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *const file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *const controllers = strchr(line, ':'), *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        const bool old = strstr(controllers, "memory") != NULL;
        if (!old && strcmp(controllers, ":") != 0)
            continue;
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, old ? "/memory" : "");
        left = fmin(left, left_in_groups(mount, group, old ? version_1 : version_2));
    }
    if (file != NULL)
        fclose(file);
    return left;
}

double memory_left(void)
{
    return memory_left_below("");
}

double memory_kills_below(const char *root)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/proc/vmstat", root);
    return read_number(path, "oom_kill ");
}

double memory_kills(void)
{
    return memory_kills_below("");
}
