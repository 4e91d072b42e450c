/* metric_speeds.h - what a sweep's metrics take on a trial that has not been trained. */
#ifndef SEEDBED_SWEEP_METRIC_SPEEDS_H
#define SEEDBED_SWEEP_METRIC_SPEEDS_H

#include "sweep/plan.h"
#include "sweep/schema.h"

struct metric_speeds_request {
    const struct plan *plan; /* all lent */
    const struct schema *schema;
    const struct plan_trial *trial;
    const struct trial_config *config; /* the trial's */
    struct network *network;           /* initialised; its parameters stay */
    double flops_per_second;           /* of evaluations: for a first guess */
};

/* Every metric at one moment that is beginning and end at once, on as many of the trial's samples as a third of a
 * second is likely to allow. seconds [metrics]: for each unit of metric_work; left as it is where a metric has no
 * point at such a moment or cannot be measured. */
enum status metric_speeds_measure(const struct metric_speeds_request *request, double *seconds, struct error *error);

#endif
