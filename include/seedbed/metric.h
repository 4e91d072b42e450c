/* metric.h - the interface of a metric: what is measured on one trial at its measure points. */
#ifndef SEEDBED_METRIC_H
#define SEEDBED_METRIC_H

#include <stdint.h>

#include "seedbed/column.h"
#include "seedbed/dataset.h"
#include "seedbed/field.h"
#include "seedbed/layer.h"
#include "seedbed/status.h"

/* Which moments; first member of every metric's settings, with METRIC_WHEN_FIELDS at the head of its field table. */
struct metric_when {
    struct name_list at;        /* init, separated, end */
    int64_t every;              /* epochs; 0: none */
    struct integer_list epochs; /* 0 is before training */
};

extern const struct kind_table moment_table; /* the names of `at`: init, separated, end */

#define METRIC_WHEN_FIELDS(settings, default_at)                                                                   \
    {.name = "at",                                                                                                 \
     .type = FIELD_NAMES,                                                                                          \
     .offset = offsetof(settings, when.at),                                                                        \
     .default_text = default_at,                                                                                   \
     .kinds = &moment_table,                                                                                       \
     .flags = FIELD_NO_GRID,                                                                                       \
     .summary = "Moments to measure at: init, separated (first epoch with every training sample right), end."},    \
        {.name = "every",                                                                                          \
         .type = FIELD_INTEGER,                                                                                    \
         .offset = offsetof(settings, when.every),                                                                 \
         .default_text = "0",                                                                                      \
         .maximum = 1e9,                                                                                           \
         .unit = "epochs",                                                                                         \
         .flags = FIELD_NO_GRID,                                                                                   \
         .summary = "Also every so many epochs; 0 for never."},                                                    \
    {                                                                                                              \
        .name = "epochs", .type = FIELD_INTEGERS, .offset = offsetof(settings, when.epochs), .default_text = "[]", \
        .maximum = 1e9, .flags = FIELD_NO_GRID, .summary = "Also after these epochs; 0 is before training."        \
    }

/* One part of the data as the trial sees it, evaluated once per moment and shared by all metrics. */
struct evaluation {
    int count;
    const float *logits;        /* [count, classes], evaluation mode */
    const int16_t *labels;      /* [count], trained on */
    const int16_t *true_labels; /* [count] */
    const double *losses;       /* [count], of the trial's loss on `labels` */
    double mean_loss;
    double accuracy; /* on `labels` */
};

/* A trial at a measure point. Everything is lent for the call. */
struct measurement {
    int epoch;
    int64_t step;
    int64_t samples_seen;
    int classes;
    struct evaluation parts[PART_COUNT];
    int64_t parameter_count;
    int64_t state_count;     /* running statistics and their like */
    const float *parameters; /* [parameter_count + state_count] */
    int tensor_count;
    const struct tensor_spec *tensors; /* [tensor_count], in the order of the flat block */
    uint64_t metric_seed;              /* the `metric` stream's seed */
};

struct metric_ops {
    struct kind kind; /* its name is the group's name in the results file */
    int column_count;
    const struct column *columns;

    /* Writes into row[c] the slab of columns[c] at this point. Slabs hold the absent value before. */
    enum status (*measure)(const void *settings, const struct measurement *at, void *const *row, struct error *error);
};

#endif
