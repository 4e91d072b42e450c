#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double clock_monotonic(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double clock_wall(void)
{
    return seconds_of(CLOCK_REALTIME);
}

/* Field 22 of /proc/self/stat, in ticks since the system was started; the second field, a name, may hold anything. */
double clock_process_start(void)
{
    enum { NAME_FIELD = 2, START_FIELD = 22 };
    char line[1024] = "";
    FILE *const file = fopen("/proc/self/stat", "r");
    if (file == NULL)
        return clock_wall();
    const size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *at = strrchr(line, ')');
    for (int field = NAME_FIELD; at != NULL && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    const double age = at == NULL ? 0 : seconds_of(CLOCK_BOOTTIME) - strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
    return clock_wall() - (age > 0 ? age : 0);
}

void clock_sleep(double seconds)
{
    const time_t whole = (time_t)seconds;
    const struct timespec span = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};
    nanosleep(&span, NULL);
}
