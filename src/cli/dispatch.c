/* dispatch.c - the process stays the same, so launchers, signals and limits see no difference. */
#include "cli/dispatch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/width.h"

enum { SIBLING_BYTES = PATH_MAX + 16 };

/* A link back to this executable would start it for ever. */
static bool is_other(const char *path, const char *own)
{
    struct stat there, here;
    if (stat(path, &there) != 0 || stat(own, &here) != 0)
        return false;
    errno = ELOOP;
    return there.st_ino != here.st_ino || there.st_dev != here.st_dev;
}

/* Returns only when it cannot be started, with errno and the path that was tried. */
static void start(enum width width, char **argv, char path[SIBLING_BYTES])
{
    char own[PATH_MAX] = "";
    path[0] = '\0';
    if (readlink("/proc/self/exe", own, sizeof own - 1) < 0)
        return;
    snprintf(path, SIBLING_BYTES, "%s-%s", own, width_name(width));
    if (is_other(path, own))
        execv(path, argv);
}

static enum status start_asked(enum width asked, char **argv, struct error *error)
{
    char path[SIBLING_BYTES];
    const enum width built = width_of_build();
    if (asked == built)
        return STATUS_OK;
    if (built != WIDTH_BASELINE)
        return fail(error, STATUS_USAGE,
                    "SEEDBED_VECTORS=%s: this executable is for %s only; build with -DSEEDBED_PORTABLE=ON for a choice",
                    width_name(asked), width_name(built));
    start(asked, argv, path);
    return fail(error, STATUS_USAGE,
                "SEEDBED_VECTORS=%s: cannot start %s: %s; a build with -DSEEDBED_PORTABLE=ON makes it",
                width_name(asked), path, strerror(errno));
}

enum status dispatch(char **argv, struct error *error)
{
    const char *const asked = getenv("SEEDBED_VECTORS");
    char path[SIBLING_BYTES];
    enum width width = WIDTH_BASELINE;
    TRY(width_choose(asked, width_of_cpu(), &width, error));
    if (asked != NULL && *asked != '\0')
        return start_asked(width, argv, error);
    for (; width_of_build() == WIDTH_BASELINE && width > WIDTH_BASELINE; width--)
        start(width, argv, path);
    return STATUS_OK;
}
