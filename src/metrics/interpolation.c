/* interpolation.c - loss, error and predicted classes along ways from the parameters before training to those now (Wang
 * et al. 2022). Each network on the way is evaluated as the trial itself is, so that the ends of the line have the
 * values of the curves, bit for bit. State: the parameters and running statistics at epoch 0. */
#include "metrics/interpolation.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "kernels/reduce.h"
#include "metrics/kinds.h"
#include "network/network.h"
#include "seedbed/random.h"
#include "training/training.h"

_Static_assert(sizeof(struct interpolation_settings) <= CHOICE_BYTES, "settings of a metric must fit a choice");

enum own_dimension { OWN_MODE, OWN_LAYER, OWN_ALPHA, OWN_COUNT };

static int64_t mode_size(const void *settings, const struct metric_sizes *sizes)
{
    (void)sizes;
    return interpolation_mode_count(settings);
}

static const char *mode_name(const void *settings, int64_t i)
{
    return interpolation_mode(settings, (int)i)->kind.name;
}

static int64_t layer_size(const void *settings, const struct metric_sizes *sizes)
{
    const struct interpolation_settings *const s = settings;
    return interpolation_names(&s->modes, &mode_layers) ? sizes->weights : 0;
}

static double layer_number(const void *settings, int64_t i)
{
    (void)settings;
    return (double)i + 1;
}

static int64_t alpha_size(const void *settings, const struct metric_sizes *sizes)
{
    (void)sizes;
    return ((const struct interpolation_settings *)settings)->points;
}

static double alpha_number(const void *settings, int64_t i)
{
    return (double)i / (double)(((const struct interpolation_settings *)settings)->points - 1);
}

static const struct metric_dimension interpolation_dimensions[OWN_COUNT] = {
    [OWN_MODE] = {.name = "mode",
                  .units = "1",
                  .long_name = "ways from the parameters before training to those at the measure point",
                  .size = mode_size,
                  .text = mode_name},
    [OWN_LAYER] = {.name = "layer",
                   .units = "1",
                   .long_name = "layers with weights, from the input; the one that moves",
                   .size = layer_size,
                   .number = layer_number},
    [OWN_ALPHA] = {.name = "alpha",
                   .units = "1",
                   .long_name = "place on the way: 0 before training, 1 at the measure point",
                   .size = alpha_size,
                   .number = alpha_number}};

/* clang-format off */
#define CURVE(column_name, column_type, way, text)                                               \
    {.name = column_name, .type = column_type, .units = "1", .long_name = text,                  \
     .dimensions = {DIMENSION_POINT, DIMENSION_OWN + (way), DIMENSION_OWN + OWN_ALPHA}}
#define PREDICTED(column_name, way, text)                                                        \
    {.name = column_name, .type = COLUMN_INT32, .units = "sample", .long_name = text,            \
     .dimensions = {DIMENSION_POINT, DIMENSION_OWN + (way), DIMENSION_OWN + OWN_ALPHA, DIMENSION_CLASS}}
#define NUMBER(column_name, column_type, way, text)                                              \
    {.name = column_name, .type = column_type, .units = "1", .long_name = text,                  \
     .dimensions = {DIMENSION_POINT, DIMENSION_OWN + (way)}}
#define PART(prefix, part, way)                                                                  \
    CURVE(prefix part "_loss", COLUMN_FLOAT64, way, "mean loss over the samples of the part"),   \
    CURVE(prefix part "_error", COLUMN_FLOAT64, way, "share of samples whose label is not predicted"), \
    PREDICTED(prefix part "_predicted", way, "samples predicted to be of each class")
