/* speeds.h - how fast this machine does what trials consist of. */
#ifndef SEEDBED_SWEEP_SPEEDS_H
#define SEEDBED_SWEEP_SPEEDS_H

#include "sweep/plan.h"
#include "sweep/schema.h"

/* Of one workload: trials with the same network, batch size, optimizer, loss and augmentation. */
struct speed {
    double flops;           /* of all its trials, or of those of the workload it was lent by */
    double train, evaluate; /* seconds a sample; 0: not measured */
    double begin;           /* seconds before the first step */
    double *metrics;        /* [metrics] seconds for each unit of metric_work; 0: not measured */
};

struct speeds;

/* plan (resolved) and schema are lent for the call. *out is owned by the caller. Takes a second or two where networks
 * and metrics are small: a training step, a block of an evaluation and a measure point at least are done of each. */
enum status speeds_measure(struct plan *plan, const struct schema *schema, struct speeds **out, struct error *error);
void speeds_destroy(struct speeds **speeds);

/* Of the trial's workload; where that was not measured, of the most similar one with its network; NULL: none was. */
const struct speed *speeds_of(const struct speeds *speeds, int64_t trial);

#endif
