/* sample_loss.c - the loss of every sample, and how a rise of the mean loss is spread over them (Venter, Theunissen,
 * Davel 2020). Figures but for the mean are of the losses as recorded, in float32, summed in double.
 * t* is the measure point with the least mean loss, T the last one before every training sample is right (else the
 * last); t* is sought among the points up to T. Points come in the order of training, so both are kept as they come. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/reduce.h"
#include "metrics/best_scale.h"
#include "metrics/kinds.h"
#include "metrics/loss_figures.h"
#include "metrics/metrics.h"
#include "metrics/predictions.h"

struct sample_loss_settings {
    struct metric_when when;
    struct name_list parts;
    bool scale;
};

static const struct field sample_loss_fields[] = {
    METRIC_WHEN_FIELDS(struct sample_loss_settings, "[end]"),
    {.name = "parts",
     .type = FIELD_NAMES,
     .offset = offsetof(struct sample_loss_settings, parts),
     .default_text = "[test]",
     .kinds = &part_table,
     .flags = FIELD_NO_GRID,
     .summary = "Parts of the data whose samples are recorded; validation only where there is such a part."},
    {.name = "scale",
     .type = FIELD_FLAG,
     .offset = offsetof(struct sample_loss_settings, scale),
     .default_text = "true",
     .flags = FIELD_NO_GRID,
     .summary = "Find the scale of the logits with the least cross-entropy at each point: about ten passes over them."},
    {0}};

static const double quantile_shares[] = {0.5, 0.9, 0.99, 0.999};
static const double top_percents[] = {0.5, 1, 2, 5, 10};
static const double trimmed_share = 0.05, least_rise = 1e-3, borderline_margin = 0.5;
enum { QUANTILES = 4, TOPS = 5 };

/* A sample at t* and T, right (1) or wrong (0) at each: change 2 * wrong at t* + wrong at T. */
static const char *const change_names[] = {"right_right", "right_wrong", "wrong_right", "wrong_wrong"};
static const char *const clarity_names[] = {"borderline", "clear"};
enum { CHANGES = 4, CLARITIES = 2 };

static int64_t quantile_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings, (void)sizes;
    return QUANTILES;
}

static double quantile_number(const void *settings, int64_t i)
{
    (void)settings;
    return quantile_shares[i];
}

static int64_t top_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings, (void)sizes;
    return TOPS;
}

static double top_number(const void *settings, int64_t i)
{
    (void)settings;
    return top_percents[i];
}

static int64_t change_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings, (void)sizes;
    return CHANGES;
}

static const char *change_text(const void *settings, int64_t i)
{
    (void)settings;
    return change_names[i];
}

static int64_t clarity_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings, (void)sizes;
    return CLARITIES;
}

static const char *clarity_text(const void *settings, int64_t i)
{
    (void)settings;
    return clarity_names[i];
}

static int64_t tensor_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return sizes->tensors;
}

enum { QUANTILE, TOP, CHANGE, CLARITY, TENSOR };
#define OWN(i) ((enum column_dimension)(DIMENSION_OWN + (i)))
static const struct metric_dimension dimensions[] = {
    {"quantile", "1", "share of samples whose loss is below", quantile_count, quantile_number, NULL},
    {"top", "%", "samples whose losses rise most", top_count, top_number, NULL},
    {"change", "1", "right or wrong at best_point, then at last_point", change_count, NULL, change_text},
    {"clarity", "1", "borderline: |margin| below 0.5 at best_point", clarity_count, NULL, clarity_text},
    {"tensor", "1", "tensor of the trial's model, in the order of /weights/layout_name", tensor_count, NULL, NULL}};

/* Columns of one part, in the order of the table below. */
enum part_column {
    COLUMN_LOSS,
    COLUMN_PREDICTED,
    COLUMN_MARGIN,
    COLUMN_ACCURACY,
    COLUMN_MEAN,
    COLUMN_TRIMMED_MEAN,
    COLUMN_GINI,
    COLUMN_QUANTILE,
    COLUMN_BEST_SCALE,
    COLUMN_BEST_SCALE_LOSS,
    COLUMN_BEST_POINT,
    COLUMN_LAST_POINT,
    COLUMN_RISE,
    COLUMN_FRACTION_RISING,
    COLUMN_TOP_SHARE,
    COLUMN_RISE_SPLIT,
    COLUMN_SPLIT_SHARE,
    PART_COLUMNS
};
enum { COLUMN_TENSOR_NORM = PART_COUNT * PART_COLUMNS, SAMPLE_LOSS_COLUMNS };

