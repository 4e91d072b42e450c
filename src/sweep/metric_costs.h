/* metric_costs.h - what a trial's metrics will take, before it runs. */
#ifndef SEEDBED_SWEEP_METRIC_COSTS_H
#define SEEDBED_SWEEP_METRIC_COSTS_H

#include "config/config.h"
#include "seedbed/metric.h"
#include "sweep/plan.h"

/* A trial of the model with count [PART_COUNT] samples, as metrics see it. */
struct metric_trial metric_trial_of(const struct plan_model *model, const struct loss_ops *loss, const int *count,
                                    int max_batch);

/* All measure points of all metrics over so many epochs and steps: their work together, and the memory of the
 * hungriest, since one follows the other. */
struct metric_cost metric_costs(const struct choices *metrics, const struct metric_trial *trial, int64_t epochs,
                                int64_t steps);

/* What a measure point's time follows: its FLOPs, and a look at every output. */
double metric_work(const struct metric_ops *ops, const void *settings, const struct metric_trial *trial);

#endif
