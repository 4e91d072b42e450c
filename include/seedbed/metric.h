/* metric.h - the interface of a metric: what is measured on one trial at its measure points. */
#ifndef SEEDBED_METRIC_H
#define SEEDBED_METRIC_H

#include <stdbool.h>
#include <stddef.h>
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
    struct integer_list steps;  /* 0 is before training */
    struct real_list loss;      /* mean training losses to be reached */
    int64_t loss_every;         /* steps between looks at the training loss; 0: at the ends of epochs */
};

extern const struct kind_table moment_table; /* the names of `at`: init, separated, end */

/* Whether the settings that begin with a metric_when fit each other: `kind.check` of every metric, or called by it. */
enum status metric_when_check(const void *settings, struct error *error);

#define METRIC_WHEN_FIELDS(settings, default_at)                                                                    \
    {.name = "at",                                                                                                  \
     .type = FIELD_NAMES,                                                                                           \
     .offset = offsetof(settings, when.at),                                                                         \
     .default_text = default_at,                                                                                    \
     .kinds = &moment_table,                                                                                        \
     .flags = FIELD_NO_GRID,                                                                                        \
     .summary = "Moments to measure at: init, separated (first epoch with every training sample right), end."},     \
        {.name = "every",                                                                                           \
         .type = FIELD_INTEGER,                                                                                     \
         .offset = offsetof(settings, when.every),                                                                  \
         .default_text = "0",                                                                                       \
         .maximum = 1e9,                                                                                            \
         .unit = "epochs",                                                                                          \
         .flags = FIELD_NO_GRID,                                                                                    \
         .summary = "Also every so many epochs; 0 for never."},                                                     \
        {.name = "epochs",                                                                                          \
         .type = FIELD_INTEGERS,                                                                                    \
         .offset = offsetof(settings, when.epochs),                                                                 \
         .default_text = "[]",                                                                                      \
         .maximum = 1e9,                                                                                            \
         .flags = FIELD_NO_GRID,                                                                                    \
         .summary = "Also after these epochs; 0 is before training."},                                              \
        {.name = "steps",                                                                                           \
         .type = FIELD_INTEGERS,                                                                                    \
         .offset = offsetof(settings, when.steps),                                                                  \
         .default_text = "[]",                                                                                      \
         .maximum = 1e15,                                                                                           \
         .flags = FIELD_NO_GRID | FIELD_SPACED | FIELD_LATER,                                                       \
         .summary =                                                                                                 \
             "Also after these optimizer steps, within epochs too; {log: [...]} is rounded, each number once."},    \
        {.name = "loss",                                                                                            \
         .type = FIELD_REALS,                                                                                       \
         .offset = offsetof(settings, when.loss),                                                                   \
         .default_text = "[]",                                                                                      \
         .maximum = 1e15,                                                                                           \
         .flags = FIELD_NO_GRID | FIELD_LATER,                                                                      \
         .summary =                                                                                                 \
             "Also the first time that the mean training loss, in evaluation mode, is at or below each of these."}, \
    {                                                                                                               \
        .name = "loss_every", .type = FIELD_INTEGER, .offset = offsetof(settings, when.loss_every),                 \
        .default_text = "0", .maximum = 1e15, .unit = "steps", .flags = FIELD_NO_GRID | FIELD_LATER,                \
        .summary = "Look for 'loss' after every so many steps too; 0: at the ends of epochs only."                  \
    }

/* Sizes that a metric's own dimensions and memory may follow: the sweep's largest. */
struct metric_sizes {
    int64_t points; /* of this metric */
    int64_t epochs;
    int64_t train_samples, test_samples;
    int64_t validation_samples; /* 0: the sweep has no validation part */
    int64_t classes;
    int64_t parameters; /* of the flat block, running statistics included */
    int64_t tensors;    /* of one network, running statistics included */
    int64_t weights;    /* weight tensors of one network: layers that have some */
    int64_t choices;    /* times that train.reduction may choose samples; 0: never */
    int64_t kept;       /* samples that it keeps then, at most */
    int64_t layers;     /* of one network */
    bool superclasses;  /* a data set of the sweep says which classes belong together */
};

struct loss_ops; /* seedbed/loss.h */

/* A trial before it runs: whether a metric fits it, and what the work and the memory of a measure point follow. */
struct metric_trial {
    const struct loss_ops *loss;
    const char *uncurved;    /* the first layer without derivatives along a direction; empty: all have them */
    int samples[PART_COUNT]; /* of each part; 0: it has none */
    int classes;
    int max_batch;                   /* samples that pass through the network at once, at most */
    int layers, weights;             /* all layers; weight tensors */
    int64_t inputs;                  /* floats of a sample */
    int64_t outputs, largest_output; /* the same of all layers' outputs together, and of a layer's, at most */
    int64_t parameters, states;
    int64_t largest_tensor;                 /* numbers of a parameter tensor, at most */
    double forward_flops;                   /* of a sample's forward pass; there and back takes three times as much */
    double linear_bytes;                    /* of a weight tensor's linear map for one sample, at most */
    double gradient_bytes, gradient_room;   /* of samples' own gradients: for each sample, and beside */
    double curvature_bytes, curvature_room; /* of products with the Hessian: for each sample of a batch, and beside */
};