#define SET(prefix, way)                                                                         \
    PART(prefix, "train", way),                                                                  \
    PART(prefix, "test", way),                                                                   \
    PART(prefix, "validation", way),                                                             \
    NUMBER(prefix "bump_height", COLUMN_FLOAT64, way, "how far train_loss rises above where the highest bump opens"), \
    NUMBER(prefix "bump_width", COLUMN_FLOAT64, way,                                             \
           "alpha from where the highest bump opens to where train_loss falls below its value there, or to 1"), \
    NUMBER(prefix "loss_monotone", COLUMN_INT16, way, "1: train_loss never rises; 0: it does"),  \
    NUMBER(prefix "error_monotone", COLUMN_INT16, way, "1: train_error never rises; 0: it does"), \
    NUMBER(prefix "loss_plateau", COLUMN_FLOAT64, way, "P_loss: largest alpha with train_loss >= (1 - tau) of that at 0"), \
    NUMBER(prefix "error_plateau", COLUMN_FLOAT64, way, "P_err: largest alpha with train_error >= (1 - tau) of that at 0"), \
    NUMBER(prefix "largest_share", COLUMN_FLOAT64, way, "largest share of training samples in one predicted class on the way"), \
    NUMBER(prefix "largest_class", COLUMN_INT16, way, "the class of largest_share"),             \
    NUMBER(prefix "bias_class_share", COLUMN_FLOAT64, way,                                       \
           "mean over the error plateau, 0 < alpha <= P_err, of the share of training samples predicted to be of the " \
           "class with the largest last-layer bias at the measure point")

static const struct column interpolation_columns[INTERPOLATION_COLUMNS] = {
    SET("mode_", OWN_MODE),
    SET("layer_", OWN_LAYER),
    {.name = "last_bias", .type = COLUMN_FLOAT32, .units = "1", .dimensions = {DIMENSION_EPOCH, DIMENSION_CLASS},
     .long_name = "bias of the last layer"},
    {.name = "last_bias_spread", .type = COLUMN_FLOAT64, .units = "1", .dimensions = {DIMENSION_EPOCH},
     .long_name = "largest minus least bias of the last layer"},
    {.name = "class_error", .type = COLUMN_FLOAT64, .units = "1", .dimensions = {DIMENSION_EPOCH, DIMENSION_CLASS},
     .long_name = "share of the class's training samples, by label trained on, that are predicted otherwise"},
    {.name = "learned_epoch", .type = COLUMN_INT32, .units = "epoch", .dimensions = {DIMENSION_CLASS},
     .long_name = "first epoch with class_error below 1/2; -1: never"},
    {.name = "bias_order_correlation", .type = COLUMN_FLOAT64, .units = "1",
     .long_name = "Spearman's correlation over classes of learned_epoch, never last, and the last layer's final bias"},
};
/* clang-format on */

static bool interpolation_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    const int place = column % SET_COLUMNS, part = place / CURVE_COLUMNS;
    if (column >= COLUMN_LAST_BIAS)
        return true;
    if (part == PART_VALIDATION && sizes->validation_samples == 0)
        return false;
    return interpolation_names_part(settings, part < PART_COUNT ? part : PART_TRAIN);
}

static size_t interpolation_state_bytes(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return (size_t)sizes->parameters * sizeof(float);
}

static int64_t value_count(const struct measurement *at)
{
    return at->parameter_count + at->state_count;
}

static enum status interpolation_epoch(const void *settings, const struct measurement *at, void *state,
                                       void *const *row, struct error *error)
{
    (void)settings, (void)error;
    if (at->epoch == 0)
        memcpy(state, at->parameters, (size_t)value_count(at) * sizeof(float));
    interpolation_record_epoch(at, row);
    return STATUS_OK;
}

static enum status interpolation_end(const void *settings, const struct measurement *at, void *state, void *const *row,
                                     struct error *error)
{
    (void)settings, (void)state;
    return interpolation_record_end(at, row, error);
}

/* A measure point's work: what all its paths share. */
struct walk {
    const struct interpolation_settings *settings;
    const struct measurement *at;
    const float *start;
    float *end;           /* [value_count] */
    struct samples train; /* those chosen */
    void *chosen;         /* their memory; NULL: all */
    struct evaluator *evaluators[PART_COUNT];
    struct training_hooks hooks;
    int bias_class; /* with the largest last-layer bias; -1: there is none */
    void *const *row;
};

