/* units.h - a plan's trials and pairs as the scheduler knows them: unit i is trial i, and the pairs follow. */
#ifndef SEEDBED_SWEEP_UNITS_H
#define SEEDBED_SWEEP_UNITS_H

#include "sweep/plan.h"
#include "sweep/scheduler.h"

struct units {
    int64_t count, trials;
    double *cost, *samples; /* [count] predicted FLOPs; samples trained on */
    int32_t (*needs)[2];    /* [count - trials] the trials of each pair */
};

/* *out is owned by the caller. */
enum status units_create(const struct plan *plan, struct units *out, struct error *error);
void units_free(struct units *units);

/* Number, needs and costs of a schedule of them; lent. */
struct scheduler_config units_schedule(const struct units *units);

#endif