/* clang-format off */
#define COLUMN(column_name, column_type, text, ...)                                                                   \
    {.name = column_name, .type = column_type, .dimensions = {__VA_ARGS__}, .units = "1", .long_name = text}
#define PART(part, sample)                                                                                            \
    COLUMN(part, COLUMN_FLOAT32, "the trial's loss at the label trained on", DIMENSION_POINT, sample),                \
    COLUMN(part "_predicted", COLUMN_INT16, "predicted class", DIMENSION_POINT, sample),                              \
    COLUMN(part "_margin", COLUMN_FLOAT32, "z_y - max over j != y of z_j", DIMENSION_POINT, sample),                  \
    COLUMN(part "_accuracy", COLUMN_FLOAT64, "share of samples whose label is predicted", DIMENSION_POINT),           \
    COLUMN(part "_mean", COLUMN_FLOAT64, "mean loss L(t)", DIMENSION_POINT),                                          \
    COLUMN(part "_trimmed_mean", COLUMN_FLOAT64, "mean loss without the largest 5 %", DIMENSION_POINT),               \
    COLUMN(part "_gini", COLUMN_FLOAT64, "Gini coefficient of the losses", DIMENSION_POINT),                          \
    COLUMN(part "_quantile", COLUMN_FLOAT64, "quantiles of the loss, linear between order statistics",                \
           DIMENSION_POINT, OWN(QUANTILE)),                                                                      \
    COLUMN(part "_best_scale", COLUMN_FLOAT64, "s >= 0 with the least mean cross-entropy of s z", DIMENSION_POINT),   \
    COLUMN(part "_best_scale_loss", COLUMN_FLOAT64, "mean cross-entropy at that scale", DIMENSION_POINT),             \
    COLUMN(part "_best_point", COLUMN_INT32, "t*: measure point with the least mean loss up to T", DIMENSION_NONE),   \
    COLUMN(part "_last_point", COLUMN_INT32, "T: last measure point before every training sample is right, or last",  \
           DIMENSION_NONE),                                                                                           \
    COLUMN(part "_rise", COLUMN_FLOAT64, "L(T) - L(t*)", DIMENSION_NONE),                                             \
    COLUMN(part "_fraction_rising", COLUMN_FLOAT64, "share of samples with l(T) > l(t*) + 0.001", DIMENSION_NONE),    \
    COLUMN(part "_top_share", COLUMN_FLOAT64, "the largest increases over the sum of the positive ones",              \
           OWN(TOP)),                                                                                            \
    COLUMN(part "_rise_split", COLUMN_FLOAT64, "sum of l(T) - l(t*) over the group / number of all samples",          \
           OWN(CHANGE), OWN(CLARITY)),                                                                      \
    COLUMN(part "_split_share", COLUMN_FLOAT64, "share of samples in the group", OWN(CHANGE), OWN(CLARITY))

static const struct column sample_loss_columns[SAMPLE_LOSS_COLUMNS] = {
    PART("train", DIMENSION_TRAIN_SAMPLE),
    PART("test", DIMENSION_TEST_SAMPLE),
    PART("validation", DIMENSION_VALIDATION_SAMPLE),
    COLUMN("tensor_norm", COLUMN_FLOAT64, "L2 norm of each parameter tensor", DIMENSION_POINT, OWN(TENSOR))};
/* clang-format on */

static bool has_part(const struct sample_loss_settings *settings, int part)
{
    for (int i = 0; i < settings->parts.count; i++)
        if (settings->parts.values[i] == part_table.kinds[part])
            return true;
    return false;
}

static bool sample_loss_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    const struct sample_loss_settings *own = settings;
    if (column == COLUMN_TENSOR_NORM)
        return true;
    const int part = column / PART_COLUMNS, kind = column % PART_COLUMNS;
    if (part == PART_VALIDATION && sizes->validation_samples == 0)
        return false;
    return has_part(own, part) && (own->scale || (kind != COLUMN_BEST_SCALE && kind != COLUMN_BEST_SCALE_LOSS));
}

/* One sample at t* and at T. */
struct kept {
    float loss, margin;
    int32_t right;
};

/* What is kept over a trial, and behind it for each part recorded struct kept [2][count], at t* and at T. */
struct sample_loss_state {
    bool over; /* every training sample was right at a measure point */
    struct {
        int best_point, last_point; /* + 1; 0: none yet */
        double best, last;          /* mean losses */
        double scale;               /* best one found last, above 0 and finite; 0: none yet */
    } parts[PART_COUNT];
};

