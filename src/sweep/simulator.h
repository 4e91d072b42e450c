/* simulator.h - a sweep's schedule without its training: the scheduler that runs, driven by virtual time.
 * A model says how long trials take, when messages arrive and when rank 0 looks at them. */
#ifndef SEEDBED_SWEEP_SIMULATOR_H
#define SEEDBED_SWEEP_SIMULATOR_H

#include "sweep/scheduler.h"

/* What it costs to run many ranks; seconds. */
struct simulator_costs {
    double latency; /* from one rank's sending of a message to where another one could see it */
    double handle;  /* rank 0: receives a message, asks the scheduler, answers */
    double look;    /* between two looks for messages of a rank that trains */
    double wake;    /* a rank without work, asleep: until it sees a message, at least, */
    double doze;    /* and at most twice this more, as it sleeps the longer the longer nothing came */
    double write;   /* a trial's row into the file */
    double sync;    /* rows to disk */
};

/* Measured with Open MPI 4.1 on two cores of one machine and its local disk, but latency: a network's.
 * docs/operations.md says how. */
extern const struct simulator_costs simulator_costs_measured;

struct simulation {
    struct scheduler_config scheduler; /* worker_count ranks; chunk_seconds is set by simulate */
    const double *seconds;             /* [trial_count] that each takes a rank */
    double spread;                     /* standard deviation of the logarithm of what it really takes over that */
    bool root_serves;                  /* rank 0 trains nothing */
    struct simulator_costs costs;
};

struct simulated {
    double makespan;   /* until rank 0 knows that the last trial has ended */
    double work;       /* seconds that trials take, all together */
    double bound;      /* no schedule is shorter: the even share of each rank that trains, or the longest trial */
    double efficiency; /* bound / makespan */
    double busy;       /* share of all ranks' time that is spent in trials */
    double tail;       /* seconds that a rank idles at the end, in the mean */
    double root_load;  /* share of the makespan that rank 0 handles messages */
    int64_t messages;  /* that rank 0 handles */
};

/* Ends when every trial has; those with scheduler.ended do not run. Takes about a second for 10^6 trials. */
enum status simulate(const struct simulation *simulation, struct simulated *out, struct error *error);

#endif
