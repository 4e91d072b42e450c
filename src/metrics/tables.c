/* tables.c - which metrics there are, and the curves that every trial records. */
#include "metrics/kinds.h"
#include "metrics/metrics.h"

static const struct kind *const metric_kinds[] = {&metric_curvature.kind,     &metric_gradients.kind,
                                                  &metric_interpolation.kind, &metric_margins.kind,
                                                  &metric_memorization.kind,  &metric_reduction.kind,
                                                  &metric_sample_loss.kind,   &metric_stiffness.kind,
                                                  &metric_weights.kind,       NULL};
const struct kind_table metric_table = {.what = "metric", .plural = "metrics", .kinds = metric_kinds};

static const struct kind kind_train = {.name = "train", .summary = "the samples trained on"};
static const struct kind kind_test = {.name = "test", .summary = "the test samples"};
static const struct kind kind_validation = {.name = "validation",
                                            .summary = "the samples that data.validation_size sets aside"};
static const struct kind *const part_kinds[PART_COUNT + 1] = {
    [PART_TRAIN] = &kind_train, [PART_TEST] = &kind_test, [PART_VALIDATION] = &kind_validation};
const struct kind_table part_table = {.what = "part of the data", .plural = "parts", .kinds = part_kinds};

#define CURVE(curve_name, curve_long_name)                                                         \
    {                                                                                              \
        .name = curve_name, .type = COLUMN_FLOAT64, .dimensions = {DIMENSION_EPOCH}, .units = "1", \
        .long_name = curve_long_name                                                               \
    }

const struct column curve_columns[CURVE_COUNT] = {
    [CURVE_TRAIN_LOSS] = CURVE("train_loss", "mean of the trial's loss over the training part, labels trained on"),
    [CURVE_TEST_LOSS] = CURVE("test_loss", "mean of the trial's loss over the test part"),
    [CURVE_VALIDATION_LOSS] = CURVE("validation_loss", "mean of the trial's loss over the validation part"),
    [CURVE_VALIDATION_ACCURACY] =
        CURVE("validation_accuracy", "share of validation samples whose label, noisy or not, is predicted"),
    [CURVE_TRAIN_ACCURACY] = CURVE("train_accuracy", "share of training samples whose label trained on is predicted"),
    [CURVE_TEST_ACCURACY] = CURVE("test_accuracy", "share of test samples whose label is predicted"),
    [CURVE_LEARNING_RATE] = CURVE("learning_rate", "learning rate of the epoch's last step; epoch 0: of the first"),
    [CURVE_PARAMETER_NORM] = CURVE("parameter_norm", "L2 norm of all parameters at the epoch's end"),
    [CURVE_GRADIENT_NORM] =
        CURVE("gradient_norm", "mean over the epoch's steps of the batch gradient's L2 norm, without weight decay"),
};
