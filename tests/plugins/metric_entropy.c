/* metric_entropy.c - a metric from the public headers alone: how evenly a network spreads its predictions. */
#include <math.h>
#include <stddef.h>

#include "seedbed/metric.h"

struct entropy_settings {
    struct metric_when when;
    double floor;
};

static const struct field entropy_fields[] = {METRIC_WHEN_FIELDS(struct entropy_settings, "[end]"),
                                              {.name = "floor",
                                               .type = FIELD_REAL,
                                               .offset = offsetof(struct entropy_settings, floor),
                                               .default_text = "0",
                                               .maximum = 1,
                                               .summary = "Shares at or below it count as zero."},
                                              {0}};

static const struct column entropy_columns[] = {
    {.name = "train", .type = COLUMN_FLOAT64, .dimensions = {DIMENSION_POINT}, .units = "nat", .long_name = "entropy"},
    {.name = "test", .type = COLUMN_FLOAT64, .dimensions = {DIMENSION_POINT}, .units = "nat", .long_name = "entropy"}};

static int predicted_class(const float *logits, int classes)
{
    int best = 0;
    for (int j = 1; j < classes; j++)
        if (logits[j] > logits[best])
            best = j;
    return best;
}

static double entropy_of(const struct evaluation *part, int classes, double floor)
{
    double entropy = 0;
    for (int class = 0; class < classes; class ++) {
        int count = 0;
        for (int i = 0; i < part->count; i++)
            count += predicted_class(part->logits + (size_t)i * (size_t)classes, classes) == class;
        const double share = (double)count / part->count;
        entropy -= share > floor ? share * log(share) : 0;
    }
    return entropy;
}

static enum status entropy_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    const struct entropy_settings *entropy = settings;
    (void)state, (void)error;
    for (int part = 0; part < DATASET_PARTS; part++)
        *(double *)row[part] = entropy_of(&at->parts[part], at->classes, entropy->floor);
    return STATUS_OK;
}

const struct metric_ops metric_entropy = {.kind = {.name = "entropy",
                                                   .summary = "entropy of the predicted classes",
                                                   .fields = entropy_fields,
                                                   .check = metric_when_check},
                                          .column_count = 2,
                                          .columns = entropy_columns,
                                          .measure = entropy_measure};