/* What a measure point takes. */
struct metric_cost {
    double flops; /* or as long as so many in forward passes */
    double bytes; /* at once, beyond the state */
};

enum { METRIC_DIMENSIONS_MAX = 8 };

/* A dimension that the metric brings: `<metric>_<name>` in the file. Of size 0 it is left out, with every column that
 * has it. Coordinates are numbers, texts, or (both NULL) 0, 1, .... */
struct metric_dimension {
    const char *name, *units, *long_name;
    int64_t (*size)(const void *settings, const struct metric_sizes *sizes);
    double (*number)(const void *settings, int64_t i);
    const char *(*text)(const void *settings, int64_t i);
};

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

struct network; /* network/network.h */
struct samples; /* data/data.h */
struct yield;   /* base/yield.h */

/* A trial at the end of an epoch or another moment. Everything is lent for the call. */
struct measurement {
    int point; /* the metric's measure point; -1 in `epoch` and `end` */
    int epoch;
    int64_t step;
    int64_t samples_seen;
    int classes;
    const struct metric_sizes *sizes;    /* that the file's dimensions follow: columns may be larger than this trial */
    struct evaluation parts[PART_COUNT]; /* one of count 0: the trial has no such part */
    int64_t parameter_count;
    int64_t state_count;     /* running statistics and their like */
    const float *parameters; /* [parameter_count + state_count] */
    int tensor_count;
    const struct tensor_spec *tensors; /* [tensor_count], in the order of the flat block */
    uint64_t metric_seed;              /* the `metric` stream's seed */
    int choices;                       /* times that train.reduction has chosen samples */
    int kept_count;
    const int32_t *kept; /* [kept_count] positions in the training part that training goes on with, ascending */

    /* For metrics that pass samples through the network again. It may be used freely, but its parameters and running
     * statistics must be left bit for bit as they were. */
    struct network *network;
    const struct samples *samples; /* [PART_COUNT] */
    const struct choice *loss;     /* struct loss_ops */
    /* To be called now and then in long work; anything but STATUS_OK is passed on. A call of the metric that ended so
     * may be made again, with its state as it was before; its row may hold what it wrote. */
    const struct yield *yield;
};

/* A mini-batch as training passed it through the network, in training mode, before its step. */
struct metric_batch {
    int epoch; /* 1, 2, ...: the epoch that it belongs to */
    int n, classes;
    const int32_t *which;                /* [n] positions in the training part */
    const float *logits;                 /* [n, classes] */
    const int16_t *labels, *true_labels; /* of the training part: labels[which[i]] */
};

/* A metric. `columns` may hang on the settings through `records`. All calls but `measure` may be NULL. */
struct metric_ops {
    struct kind kind; /* its name is the group's name in the results file */
    int column_count;
    const struct column *columns;
    int dimension_count;                       /* at most METRIC_DIMENSIONS_MAX */
    const struct metric_dimension *dimensions; /* its own */

    /* Whether the file has the column; NULL: every one. */
    bool (*records)(const void *settings, const struct metric_sizes *sizes, int column);

    /* Bytes kept over one trial, zeroed before it. What they hold must not point anywhere. */
    size_t (*state_bytes)(const void *settings, const struct metric_sizes *sizes);

    /* Whether it can be measured on the trial. The message begins with the key at fault, whole, and a colon.
     * NULL: on any. */
    enum status (*fit)(const void *settings, const struct metric_trial *trial, struct error *error);

    /* What one measure point will take, for `plan` and the order of trials. NULL: next to nothing. */
    struct metric_cost (*cost)(const void *settings, const struct metric_trial *trial);

    /* Before each step; must be cheap. */
    void (*batch)(const void *settings, const struct metric_batch *batch, void *state);

    /* After epoch 0, 1, ... and where training ends, before `measure`. row[c] is the trial's whole columns[c]. */
    enum status (*epoch)(const void *settings, const struct measurement *at, void *state, void *const *row,
                         struct error *error);

    /* At a measure point. row[c] is columns[c]: its slab at this point if its first dimension is DIMENSION_POINT, else
     * whole; NULL where the file does not have it. All hold the absent value before they are first written. */
    enum status (*measure)(const void *settings, const struct measurement *at, void *state, void *const *row,
                           struct error *error);

    /* When training has ended, by its epochs or by train.stop, after `measure`; row as in `epoch`. */
    enum status (*end)(const void *settings, const struct measurement *at, void *state, void *const *row,
                       struct error *error);
};

#endif