static size_t sample_loss_state_bytes(const void *settings, const struct metric_sizes *sizes)
{
    const int64_t samples[PART_COUNT] = {[PART_TRAIN] = sizes->train_samples,
                                         [PART_TEST] = sizes->test_samples,
                                         [PART_VALIDATION] = sizes->validation_samples};
    size_t bytes = sizeof(struct sample_loss_state);
    for (int part = 0; part < PART_COUNT; part++)
        bytes += has_part(settings, part) ? 2 * (size_t)samples[part] * sizeof(struct kept) : 0;
    return bytes;
}

enum { AT_BEST, AT_LAST };

/* The part's samples [count] at t* or T. */
static struct kept *kept_samples(const struct sample_loss_settings *settings, const struct measurement *at, void *state,
                                 int part, int moment)
{
    struct kept *kept = (struct kept *)((struct sample_loss_state *)state + 1);
    for (int p = 0; p < part; p++)
        kept += has_part(settings, p) ? 2 * at->parts[p].count : 0;
    return kept + moment * at->parts[part].count;
}

static void store(void *const *row, int column, double value)
{
    *(double *)row[column] = value;
}

static void store_samples(const struct evaluation *part, int classes, void *const *row)
{
    float *loss = row[COLUMN_LOSS], *margin = row[COLUMN_MARGIN];
    int16_t *predicted = row[COLUMN_PREDICTED];
    for (int i = 0; i < part->count; i++) {
        const float *z = part->logits + (size_t)i * (size_t)classes;
        loss[i] = (float)part->losses[i];
        predicted[i] = (int16_t)first_maximum(classes, z);
        margin[i] = (float)label_margin(classes, z, part->labels[i]);
    }
}

static enum status store_figures(const struct evaluation *part, void *const *row, struct error *error)
{
    const int n = part->count;
    void *room = NULL;
    TRY(memory_allocate(&room, 2 * (size_t)n, sizeof(float), "sorted losses", error));
    float *sorted = room;
    memcpy(sorted, row[COLUMN_LOSS], (size_t)n * sizeof *sorted);
    sort_numbers(n, sorted, sorted + n);
    store(row, COLUMN_ACCURACY, part->accuracy);
    store(row, COLUMN_MEAN, part->mean_loss);
    store(row, COLUMN_TRIMMED_MEAN, sorted_trimmed_mean(n, sorted, trimmed_share));
    store(row, COLUMN_GINI, sorted_gini(n, sorted));
    for (int i = 0; i < QUANTILES; i++)
        ((double *)row[COLUMN_QUANTILE])[i] = sorted_quantile(n, sorted, quantile_shares[i]);
    memory_free(room);
    return STATUS_OK;
}

static void keep_samples(const struct evaluation *part, void *const *row, struct kept *kept)
{
    const float *loss = row[COLUMN_LOSS], *margin = row[COLUMN_MARGIN];
    const int16_t *predicted = row[COLUMN_PREDICTED];
    for (int i = 0; i < part->count; i++)
        kept[i] = (struct kept){.loss = loss[i], .margin = margin[i], .right = predicted[i] == part->labels[i] ? 1 : 0};
}

/* This point may be t*, and is T so far. */
static void keep_part(const struct sample_loss_settings *settings, const struct measurement *at, void *state, int part,
                      void *const *row)
{
    struct sample_loss_state *own = state;
    const struct evaluation *samples = &at->parts[part];
    if (own->parts[part].best_point == 0 || samples->mean_loss < own->parts[part].best) {
        own->parts[part].best_point = at->point + 1;
        own->parts[part].best = samples->mean_loss;
        keep_samples(samples, row, kept_samples(settings, at, state, part, AT_BEST));
    }
    own->parts[part].last_point = at->point + 1;
    own->parts[part].last = samples->mean_loss;
    keep_samples(samples, row, kept_samples(settings, at, state, part, AT_LAST));
}

static void store_tensor_norms(const struct measurement *at, double *norms)
{
    const float *values = at->parameters;
    for (int i = 0; i < at->tensor_count; i++) {
        int64_t size = 1;
        for (int d = 0; d < at->tensors[i].rank; d++)
            size *= at->tensors[i].dimensions[d];
        norms[i] = sqrt(sum_squares(size, values));
        values += size;
    }
}

