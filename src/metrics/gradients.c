/* gradients.c - what the gradients of single samples say together: norms, agreement, signal and noise.
 * g_i is the gradient of sample i's loss over all parameters, in evaluation mode; n chosen training samples. All sums
 * are in double, over gradients that do not underflow. */
#include <math.h>

#include "base/memory.h"
#include "data/data.h"
#include "metrics/gram.h"
#include "metrics/kinds.h"

struct gradients_settings {
    struct metric_when when;
    int64_t samples;
};

static const struct field gradients_fields[] = {
    METRIC_WHEN_FIELDS(struct gradients_settings, "[end]"),
    {.name = "samples",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct gradients_settings, samples),
     .default_text = "500",
     .minimum = 2,
     .maximum = 8192,
     .flags = FIELD_NO_GRID,
     .summary = "Training samples, as many of every class; a fixed choice by the stream 'metric', as in stiffness."},
    {0}};

static int64_t sample_count(const void *settings, const struct metric_sizes *sizes)
{
    return chosen_most(((const struct gradients_settings *)settings)->samples, sizes->train_samples);
}

static const struct metric_dimension gradients_dimensions[] = {
    {.name = "sample", .units = "1", .long_name = "chosen samples of the training part", .size = sample_count}};

enum gradients_column {
    COLUMN_POSITION,
    COLUMN_NORM,
    COLUMN_MEAN_NORM,
    COLUMN_MEAN_NORM_CLEAN,
    COLUMN_MEAN_NORM_FLIPPED,
    COLUMN_CONFUSION,
    COLUMN_MEAN_COSINE,
    COLUMN_COHERENCE,
    COLUMN_NOISE_SCALE,
    COLUMN_SIGNAL_TO_NOISE,
    GRADIENTS_COLUMNS
};

#define NUMBER(column_name, text)                                                                                     \
    {                                                                                                                 \
        .name = column_name, .type = COLUMN_FLOAT64, .dimensions = {DIMENSION_POINT}, .units = "1", .long_name = text \
    }

static const struct column gradients_columns[GRADIENTS_COLUMNS] = {
    [COLUMN_POSITION] = {.name = "sample_position",
                         .type = COLUMN_INT32,
                         .dimensions = {DIMENSION_OWN},
                         .units = "1",
                         .long_name = "position of the chosen sample in the training part"},
    [COLUMN_NORM] = {.name = "norm",
                     .type = COLUMN_FLOAT64,
                     .dimensions = {DIMENSION_POINT, DIMENSION_OWN},
                     .units = "1",
                     .long_name = "|g_i|: GraNd score of one network (Paul et al. 2021)"},
    [COLUMN_MEAN_NORM] = NUMBER("mean_norm", "mean of |g_i|"),
    [COLUMN_MEAN_NORM_CLEAN] = NUMBER("mean_norm_clean", "mean of |g_i| over samples whose label is the true one"),
    [COLUMN_MEAN_NORM_FLIPPED] = NUMBER("mean_norm_flipped", "mean of |g_i| over samples whose label is not"),
    [COLUMN_CONFUSION] = NUMBER("confusion", "least cos(g_i, g_j) of any pair (Sankararaman et al. 2020)"),
    [COLUMN_MEAN_COSINE] = NUMBER("mean_cosine", "mean of cos(g_i, g_j) over all pairs"),
    [COLUMN_COHERENCE] = NUMBER("coherence", "|mean of g|^2 / mean of |g_i|^2, from 0 to 1 (Chatterjee 2020)"),
    [COLUMN_NOISE_SCALE] =
        NUMBER("noise_scale", "tr(covariance of g) / |mean of g|^2, unbiased in both (McCandlish et al. 2018)"),
    [COLUMN_SIGNAL_TO_NOISE] =
        NUMBER("signal_to_noise", "mean over parameters of mean(g)^2 / variance(g) over samples (Liu et al. 2020)"),
};

static double product(const struct gram *gram, int i, int j)
{
    return gram->products[(size_t)i * (size_t)gram->count + (size_t)j];
}

/* Largest scale, by which all are divided where only ratios count. */
static double largest_scale(const struct gram *gram)
{
    double largest = 0;
    for (int i = 0; i < gram->count; i++)
        largest = fmax(largest, gram->scales[i]);
    return largest;
}

struct norm_sums {
    double sum[2], count[2]; /* of clean samples, of flipped ones */
};

