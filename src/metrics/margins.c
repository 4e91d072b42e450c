/* margins.c - the distribution of margins (Banburski et al. 2021).
 * m_i = z_y - max over j != y of z_j, at the label trained on; normalised m_i / rho, rho one number for the network, or
 * m_i over the length of its gradient. Statistics are computed in double from the margins in double; what is stored per
 * sample is rounded to float32. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "kernels/reduce.h"
#include "metrics/kinds.h"
#include "metrics/margin_scales.h"
#include "metrics/metrics.h"

struct margins_settings {
    struct metric_when when;
    struct name_list normalise; /* of scale_kinds */
};

static const struct kind scale_all = {.name = "all", .summary = "every one of these"};
static const struct kind scale_frobenius = {
    .name = "frobenius", .summary = "product of the weight tensors' Frobenius norms, batch normalisation folded in"};
static const struct kind scale_last_layer = {.name = "last_layer",
                                             .summary = "Frobenius norm of the last weight tensor"};
static const struct kind scale_spectral = {
    .name = "spectral", .summary = "product of the layers' largest singular values, batch normalisation folded in"};
static const struct kind scale_input_gradient = {
    .name = "input_gradient", .summary = "of each sample: the length of the margin's gradient over the input"};
static const struct kind *const scale_kinds[SCALE_COUNT + 1] = {
    &scale_all, &scale_frobenius, &scale_last_layer, &scale_spectral, &scale_input_gradient, NULL};
const struct kind_table margin_scale_table = {.what = "scale of margins", .plural = "scales", .kinds = scale_kinds};

static const struct field margins_fields[] = {
    METRIC_WHEN_FIELDS(struct margins_settings, "[end]"),
    {.name = "normalise",
     .type = FIELD_NAMES,
     .offset = offsetof(struct margins_settings, normalise),
     .default_text = "[frobenius, last_layer]",
     .kinds = &margin_scale_table,
     .flags = FIELD_NO_GRID,
     .summary = "What margins are also recorded divided by: frobenius, last_layer, spectral, input_gradient; all."},
    {0}};

/* scale_kinds[scale] is the scale's; the first stands for all. */
static bool is_wanted(const struct margins_settings *settings, int scale)
{
    if (scale == SCALE_NONE)
        return true;
    for (int i = 0; i < settings->normalise.count; i++)
        if (settings->normalise.values[i] == &scale_all || settings->normalise.values[i] == scale_kinds[scale])
            return true;
    return false;
}

enum { QUANTILES = 4 };
static const double quantile_shares[QUANTILES] = {0.01, 0.1, 0.5, 0.9};

/* Columns of one part, in the order of the table below. */
enum part_column {
    COLUMN_MARGINS,                                   /* SCALE_COUNT, per sample */
    COLUMN_AREA = COLUMN_MARGINS + SCALE_COUNT,       /* SCALE_COUNT */
    COLUMN_POSITIVE_AREA = COLUMN_AREA + SCALE_COUNT, /* SCALE_COUNT */
    COLUMN_MINIMUM = COLUMN_POSITIVE_AREA + SCALE_COUNT,
    COLUMN_QUANTILE, /* QUANTILES */
    COLUMN_VARIATION = COLUMN_QUANTILE + QUANTILES,
    PART_COLUMNS
};

enum { COLUMN_RHO = PART_COUNT * PART_COLUMNS, RHO_COUNT = SCALE_INPUT_GRADIENT - SCALE_FROBENIUS };
enum { MARGINS_COLUMNS = COLUMN_RHO + RHO_COUNT };

#define SAMPLES(column_name, dimension, text)                                                                  \
    {                                                                                                          \
        .name = column_name, .type = COLUMN_FLOAT32, .dimensions = {DIMENSION_POINT, dimension}, .units = "1", \
        .long_name = text                                                                                      \
    }
#define NUMBER(column_name, text)                                                                                     \
    {                                                                                                                 \
        .name = column_name, .type = COLUMN_FLOAT64, .dimensions = {DIMENSION_POINT}, .units = "1", .long_name = text \
    }

