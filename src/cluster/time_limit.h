/* time_limit.h - when a start must be over: as the command line says, or the batch system that it runs under. */
#ifndef SEEDBED_CLUSTER_TIME_LIMIT_H
#define SEEDBED_CLUSTER_TIME_LIMIT_H

struct time_limit {
    double end;         /* seconds since 1970; 0: none */
    const char *source; /* "--time-limit", "SLURM_JOB_END_TIME", ... */
};

/* The earliest of: `seconds` after `started` (0: not asked for), SLURM_JOB_END_TIME, and PBS_WALLTIME after the job's
 * PBS_NODEFILE was made. A variable that cannot be read is left out with a warning. Any process. */
struct time_limit time_limit_find(double seconds, double started);

/* What is kept back of so many seconds: for closing the file, for mpirun, which takes a second or two once a rank has
 * left with an exit code, and for the batch system's own clock. */
double time_limit_margin(double seconds);

#endif
