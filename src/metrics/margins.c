/* margins.c - the distribution of margins (Banburski et al. 2021).
 * m_i = z_y - max over j != y of z_j, at the label trained on; normalised m_i / rho, rho one number for the network.
 * Statistics are computed in double from the margins in double; what is stored per sample is rounded to float32. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "kernels/reduce.h"
#include "metrics/kinds.h"

struct margins_settings {
    struct metric_when when;
};

static const struct field margins_fields[] = {METRIC_WHEN_FIELDS(struct margins_settings, "[end]"), {0}};

/* How margins are scaled: one kind of rho each. */
enum scale { SCALE_NONE, SCALE_FROBENIUS, SCALE_LAST_LAYER, SCALE_COUNT };

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

enum { COLUMN_RHO = PART_COUNT * PART_COLUMNS, MARGINS_COLUMNS = COLUMN_RHO + SCALE_COUNT - 1 };

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
    NUMBER(part "_area", "area under the sorted margins against the share of samples: mean of m"),                   \
    NUMBER(part "_area_frobenius", "area under the sorted normalised margins: mean of m / rho_frobenius"),           \
    NUMBER(part "_area_last_layer", "area under the sorted normalised margins: mean of m / rho_last_layer"),         \
    NUMBER(part "_positive_area", "the same area without negative margins: mean of max(m, 0)"),                      \
    NUMBER(part "_positive_area_frobenius", "area without negative margins: mean of max(m, 0) / rho_frobenius"),     \
    NUMBER(part "_positive_area_last_layer", "area without negative margins: mean of max(m, 0) / rho_last_layer"),   \
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
    NUMBER("rho_frobenius", "product over the weight tensors of their Frobenius norms"),
    NUMBER("rho_last_layer", "Frobenius norm of the last weight tensor"),
};
/* clang-format on */

static bool margins_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    (void)settings;
    return column / PART_COLUMNS != PART_VALIDATION || sizes->validation_samples > 0;
}

static int64_t tensor_size(const struct tensor_spec *tensor)
{
    int64_t size = 1;
    for (int i = 0; i < tensor->rank; i++)
        size *= tensor->dimensions[i];
    return size;
}

static double norm_of(int64_t n, const float *values)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

static void rho_of(const struct measurement *at, double rho[SCALE_COUNT])
{
    const float *values = at->parameters;
    rho[SCALE_NONE] = rho[SCALE_FROBENIUS] = rho[SCALE_LAST_LAYER] = 1;
    for (int i = 0; i < at->tensor_count; i++) {
        const int64_t size = tensor_size(&at->tensors[i]);
        if (at->tensors[i].role == TENSOR_WEIGHT) {
            rho[SCALE_LAST_LAYER] = norm_of(size, values);
            rho[SCALE_FROBENIUS] *= rho[SCALE_LAST_LAYER];
        }
        values += size;
    }
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

static void store_samples(int n, const double *margins, const double rho[SCALE_COUNT], void *const *columns)
{
    for (int scale = 0; scale < SCALE_COUNT; scale++) {
        float *out = columns[COLUMN_MARGINS + scale];
        for (int i = 0; i < n; i++)
            out[i] = (float)(margins[i] / rho[scale]);
    }
}

static void store_areas(int n, const double *margins, const double rho[SCALE_COUNT], void *const *columns)
{
    double sum = 0, positive = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        sum += margins[i];
        positive += margins[i] > 0 ? margins[i] : 0;
    }
    for (int i = 0; i < n; i++)
        squares += (margins[i] - sum / n) * (margins[i] - sum / n);
    for (int scale = 0; scale < SCALE_COUNT; scale++) {
        store(columns, COLUMN_AREA + scale, sum / n / rho[scale]);
        store(columns, COLUMN_POSITIVE_AREA + scale, positive / n / rho[scale]);
    }
    store(columns, COLUMN_VARIATION, sqrt(squares / n) / (sum / n));
}

static void store_quantiles(int n, const double *sorted, void *const *columns)
{
    store(columns, COLUMN_MINIMUM, sorted[0]);
    for (int i = 0; i < QUANTILES; i++)
        store(columns, COLUMN_QUANTILE + i, quantile_of(n, sorted, quantile_shares[i]));
}

static enum status measure_part(const struct evaluation *part, int classes, const double rho[SCALE_COUNT],
                                void *const *columns, struct error *error)
{
    if (part->count == 0)
        return STATUS_OK;
    const size_t count = (size_t)part->count;
    double *margins = NULL;
    TRY(memory_allocate((void **)&margins, count, sizeof *margins, "margins", error));
    margins_of(part->count, classes, part->logits, part->labels, margins);
    store_samples(part->count, margins, rho, columns);
    store_areas(part->count, margins, rho, columns);
    qsort(margins, count, sizeof *margins, compare_numbers);
    store_quantiles(part->count, margins, columns);
    memory_free(margins);
    return STATUS_OK;
}

static enum status margins_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    (void)settings, (void)state;
    double rho[SCALE_COUNT];
    rho_of(at, rho);
    for (int scale = SCALE_NONE + 1; scale < SCALE_COUNT; scale++)
        store(row, COLUMN_RHO + scale - 1, rho[scale]);
    for (int part = 0; part < PART_COUNT; part++)
        TRY(measure_part(&at->parts[part], at->classes, rho, row + part * PART_COLUMNS, error));
    return STATUS_OK;
}

const struct metric_ops metric_margins = {
    .kind = {.name = "margins",
             .summary = "how far each sample is from being classified otherwise, raw and normalised by weight norms",
             .fields = margins_fields,
             .check = metric_when_check},
    .column_count = MARGINS_COLUMNS,
    .columns = margins_columns,
    .records = margins_records,
    .measure = margins_measure};
