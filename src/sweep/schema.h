/* schema.h - what the results file of a plan holds: every dimension, fixed array and row column, and where in a row
 * each part of a trial goes. */
#ifndef SEEDBED_SWEEP_SCHEMA_H
#define SEEDBED_SWEEP_SCHEMA_H

#include "metrics/metrics.h"
#include "results/results.h"
#include "sweep/plan.h"

/* Columns of /trials that a row carries. */
enum trial_column {
    TRIAL_TRAIN_LOSS,
    TRIAL_TEST_LOSS,
    TRIAL_TRAIN_ACCURACY,
    TRIAL_TEST_ACCURACY,
    TRIAL_EPOCHS_RUN,
    TRIAL_STEPS,
    TRIAL_SEPARATED_EPOCH,
    TRIAL_VALIDATION_LOSS, /* from here on only where the sweep has a validation part */
    TRIAL_VALIDATION_ACCURACY,
    TRIAL_COLUMN_COUNT
};

/* Columns of /pairs that a row carries: doubles, [pair], [pair, pair_alpha] or [pair, pair_share]. */
enum pair_column {
    PAIR_PATH_TRAIN_LOSS,
    PAIR_PATH_TRAIN_ERROR,
    PAIR_PATH_TEST_LOSS,
    PAIR_PATH_TEST_ERROR,
    PAIR_BARRIER_TRAIN_LOSS,
    PAIR_BARRIER_TRAIN_ERROR,
    PAIR_BARRIER_TEST_LOSS,
    PAIR_BARRIER_TEST_ERROR,
    PAIR_DISAGREEMENT_TRAIN,
    PAIR_DISAGREEMENT_TEST,
    PAIR_RANK_CORRELATION,
    PAIR_OVERLAP_LOWEST,
    PAIR_OVERLAP_HIGHEST,
    PAIR_OVERLAP_CHANCE,
    PAIR_DISTANCE,
    PAIR_COSINE,
    PAIR_COLUMN_COUNT
};

/* Columns of /stages, where a trial of the sweep has stages. */
enum stage_column {
    STAGE_NOISE_RATE,
    STAGE_EPOCHS_RUN,
    STAGE_STEPS,
    STAGE_TRAIN_LOSS,
    STAGE_TRAIN_ACCURACY,
    STAGE_COLUMN_COUNT
};

/* Columns that every metric group has for its measure points. */
enum point_column { POINT_EPOCH, POINT_STEP, POINT_SAMPLES_SEEN, POINT_TRAIN_LOSS, POINT_COLUMN_COUNT };

/* One metric of the sweep: its points, and its arrays as indices into the schema. */
struct schema_metric {
    const struct metric_ops *ops;
    const void *settings;
    struct metric_sizes sizes;
    int point_count;
    struct measure_point *points; /* [point_count] */
    int first_point_array;        /* of POINT_COLUMN_COUNT */
    int *arrays;                  /* [ops->column_count]; -1: not in the file */
};

/* A named text of /provenance. */
struct provenance_item {
    const char *name;
    char text[512];
};

struct schema_request {
    struct plan *plan;       /* resolved */
    const char *yaml;        /* the sweep file as given */
    const char *const *sets; /* `--set` values as given */
    int set_count;
    const struct provenance_item *provenance;
    int provenance_count;
    bool with_data; /* fixed arrays are filled: to make a file. Without, they are only declared: to open one. */
};

struct schema;

/* *out is owned by the caller. Any rank. */
enum status schema_create(const struct schema_request *request, struct schema **out, struct error *error);
void schema_destroy(struct schema **schema);

/* All lent. An array that the file does not have is -1. */
const struct results_schema *schema_results(const struct schema *schema);
int schema_trial_array(const struct schema *schema, enum trial_column column);
int schema_pair_array(const struct schema *schema, enum pair_column column);
int schema_stage_array(const struct schema *schema, enum stage_column column);
int schema_curve_array(const struct schema *schema, enum curve curve);
int schema_metric_count(const struct schema *schema);
const struct schema_metric *schema_metric(const struct schema *schema, int metric);
/* Bytes of one measure point's slab of an array whose first dimension after `trial` is the metric's points. */
size_t schema_point_bytes(const struct schema *schema, int array);

#endif
