/* interpolation.h - settings and columns of the metric `interpolation`, shared by what it is made of. */
#ifndef SEEDBED_METRICS_INTERPOLATION_H
#define SEEDBED_METRICS_INTERPOLATION_H

#include "metrics/path.h"
#include "seedbed/metric.h"

struct mode_ops {
    struct kind kind;
    double (*share)(const struct path *path, const struct tensor_spec *tensor, double alpha);
};

struct interpolation_settings {
    struct metric_when when;
    struct name_list modes; /* struct mode_ops */
    struct name_list parts;
    int64_t points, samples;
    const struct kind *running_statistics;
    double tolerance;
};

extern const struct field interpolation_fields[];
extern const struct kind mode_layers;          /* stands for one path a layer */
extern const struct kind statistics_estimated; /* a name of running_statistics */

bool interpolation_names(const struct name_list *list, const struct kind *kind);
bool interpolation_names_part(const struct interpolation_settings *settings, int part);
/* Modes but `layers`; the i-th of them. */
int interpolation_mode_count(const struct interpolation_settings *settings);
const struct mode_ops *interpolation_mode(const struct interpolation_settings *settings, int i);

/* Columns of curves come twice: [point, mode, alpha] and [point, layer, alpha]; what follows from them without alpha.
 */
enum curve_set { SET_MODES, SET_LAYERS, SET_COUNT };
enum curve_column { CURVE_LOSS, CURVE_ERROR, CURVE_PREDICTED, CURVE_COLUMNS }; /* of each part */
enum shape_column {
    SHAPE_BUMP_HEIGHT = PART_COUNT * CURVE_COLUMNS,
    SHAPE_BUMP_WIDTH,
    SHAPE_LOSS_MONOTONE,
    SHAPE_ERROR_MONOTONE,
    SHAPE_LOSS_PLATEAU,
    SHAPE_ERROR_PLATEAU,
    SHAPE_LARGEST_SHARE,
    SHAPE_LARGEST_CLASS,
    SHAPE_BIAS_SHARE,
    SET_COLUMNS
};
enum interpolation_column {
    COLUMN_LAST_BIAS = SET_COUNT * SET_COLUMNS,
    COLUMN_LAST_BIAS_SPREAD,
    COLUMN_CLASS_ERROR,
    COLUMN_LEARNED_EPOCH,
    COLUMN_BIAS_CORRELATION,
    INTERPOLATION_COLUMNS
};

/* Training's own course, from epoch to epoch. row: whole columns. */
void interpolation_record_epoch(const struct measurement *at, void *const *row);
enum status interpolation_record_end(const struct measurement *at, void *const *row, struct error *error);

/* The bias of the layer with the last weights, one number a class; NULL: it has none. Lent. */
const float *interpolation_last_bias(const struct measurement *at);

#endif