/* clang-format off */
#define PART(part, dimension)                                                                                        \
    SAMPLES(part, dimension, "margin m = z_y - max over j != y of z_j, y the label trained on"),                     \
    SAMPLES(part "_frobenius", dimension, "margin / rho_frobenius"),                                                 \
    SAMPLES(part "_last_layer", dimension, "margin / rho_last_layer"),                                               \
    SAMPLES(part "_spectral", dimension, "margin / rho_spectral"),                                                   \
    SAMPLES(part "_input_gradient", dimension, "margin / length of its gradient over the input; NaN where that is 0"), \
    NUMBER(part "_area", "area under the sorted margins against the share of samples: mean of m"),                   \
    NUMBER(part "_area_frobenius", "area under the sorted normalised margins: mean of m / rho_frobenius"),           \
    NUMBER(part "_area_last_layer", "area under the sorted normalised margins: mean of m / rho_last_layer"),         \
    NUMBER(part "_area_spectral", "area under the sorted normalised margins: mean of m / rho_spectral"),             \
    NUMBER(part "_area_input_gradient", "mean of m / length of its gradient, where that is not 0"),                  \
    NUMBER(part "_positive_area", "the same area without negative margins: mean of max(m, 0)"),                      \
    NUMBER(part "_positive_area_frobenius", "area without negative margins: mean of max(m, 0) / rho_frobenius"),     \
    NUMBER(part "_positive_area_last_layer", "area without negative margins: mean of max(m, 0) / rho_last_layer"),   \
    NUMBER(part "_positive_area_spectral", "area without negative margins: mean of max(m, 0) / rho_spectral"),       \
    NUMBER(part "_positive_area_input_gradient", "mean of max(m, 0) / length of m's gradient, where not 0"),         \
    NUMBER(part "_minimum", "least margin"),                                                                         \
    NUMBER(part "_quantile_01", "1 % quantile of m, linear between order statistics at share * (n - 1)"),            \
    NUMBER(part "_quantile_10", "10 % quantile of m, linear between order statistics at share * (n - 1)"),           \
    NUMBER(part "_quantile_50", "50 % quantile of m, linear between order statistics at share * (n - 1)"),           \
    NUMBER(part "_quantile_90", "90 % quantile of m, linear between order statistics at share * (n - 1)"),           \
    NUMBER(part "_variation", "coefficient of variation: population standard deviation of m / mean of m")

static const struct column margins_columns[MARGINS_COLUMNS] = {
    PART("train", DIMENSION_TRAIN_SAMPLE),
    PART("test", DIMENSION_TEST_SAMPLE),
    PART("validation", DIMENSION_VALIDATION_SAMPLE),
    NUMBER("rho_frobenius", "product of the weight tensors' Frobenius norms, batch normalisation folded into them"),
    NUMBER("rho_last_layer", "Frobenius norm of the last weight tensor, batch normalisation folded into it"),
    NUMBER("rho_spectral", "product of the layers' largest singular values, batch normalisation folded into them"),
};
/* clang-format on */

/* The scale that a column belongs to; SCALE_NONE: it is always there. */
static int scale_of(int column)
{
    if (column >= COLUMN_RHO)
        return SCALE_FROBENIUS + column - COLUMN_RHO;
    const int place = column % PART_COLUMNS;
    return place < COLUMN_MINIMUM ? place % SCALE_COUNT : SCALE_NONE;
}

static bool margins_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    if (column / PART_COLUMNS == PART_VALIDATION && sizes->validation_samples == 0)
        return false;
    return is_wanted(settings, scale_of(column));
}

/* margins[i] = z_y - max over j != y of z_j      logits [n, classes]  labels [n]  margins [n] */
static void margins_of(int n, int classes, const float *restrict logits, const int16_t *restrict labels,
                       double *restrict margins)
{
    for (int i = 0; i < n; i++)
        margins[i] = label_margin(classes, logits + (size_t)i * (size_t)classes, labels[i]);
}

static int compare_numbers(const void *a, const void *b)
{
    const double first = *(const double *)a;
    const double second = *(const double *)b;
    return (first > second) - (first < second);
}

