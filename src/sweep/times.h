/* times.h - how long each unit of a plan will take one rank: so much of each kind of work times what that takes. */
#ifndef SEEDBED_SWEEP_TIMES_H
#define SEEDBED_SWEEP_TIMES_H

#include "sweep/plan.h"
#include "sweep/schema.h"

struct times {
    double *seconds; /* [trials + pairs] owned */
    double total, longest;
    double flops_per_second; /* of all units together */
    double batch_seconds;    /* of a mini-batch, in the mean over the time spent */
};

/* By training, evaluating and measuring a little of each of the plan's workloads (speeds.h). plan is resolved. */
enum status times_measure(struct plan *plan, const struct schema *schema, struct times *out, struct error *error);

/* By the plan's FLOPs alone, for another machine. */
enum status times_assume(const struct plan *plan, double flops_per_second, struct times *out, struct error *error);

void times_free(struct times *times);

#endif