static void store_norms(const struct measurement *at, const struct chosen *chosen, const struct gram *gram,
                        void *const *row)
{
    const struct samples *const train = &at->samples[PART_TRAIN];
    struct norm_sums sums = {0};
    for (int i = 0; i < gram->count; i++) {
        const int position = chosen->position[i];
        const double norm = gram->scales[i] * sqrt(fmax(0, product(gram, i, i)));
        const int flipped = train->labels[position] != train->true_labels[position];
        ((int32_t *)row[COLUMN_POSITION])[i] = position;
        ((double *)row[COLUMN_NORM])[i] = norm;
        sums.sum[flipped] += norm;
        sums.count[flipped] += 1;
    }
    *(double *)row[COLUMN_MEAN_NORM] = (sums.sum[0] + sums.sum[1]) / gram->count;
    *(double *)row[COLUMN_MEAN_NORM_CLEAN] = sums.count[0] > 0 ? sums.sum[0] / sums.count[0] : (double)NAN;
    *(double *)row[COLUMN_MEAN_NORM_FLIPPED] = sums.count[1] > 0 ? sums.sum[1] / sums.count[1] : (double)NAN;
}

static void store_cosines(const struct gram *gram, void *const *row)
{
    double least = 1, sum = 0;
    for (int i = 0; i < gram->count; i++)
        for (int j = 0; j < i; j++) {
            const double lengths = sqrt(product(gram, i, i) * product(gram, j, j));
            const double cosine = lengths > 0 ? product(gram, i, j) / lengths : 0;
            least = cosine < least ? cosine : least;
            sum += cosine;
        }
    *(double *)row[COLUMN_CONFUSION] = least;
    *(double *)row[COLUMN_MEAN_COSINE] = sum / ((double)gram->count * (gram->count - 1) / 2);
}

/* With D the mean of g_i.g_i and O that of g_i.g_j, i != j: |mean g|^2 = (D + (n - 1) O) / n; O is its unbiased
 * estimate, D - O that of the covariance's trace. */
static void store_noise(const struct gram *gram, void *const *row)
{
    const double n = gram->count, largest = largest_scale(gram);
    double own = 0, others = 0;
    for (int i = 0; i < gram->count; i++)
        for (int j = 0; j <= i; j++) {
            const double whole = product(gram, i, j) * (gram->scales[i] / largest) * (gram->scales[j] / largest);
            own += i == j ? whole : 0;
            others += i == j ? 0 : 2 * whole;
        }
    const double mean_own = own / n, mean_others = others / (n * (n - 1));
    *(double *)row[COLUMN_COHERENCE] = (mean_own + (n - 1) * mean_others) / n / mean_own;
    *(double *)row[COLUMN_NOISE_SCALE] = mean_others > 0 ? (mean_own - mean_others) / mean_others : (double)NAN;
}

static enum status gradients_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                     struct error *error)
{
    const struct gradients_settings *const s = settings;
    struct chosen chosen = {0};
    struct gram gram = {0};
    struct gram_moments moments = {0};
    (void)state;
    enum status status = chosen_draw(at, s->samples, false, &chosen, error);
    if (status == STATUS_OK)
        status = gram_compute(at, &chosen, &gram, &moments, error);
    if (status == STATUS_OK) {
        store_norms(at, &chosen, &gram, row);
        store_cosines(&gram, row);
        store_noise(&gram, row);
        *(double *)row[COLUMN_SIGNAL_TO_NOISE] =
            gram_signal_to_noise(&moments, gram.count, at->tensor_count, at->tensors);
    }
    chosen_free(&chosen);
    gram_free(&gram);
    gram_moments_free(&moments);
    return status;
}

static struct metric_cost gradients_cost(const void *settings, const struct metric_trial *trial)
{
    const int64_t count =
        chosen_most(((const struct gradients_settings *)settings)->samples, trial->samples[PART_TRAIN]);
    return gram_cost(trial, count, true);
}

const struct metric_ops metric_gradients = {
    .kind = {.name = "gradients",
             .summary = "norms, agreement, signal and noise of the gradients of single training samples",
             .fields = gradients_fields,
             .check = metric_when_check},
    .column_count = GRADIENTS_COLUMNS,
    .columns = gradients_columns,
    .dimension_count = 1,
    .dimensions = gradients_dimensions,
    .cost = gradients_cost,
    .measure = gradients_measure};
