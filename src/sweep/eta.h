/* eta.h - when the rest of a sweep will be done: its schedule simulated at the speed measured so far. */
#ifndef SEEDBED_SWEEP_ETA_H
#define SEEDBED_SWEEP_ETA_H

#include "sweep/scheduler.h"

/* Units that have ended, against their predicted cost. {0} is ready. */
struct eta_speed {
    double count, seconds, cost, cost_squared, ratio, ratio_squared;
};

/* A unit of this cost, above 0, took so many seconds. */
void eta_note(struct eta_speed *speed, double cost, double seconds);

struct eta_request {
    struct scheduler_config scheduler; /* with ended [trial_count] */
    const double *left; /* [trial_count] the share of each unit that is left; NULL: all of those not ended */
    struct eta_speed trials, pairs;
    bool root_serves;
};

struct eta {
    double seconds;   /* NaN: unknown, as none has ended; 0: nothing is left */
    double low, high; /* two standard errors about it, by how units of equal cost differed so far */
};

/* Simulates unless very many units are left, where a schedule is as long as the even share. */
enum status eta_estimate(const struct eta_request *request, struct eta *out, struct error *error);

#endif