/* sorted [n] ascending */
static double quantile_of(int n, const double *sorted, double share)
{
    const double place = share * (n - 1);
    const int below = (int)place;
    const int above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

static void store(void *const *columns, int column, double value)
{
    *(double *)columns[column] = value;
}

/* Everything of one scale: margins divided by norms [n], or by rho where norms is NULL. */
static void store_scaled(int n, const double *margins, const double *norms, double rho, void *const *columns)
{
    float *const out = columns[COLUMN_MARGINS];
    double total = 0, positive = 0;
    int counted = 0;
    for (int i = 0; i < n; i++) {
        const double by = norms == NULL ? rho : norms[i];
        const double scaled = by > 0 ? margins[i] / by : (double)NAN;
        out[i] = (float)scaled;
        if (!(by > 0))
            continue;
        total += scaled;
        positive += scaled > 0 ? scaled : 0;
        counted++;
    }
    store(columns, COLUMN_AREA, total / counted);
    store(columns, COLUMN_POSITIVE_AREA, positive / counted);
}

static void store_variation(int n, const double *margins, void *const *columns)
{
    const double mean = sum(n, margins) / n;
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (margins[i] - mean) * (margins[i] - mean);
    store(columns, COLUMN_VARIATION, sqrt(squares / n) / mean);
}

static void store_quantiles(int n, const double *sorted, void *const *columns)
{
    store(columns, COLUMN_MINIMUM, sorted[0]);
    for (int i = 0; i < QUANTILES; i++)
        store(columns, COLUMN_QUANTILE + i, quantile_of(n, sorted, quantile_shares[i]));
}

static enum status store_part(const struct measurement *at, int part, const double rho[SCALE_COUNT], double *room,
                              void *const *columns, struct error *error)
{
    const int n = at->parts[part].count;
    double *const margins = room, *const norms = room + n;
    margins_of(n, at->classes, at->parts[part].logits, at->parts[part].labels, margins);
    for (int scale = 0; scale < SCALE_INPUT_GRADIENT; scale++)
        if (columns[scale] != NULL)
            store_scaled(n, margins, NULL, rho[scale], columns + scale);
    if (columns[SCALE_INPUT_GRADIENT] != NULL) {
        TRY(margin_input_gradients(at, part, norms, error));
        store_scaled(n, margins, norms, 0, columns + SCALE_INPUT_GRADIENT);
    }
    store_variation(n, margins, columns);
    qsort(margins, (size_t)n, sizeof *margins, compare_numbers);
    store_quantiles(n, margins, columns);
    return STATUS_OK;
}

static enum status measure_part(const struct measurement *at, int part, const double rho[SCALE_COUNT],
                                void *const *columns, struct error *error)
{
    void *room = NULL;
    if (at->parts[part].count == 0)
        return STATUS_OK;
    TRY(memory_allocate(&room, 2 * (size_t)at->parts[part].count, sizeof(double), "margins", error));
    const enum status status = store_part(at, part, rho, room, columns, error);
    memory_free(room);
    return status;
}

static enum status margins_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    (void)state;
    bool wanted[SCALE_COUNT];
    double rho[SCALE_COUNT];
    for (int scale = 0; scale < SCALE_COUNT; scale++)
        wanted[scale] = is_wanted(settings, scale);
    TRY(margin_rho(at, wanted, rho, error));
    for (int i = 0; i < RHO_COUNT; i++)
        if (row[COLUMN_RHO + i] != NULL)
            store(row, COLUMN_RHO + i, rho[SCALE_FROBENIUS + i]);
    for (int part = 0; part < PART_COUNT; part++)
        TRY(measure_part(at, part, rho, row + part * PART_COLUMNS, error));
    return STATUS_OK;
}

static struct metric_cost margins_cost(const void *settings, const struct metric_trial *trial)
{
    bool wanted[SCALE_COUNT];
    int largest = 0;
    for (int scale = 0; scale < SCALE_COUNT; scale++)
        wanted[scale] = is_wanted(settings, scale);
    for (int part = 0; part < PART_COUNT; part++)
        largest = trial->samples[part] > largest ? trial->samples[part] : largest;
    const struct metric_cost rho = margin_rho_cost(trial, wanted);
    struct metric_cost each = {0};
    if (wanted[SCALE_INPUT_GRADIENT])
        each = margin_input_gradients_cost(trial);
    return (struct metric_cost){.flops = rho.flops + each.flops,
                                .bytes = fmax(rho.bytes, each.bytes + 2.0 * largest * sizeof(double))};
}

const struct metric_ops metric_margins = {
    .kind = {.name = "margins",
             .summary = "how far each sample is from being classified otherwise, raw and normalised",
             .fields = margins_fields,
             .check = metric_when_check},
    .column_count = MARGINS_COLUMNS,
    .columns = margins_columns,
    .records = margins_records,
    .cost = margins_cost,
    .measure = margins_measure};
