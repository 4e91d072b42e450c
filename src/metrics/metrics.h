/* metrics.h - the table of metrics, and the moments they are measured at. */
#ifndef SEEDBED_METRICS_METRICS_H
#define SEEDBED_METRICS_METRICS_H

#include "seedbed/metric.h"

extern const struct kind_table metric_table; /* struct metric_ops */
extern const struct kind_table interpolation_mode_table, margin_scale_table;
extern const struct kind_table part_table; /* the names of the parts of the data, by PART_... */

/* The curves recorded after every epoch, whatever the sweep asks for: group `curves`, dimension epoch. */
enum curve {
    CURVE_TRAIN_LOSS,
    CURVE_TEST_LOSS,
    CURVE_TRAIN_ACCURACY,
    CURVE_TEST_ACCURACY,
    CURVE_LEARNING_RATE,
    CURVE_PARAMETER_NORM,
    CURVE_GRADIENT_NORM,
    CURVE_VALIDATION_LOSS, /* from here on only where the sweep has a validation part */
    CURVE_VALIDATION_ACCURACY,
    CURVE_COUNT
};
extern const struct column curve_columns[CURVE_COUNT];

/* Moments of one metric in one sweep, in order: init or epoch 0, epochs ascending, steps ascending, training losses
 * descending, separated, end. */
enum moment { MOMENT_EPOCH, MOMENT_STEP, MOMENT_LOSS, MOMENT_SEPARATED, MOMENT_END };

struct measure_point {
    enum moment moment;
    int64_t number;    /* the epoch of MOMENT_EPOCH (`init` is 0), the step of MOMENT_STEP */
    double train_loss; /* of MOMENT_LOSS */
};

/* Fills points (room for capacity) for a sweep whose longest trials have `epochs` and `steps`; returns how many there
 * are. */
int metric_points(const struct metric_when *when, int64_t epochs, int64_t steps, struct measure_point *points,
                  int capacity);

#endif
