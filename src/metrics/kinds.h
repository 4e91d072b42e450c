/* kinds.h - the entries of this folder's table. */
#ifndef SEEDBED_METRICS_KINDS_H
#define SEEDBED_METRICS_KINDS_H

#include "seedbed/metric.h"

extern const struct metric_ops metric_curvature, metric_gradients, metric_interpolation, metric_margins,
    metric_memorization, metric_reduction, metric_sample_loss, metric_stiffness, metric_weights;

#endif
