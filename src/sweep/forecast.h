/* forecast.h - what a plan will need: work, time, memory, disk. */
#ifndef SEEDBED_SWEEP_FORECAST_H
#define SEEDBED_SWEEP_FORECAST_H

#include "sweep/plan.h"
#include "sweep/schema.h"

struct forecast {
    double flops, longest_flops; /* of all trials, of the longest */
    double flops_per_second;     /* of one rank: measured now, on the plan's largest model */
    double node_bytes;           /* data sets, once a node */
    double rank_bytes;           /* network, row and evaluation of one rank */
    double file_bytes;
};

/* plan is resolved. Takes some tenths of a second for the measurement. */
enum status forecast_make(struct plan *plan, const struct schema *schema, struct forecast *out, struct error *error);

/* Seconds on so many ranks: the larger of the even share and the longest trial. */
double forecast_seconds(const struct forecast *forecast, int ranks);

#endif