static int compare_positions(const void *a, const void *b)
{
    const int32_t first = *(const int32_t *)a, second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

/* In ascending order, with what is known of them, in one block: positions of all, index, labels, true labels. */
static enum status choose_samples(struct walk *walk, struct error *error)
{
    const struct samples *const all = &walk->at->samples[PART_TRAIN];
    const size_t count = (size_t)walk->settings->samples, whole = (size_t)all->count;
    walk->train = *all;
    if (count == 0 || count >= whole)
        return STATUS_OK;
    TRY(memory_allocate(&walk->chosen, (whole + count) * sizeof(int32_t) + 2 * count * sizeof(int16_t), 1,
                        "chosen samples", error));
    int32_t *const positions = walk->chosen;
    struct random random = random_start(STREAM_METRIC, walk->at->metric_seed, 0);
    random_permutation(&random, all->count, positions);
    qsort(positions, count, sizeof *positions, compare_positions);
    walk->train.count = (int)count;
    walk->train.index = positions + whole;
    walk->train.labels = (int16_t *)(void *)(walk->train.index + count);
    walk->train.true_labels = walk->train.labels + count;
    for (size_t i = 0; i < count; i++) {
        walk->train.index[i] = all->index[positions[i]];
        walk->train.labels[i] = all->labels[positions[i]];
        walk->train.true_labels[i] = all->true_labels[positions[i]];
    }
    return STATUS_OK;
}

static int largest_bias_class(const struct measurement *at)
{
    const float *const bias = interpolation_last_bias(at);
    return bias == NULL ? -1 : first_maximum(at->classes, bias);
}

static bool needs_estimates(const struct walk *walk)
{
    return walk->settings->running_statistics == &statistics_estimated && walk->at->state_count > 0;
}

static enum status walk_begin(struct walk *walk, struct error *error)
{
    const struct measurement *const at = walk->at;
    const size_t count = (size_t)value_count(at);
    void *end = NULL;
    TRY(memory_allocate(&end, count, sizeof(float), "trained parameters", error));
    walk->end = end;
    memcpy(end, at->parameters, count * sizeof(float));
    walk->bias_class = largest_bias_class(at);
    TRY(choose_samples(walk, error));
    for (int part = 0; part < PART_COUNT; part++) {
        const struct samples *const samples = part == PART_TRAIN ? &walk->train : &at->samples[part];
        const bool wanted = interpolation_names_part(walk->settings, part) && at->parts[part].count > 0;
        if (wanted || (part == PART_TRAIN && needs_estimates(walk)))
            TRY(evaluator_create(samples, at->classes, &walk->evaluators[part], error));
    }
    return STATUS_OK;
}

static void walk_end(struct walk *walk)
{
    if (walk->end != NULL)
        memcpy(network_parameters(walk->at->network), walk->end, (size_t)value_count(walk->at) * sizeof(float));
    for (int part = 0; part < PART_COUNT; part++)
        evaluator_destroy(&walk->evaluators[part]);
    memory_free(walk->chosen);
    memory_free(walk->end);
}

/* The network as it is, into point `place` of the part's curves; columns: those of the part. */
static enum status record(const struct walk *walk, int part, size_t place, void *const *columns, struct error *error)
{
    const struct measurement *const at = walk->at;
    struct evaluation found;
    const enum status status =
        evaluator_run(walk->evaluators[part], at->network, at->loss, &walk->hooks, &found, error);
    if (status != STATUS_OK && status != STATUS_DIVERGED)
        return status;
    int32_t *const predicted = (int32_t *)columns[CURVE_PREDICTED] + place * (size_t)at->sizes->classes;
    ((double *)columns[CURVE_LOSS])[place] = found.mean_loss;
    ((double *)columns[CURVE_ERROR])[place] = 1 - found.accuracy;
    memset(predicted, 0, (size_t)at->classes * sizeof *predicted);
    for (int i = 0; i < found.count; i++)
        predicted[first_maximum(at->classes, found.logits + (size_t)i * (size_t)at->classes)]++;
    return STATUS_OK;
}

/* What follows from the training curves of path `which`. */
static void describe(const struct walk *walk, size_t which, void *const *columns)
{
    const int points = (int)walk->settings->points;
    const size_t width = (size_t)walk->at->sizes->classes, first = which * (size_t)points;
    const double *const losses = (double *)columns[CURVE_LOSS] + first;
    const double *const errors = (double *)columns[CURVE_ERROR] + first;
    const int32_t *const predicted = (int32_t *)columns[CURVE_PREDICTED] + first * width;
    const double tolerance = walk->settings->tolerance, samples = walk->train.count;
    const struct bump bump = curve_bump(points, losses);
    const double plateau = curve_plateau(points, errors, tolerance);
    int32_t most = -1;
    double in_bias_class = 0;
    int on_plateau = 0;
    for (int i = 0; i < points; i++) {
        for (int c = 0; c < walk->at->classes; c++)
            if (predicted[(size_t)i * width + (size_t)c] > most) {
                most = predicted[(size_t)i * width + (size_t)c];
                ((int16_t *)columns[SHAPE_LARGEST_CLASS])[which] = (int16_t)c;
            }
        if (walk->bias_class < 0 || i == 0 || alpha_number(walk->settings, i) > plateau)
            continue;
        in_bias_class += predicted[(size_t)i * width + (size_t)walk->bias_class] / samples;
        on_plateau++;
    }
    ((double *)columns[SHAPE_BUMP_HEIGHT])[which] = bump.height;
    ((double *)columns[SHAPE_BUMP_WIDTH])[which] = bump.width;
    ((int16_t *)columns[SHAPE_LOSS_MONOTONE])[which] = curve_is_monotone(points, losses);
    ((int16_t *)columns[SHAPE_ERROR_MONOTONE])[which] = curve_is_monotone(points, errors);
    ((double *)columns[SHAPE_LOSS_PLATEAU])[which] = curve_plateau(points, losses, tolerance);
    ((double *)columns[SHAPE_ERROR_PLATEAU])[which] = plateau;
    ((double *)columns[SHAPE_LARGEST_SHARE])[which] = most / samples;
    ((double *)columns[SHAPE_BIAS_SHARE])[which] = on_plateau > 0 ? in_bias_class / on_plateau : (double)NAN;
}

static enum status walk_path(const struct walk *walk, const struct path *path, enum curve_set set, int which,
                             struct error *error)
{
    struct network *const network = walk->at->network;
    const int tensors = network_tensor_count(network) + network_state_tensor_count(network);
    const int points = (int)walk->settings->points;
    void *const *const columns = walk->row + set * SET_COLUMNS;
    for (int i = 0; i < points; i++) {
        path_point(path, tensors, network_tensors(network), alpha_number(walk->settings, i), walk->start, walk->end,
                   network_parameters(network));
        if (needs_estimates(walk))
            TRY(evaluator_estimate(walk->evaluators[PART_TRAIN], network, &walk->hooks, error));
        for (int part = 0; part < PART_COUNT; part++)
            if (walk->evaluators[part] != NULL && columns[part * CURVE_COLUMNS] != NULL)
                TRY(record(walk, part, (size_t)which * (size_t)points + (size_t)i, columns + part * CURVE_COLUMNS,
                           error));
    }
    if (columns[PART_TRAIN * CURVE_COLUMNS] != NULL)
        describe(walk, (size_t)which, columns);
    return STATUS_OK;
}

static int next_weight(const struct measurement *at, int tensor)
{
    while (++tensor < at->tensor_count && at->tensors[tensor].role != TENSOR_WEIGHT)
        continue;
    return tensor;
}

static enum status walk_layers(const struct walk *walk, struct error *error)
{
    const struct measurement *const at = walk->at;
    int number = 0;
    for (int t = next_weight(at, -1), next; t < at->tensor_count; t = next) {
        next = next_weight(at, t);
        const struct path path = {.share = share_layer,
                                  .layer = at->tensors[t].layer,
                                  .next_layer = next < at->tensor_count ? at->tensors[next].layer : INT_MAX};
        TRY(walk_path(walk, &path, SET_LAYERS, number++, error));
    }
    return STATUS_OK;
}

static enum status walk_all(const struct walk *walk, struct error *error)
{
    const struct measurement *const at = walk->at;
    struct path path = {.last_layer = -1};
    for (int t = next_weight(at, -1); t < at->tensor_count; t = next_weight(at, t))
        path.last_layer = at->tensors[t].layer;
    for (int i = 0; i < interpolation_mode_count(walk->settings); i++) {
        path.share = interpolation_mode(walk->settings, i)->share;
        TRY(walk_path(walk, &path, SET_MODES, i, error));
    }
    return interpolation_names(&walk->settings->modes, &mode_layers) ? walk_layers(walk, error) : STATUS_OK;
}

static enum status interpolation_measure(const void *settings, const struct measurement *at, void *state,
                                         void *const *row, struct error *error)
{
    const struct yield *const yield = at->yield;
    struct walk walk = {
        .settings = settings,
        .at = at,
        .start = state,
        .hooks = {.context = yield == NULL ? NULL : yield->context, .yield = yield == NULL ? NULL : yield->call},
        .row = row};
    enum status status = walk_begin(&walk, error);
    if (status == STATUS_OK)
        status = walk_all(&walk, error);
    walk_end(&walk);
    return status;
}

/* Evaluates as many samples at each point of each path as `parts` names, and once more to estimate statistics. */
static struct metric_cost interpolation_cost(const void *settings, const struct metric_trial *trial)
{
    const struct interpolation_settings *const s = settings;
    const bool estimates = s->running_statistics == &statistics_estimated && trial->states > 0;
    const int64_t values = trial->parameters + trial->states, all = trial->samples[PART_TRAIN];
    const int64_t train = s->samples > 0 && s->samples < all ? s->samples : all;
    const double logits = (double)trial->classes * (double)sizeof(float) + (double)sizeof(double);
    const int paths = interpolation_mode_count(s) + (interpolation_names(&s->modes, &mode_layers) ? trial->weights : 0);
    double passed = estimates ? (double)train : 0, kept = 0;
    for (int part = 0; part < PART_COUNT; part++) {
        const double samples = (double)(part == PART_TRAIN ? train : trial->samples[part]);
        const bool named = interpolation_names_part(s, part);
        passed += named ? samples : 0;
        kept += named || (part == PART_TRAIN && estimates) ? samples : 0;
    }
    const double chosen =
        train < all ? (double)(all + train) * sizeof(int32_t) + 2 * (double)train * sizeof(int16_t) : 0;
    return (struct metric_cost){.flops = (double)paths * (double)s->points *
                                         (passed * trial->forward_flops + 3 * (double)values),
                                .bytes = (double)values * sizeof(float) + chosen + kept * logits};
}

const struct metric_ops metric_interpolation = {
    .kind = {.name = "interpolation",
             .summary = "loss, error and predictions on the way from the initial to the trained parameters",
             .fields = interpolation_fields,
             .check = metric_when_check},
    .column_count = INTERPOLATION_COLUMNS,
    .columns = interpolation_columns,
    .dimension_count = OWN_COUNT,
    .dimensions = interpolation_dimensions,
    .records = interpolation_records,
    .state_bytes = interpolation_state_bytes,
    .epoch = interpolation_epoch,
    .cost = interpolation_cost,
    .measure = interpolation_measure,
    .end = interpolation_end};
