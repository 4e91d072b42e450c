/* reduction.c - which samples train.reduction has kept, choice by choice, and what became of the test accuracy. */
#include <stddef.h>
#include <string.h>

#include "metrics/kinds.h"

struct reduction_settings {
    struct metric_when when;
};

static const struct field reduction_fields[] = {METRIC_WHEN_FIELDS(struct reduction_settings, "[end]"), {0}};

enum own_dimension { OWN_CHOICE, OWN_PLACE, OWN_COUNT };

static int64_t choice_size(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return sizes->choices;
}

static int64_t place_size(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return sizes->kept;
}

static const struct metric_dimension dimensions[OWN_COUNT] = {
    [OWN_CHOICE] = {.name = "choice",
                    .units = "1",
                    .long_name = "choices of samples to keep, in order",
                    .size = choice_size},
    [OWN_PLACE] = {.name = "place", .units = "1", .long_name = "place among the samples kept", .size = place_size}};

enum { COLUMN_SAMPLES, COLUMN_EPOCH, COLUMN_COUNT, COLUMN_KEPT, COLUMN_BEFORE, COLUMN_AFTER, REDUCTION_COLUMNS };

static const struct column reduction_columns[REDUCTION_COLUMNS] = {
    [COLUMN_SAMPLES] = {.name = "samples",
                        .type = COLUMN_INT32,
                        .dimensions = {DIMENSION_POINT},
                        .units = "sample",
                        .long_name = "training samples that training goes on with after the measure point"},
    [COLUMN_EPOCH] = {.name = "chosen_epoch",
                      .type = COLUMN_INT32,
                      .dimensions = {DIMENSION_OWN + OWN_CHOICE},
                      .units = "epoch",
                      .long_name = "epochs run when the samples were chosen; -1: they never were"},
    [COLUMN_COUNT] = {.name = "kept_count",
                      .type = COLUMN_INT32,
                      .dimensions = {DIMENSION_OWN + OWN_CHOICE},
                      .units = "sample",
                      .long_name = "samples kept"},
    [COLUMN_KEPT] = {.name = "kept",
                     .type = COLUMN_INT32,
                     .dimensions = {DIMENSION_OWN + OWN_CHOICE, DIMENSION_OWN + OWN_PLACE},
                     .units = "1",
                     .long_name = "positions in the training subset of the samples kept, ascending; -1 behind them"},
    [COLUMN_BEFORE] = {.name = "test_accuracy_before",
                       .type = COLUMN_FLOAT64,
                       .dimensions = {DIMENSION_OWN + OWN_CHOICE},
                       .units = "1",
                       .long_name = "test accuracy when the samples were chosen"},
    [COLUMN_AFTER] = {.name = "test_accuracy_after",
                      .type = COLUMN_FLOAT64,
                      .dimensions = {DIMENSION_OWN + OWN_CHOICE},
                      .units = "1",
                      .long_name = "test accuracy when the next choice was made, or at the end"}};

static void record_choice(const struct measurement *at, int choice, void *const *row)
{
    int32_t *const kept = (int32_t *)row[COLUMN_KEPT] + (size_t)choice * (size_t)at->sizes->kept;
    ((int32_t *)row[COLUMN_EPOCH])[choice] = at->epoch;
    ((int32_t *)row[COLUMN_COUNT])[choice] = at->kept_count;
    memcpy(kept, at->kept, (size_t)at->kept_count * sizeof *kept);
    ((double *)row[COLUMN_BEFORE])[choice] = at->parts[PART_TEST].accuracy;
}

static enum status reduction_epoch(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    (void)settings, (void)state, (void)error;
    const int latest = at->choices - 1;
    if (latest < 0)
        return STATUS_OK;
    const bool is_new = ((int32_t *)row[COLUMN_EPOCH])[latest] < 0;
    const int running = is_new ? latest - 1 : latest;
    if (running >= 0)
        ((double *)row[COLUMN_AFTER])[running] = at->parts[PART_TEST].accuracy;
    if (is_new)
        record_choice(at, latest, row);
    return STATUS_OK;
}

static enum status reduction_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                     struct error *error)
{
    (void)settings, (void)state, (void)error;
    *(int32_t *)row[COLUMN_SAMPLES] = at->kept_count;
    return STATUS_OK;
}

const struct metric_ops metric_reduction = {
    .kind = {.name = "reduction",
             .summary = "the samples that train.reduction keeps, and the test accuracy before and after",
             .fields = reduction_fields,
             .check = metric_when_check},
    .column_count = REDUCTION_COLUMNS,
    .columns = reduction_columns,
    .dimension_count = OWN_COUNT,
    .dimensions = dimensions,
    .epoch = reduction_epoch,
    .measure = reduction_measure};