/* *guess: the scale found before, from which the search starts. */
static void store_scale(const struct evaluation *part, int classes, double *guess, void *const *row)
{
    const struct best_scale best =
        find_best_scale(part->count, classes, part->logits, part->labels, *guess > 0 ? *guess : 1);
    store(row, COLUMN_BEST_SCALE, best.scale);
    store(row, COLUMN_BEST_SCALE_LOSS, best.loss);
    if (best.scale > 0 && isfinite(best.scale))
        *guess = best.scale;
}

static enum status sample_loss_measure(const void *settings, const struct measurement *at, void *state,
                                       void *const *row, struct error *error)
{
    const struct sample_loss_settings *own = settings;
    struct sample_loss_state *kept = state;
    kept->over |= at->parts[PART_TRAIN].accuracy >= 1;
    store_tensor_norms(at, row[COLUMN_TENSOR_NORM]);
    for (int part = 0; part < PART_COUNT; part++) {
        const struct evaluation *samples = &at->parts[part];
        void *const *columns = row + part * PART_COLUMNS;
        if (!has_part(own, part) || samples->count == 0)
            continue;
        store_samples(samples, at->classes, columns);
        TRY(store_figures(samples, columns, error));
        if (own->scale)
            store_scale(samples, at->classes, &kept->parts[part].scale, columns);
        if (!kept->over)
            keep_part(own, at, state, part, columns);
    }
    return STATUS_OK;
}

static void store_split(int n, const struct kept *best, const struct kept *last, void *const *row)
{
    double *rise = row[COLUMN_RISE_SPLIT], *share = row[COLUMN_SPLIT_SHARE];
    for (int group = 0; group < CHANGES * CLARITIES; group++)
        rise[group] = share[group] = 0;
    for (int i = 0; i < n; i++) {
        const int change = 2 * (1 - best[i].right) + 1 - last[i].right;
        const int clarity = fabs((double)best[i].margin) < borderline_margin ? 0 : 1;
        rise[change * CLARITIES + clarity] += (double)last[i].loss - (double)best[i].loss;
        share[change * CLARITIES + clarity] += 1;
    }
    for (int group = 0; group < CHANGES * CLARITIES; group++) {
        rise[group] /= n;
        share[group] /= n;
    }
}

static enum status store_rises(int n, const struct kept *best, const struct kept *last, void *const *row,
                               struct error *error)
{
    void *room = NULL;
    TRY(memory_allocate(&room, 2 * (size_t)n, sizeof(float), "increases of losses", error));
    float *rises = room;
    int rising = 0;
    for (int i = 0; i < n; i++) {
        rises[i] = (float)((double)last[i].loss - (double)best[i].loss);
        rising += (double)last[i].loss > (double)best[i].loss + least_rise;
    }
    sort_numbers(n, rises, rises + n);
    store(row, COLUMN_FRACTION_RISING, (double)rising / n);
    for (int i = 0; i < TOPS; i++)
        ((double *)row[COLUMN_TOP_SHARE])[i] = sorted_top_share(n, rises, top_percents[i] / 100);
    memory_free(room);
    return STATUS_OK;
}

static enum status sample_loss_end(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    struct sample_loss_state *own = state;
    for (int part = 0; part < PART_COUNT; part++) {
        void *const *columns = row + part * PART_COLUMNS;
        if (own->parts[part].best_point == 0)
            continue;
        const struct kept *best = kept_samples(settings, at, state, part, AT_BEST);
        const struct kept *last = kept_samples(settings, at, state, part, AT_LAST);
        *(int32_t *)columns[COLUMN_BEST_POINT] = own->parts[part].best_point - 1;
        *(int32_t *)columns[COLUMN_LAST_POINT] = own->parts[part].last_point - 1;
        store(columns, COLUMN_RISE, own->parts[part].last - own->parts[part].best);
        store_split(at->parts[part].count, best, last, columns);
        TRY(store_rises(at->parts[part].count, best, last, columns, error));
    }
    return STATUS_OK;
}

const struct metric_ops metric_sample_loss = {
    .kind = {.name = "sample_loss",
             .summary = "the loss, predicted class and margin of every sample, and how a rise of the loss is spread",
             .fields = sample_loss_fields,
             .check = metric_when_check},
    .column_count = SAMPLE_LOSS_COLUMNS,
    .columns = sample_loss_columns,
    .dimension_count = sizeof dimensions / sizeof dimensions[0],
    .dimensions = dimensions,
    .records = sample_loss_records,
    .state_bytes = sample_loss_state_bytes,
    .measure = sample_loss_measure,
    .end = sample_loss_end};
