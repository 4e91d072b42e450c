/* time_limit.c - batch systems say it in their own ways.
 * Slurm: the end, in seconds since 1970. Torque and PBS: the length, in seconds; the job's beginning is when its list
 * of nodes was written. LSF exports neither: there --time-limit is needed. */
#include "cluster/time_limit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"

/* Whether the environment has a number above 0 of this name. */
static bool read_number(const char *name, double *out)
{
    const char *const text = getenv(name);
    char *end = NULL;
    if (text == NULL || text[0] == '\0')
        return false;
    *out = strtod(text, &end);
    if (*end == '\0' && isfinite(*out) && *out > 0)
        return true;
    log_warning("%s is '%s', not a number of seconds: it is not heeded; give --time-limit", name, text);
    return false;
}

static void take_earlier(struct time_limit *limit, double end, const char *source)
{
    if (limit->end == 0 || end < limit->end)
        *limit = (struct time_limit){.end = end, .source = source};
}

struct time_limit time_limit_find(double seconds, double started)
{
    struct time_limit limit = {0};
    struct stat nodes;
    double number = 0;
    if (seconds > 0)
        take_earlier(&limit, started + seconds, "--time-limit");
    if (read_number("SLURM_JOB_END_TIME", &number))
        take_earlier(&limit, number, "SLURM_JOB_END_TIME");
    const char *const list = getenv("PBS_NODEFILE");
    if (list != NULL && stat(list, &nodes) == 0 && read_number("PBS_WALLTIME", &number))
        take_earlier(&limit, (double)nodes.st_mtim.tv_sec + number, "PBS_WALLTIME");
    return limit;
}

double time_limit_margin(double seconds)
{
    return fmin(fmin(fmax(seconds / 20, 3), 30), seconds / 2);
}
