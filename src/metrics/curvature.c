/* curvature.c - the Hessian of the mean training loss over all trained parameters, in evaluation mode: its outermost
 * eigenvalues by Lanczos' method, its trace by random probes. Both need nothing but its products with directions, which
 * are exact; sums over samples are in double. Weight decay is no part of the loss. */
#include <math.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "kernels/blas.h"
#include "metrics/gram.h"
#include "metrics/kinds.h"
#include "metrics/lanczos.h"
#include "network/curvature.h"
#include "seedbed/random.h"

struct curvature_settings {
    struct metric_when when;
    int64_t samples, top, iterations, probes;
    double tolerance;
};

_Static_assert(sizeof(struct curvature_settings) <= CHOICE_BYTES, "settings of a kind fit a choice");

static const struct field curvature_fields[] = {
    METRIC_WHEN_FIELDS(struct curvature_settings, "[end]"),
    {.name = "samples",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct curvature_settings, samples),
     .default_text = "1000",
     .maximum = 1e9,
     .flags = FIELD_NO_GRID,
     .summary = "Training samples, as many of every class; a fixed choice by the stream 'metric'. 0: all."},
    {.name = "top",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct curvature_settings, top),
     .default_text = "1",
     .minimum = 1,
     .maximum = 100,
     .flags = FIELD_NO_GRID,
     .summary = "How many of the largest eigenvalues; above 1 each step keeps 4 bytes for each parameter."},
    {.name = "tolerance",
     .type = FIELD_REAL,
     .offset = offsetof(struct curvature_settings, tolerance),
     .default_text = "1e-3",
     .minimum = 1e-6,
     .maximum = 1,
     .flags = FIELD_NO_GRID,
     .summary = "Error of the eigenvalues at which their search ends, as a share of the largest absolute value."},
    {.name = "iterations",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct curvature_settings, iterations),
     .default_text = "100",
     .minimum = 2,
     .maximum = 1000,
     .flags = FIELD_NO_GRID,
     .summary = "Products with the Hessian that the search for eigenvalues takes at most."},
    {.name = "probes",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct curvature_settings, probes),
     .default_text = "20",
     .maximum = 1e6,
     .flags = FIELD_NO_GRID,
     .summary = "Random directions that the trace is estimated by, a product each: 2 or more; 0 for no trace."},
    {0}};

static enum status curvature_check(const void *settings, struct error *error)
{
    const struct curvature_settings *const s = settings;
    TRY(metric_when_check(settings, error));
    if (s->probes == 1)
        return fail(error, STATUS_BAD_SWEEP, "probes: 1 found; an error needs at least 2, no trace 0");
    if (s->iterations < s->top)
        return fail(error, STATUS_BAD_SWEEP,
                    "iterations: %lld found for %lld eigenvalues; give at least as many, better ten for each",
                    (long long)s->iterations, (long long)s->top);
    return STATUS_OK;
}

static int64_t sample_count(const void *settings, const struct metric_sizes *sizes)
{
    const int64_t samples = ((const struct curvature_settings *)settings)->samples;
    return samples == 0 ? sizes->train_samples : chosen_most(samples, sizes->train_samples);
}

static int64_t rank_count(const void *settings, const struct metric_sizes *sizes)
{
    (void)sizes;
    return ((const struct curvature_settings *)settings)->top;
}

static double rank_number(const void *settings, int64_t i)
{
    (void)settings;
    return (double)(i + 1);
}

enum { RANK, SAMPLE, OWN_DIMENSIONS };

static const struct metric_dimension curvature_dimensions[OWN_DIMENSIONS] = {
    [RANK] = {.name = "rank",
              .units = "1",
              .long_name = "place of the eigenvalue, 1 the largest",
              .size = rank_count,
              .number = rank_number},
    [SAMPLE] = {
        .name = "sample", .units = "1", .long_name = "chosen samples of the training part", .size = sample_count}};

enum curvature_column {
    COLUMN_POSITION,
    COLUMN_EIGENVALUE,
    COLUMN_EIGENVALUE_ERROR,
    COLUMN_SMALLEST,
    COLUMN_SMALLEST_ERROR,
    COLUMN_ITERATIONS,
    COLUMN_TRACE,
    COLUMN_TRACE_ERROR,
    CURVATURE_COLUMNS
};

#define OWN(dimension) ((enum column_dimension)(DIMENSION_OWN + (dimension)))
#define COLUMN(column_name, column_type, text, ...)                                                          \
    {                                                                                                        \
        .name = column_name, .type = column_type, .units = "1", .long_name = text, .dimensions = __VA_ARGS__ \
    }
#define AT_POINT        \
    {                   \
        DIMENSION_POINT \
    }
#define BY_RANK                    \
    {                              \
        DIMENSION_POINT, OWN(RANK) \
    }

/* clang-format off */
static const struct column curvature_columns[CURVATURE_COLUMNS] = {
    COLUMN("sample_position", COLUMN_INT32, "position of the chosen sample in the training part", {OWN(SAMPLE)}),
    COLUMN("eigenvalue", COLUMN_FLOAT64, "largest eigenvalues of the Hessian of the mean training loss", BY_RANK),
    COLUMN("eigenvalue_error", COLUMN_FLOAT64, "an eigenvalue lies within this of the one recorded", BY_RANK),
    COLUMN("smallest", COLUMN_FLOAT64, "smallest eigenvalue: negative at a saddle", AT_POINT),
    COLUMN("smallest_error", COLUMN_FLOAT64, "an eigenvalue lies within this of the one recorded", AT_POINT),
    COLUMN("iterations", COLUMN_INT32, "products with the Hessian that the eigenvalues took", AT_POINT),
    COLUMN("trace", COLUMN_FLOAT64, "trace of the Hessian, a mean over random probes", AT_POINT),
    COLUMN("trace_error", COLUMN_FLOAT64, "standard error of that mean", AT_POINT),
};
/* clang-format on */

static bool curvature_records(const void *settings, const struct metric_sizes *sizes, int column)
{
    (void)sizes;
    return ((const struct curvature_settings *)settings)->probes > 0 ||
           (column != COLUMN_TRACE && column != COLUMN_TRACE_ERROR);
}

/* One measurement under way. */
struct look {
    const struct curvature_settings *settings;
    const struct measurement *at;
    struct chosen chosen;
    struct curvature *products;
    double *v, *image;             /* [parameter_count] */
    float *direction;              /* [parameter_count] v as the network takes it */
    struct eigenvalue *eigenvalue; /* [top] */
};

static enum status look_begin(struct look *look, struct error *error)
{
    const size_t count = (size_t)look->at->parameter_count, top = (size_t)look->settings->top;
    const int64_t most = look->settings->samples, all = look->at->samples[PART_TRAIN].count;
    void *block = NULL, *direction = NULL, *eigenvalue = NULL;
    TRY(chosen_draw(look->at, most == 0 ? all : most, false, &look->chosen, error));
    TRY(curvature_create(look->at->network, &look->products, error));
    TRY(memory_allocate(&block, 2 * count, sizeof(double), "curvature", error));
    look->v = block;
    look->image = look->v + count;
    TRY(memory_allocate(&direction, count, sizeof(float), "curvature", error));
    look->direction = direction;
    TRY(memory_allocate(&eigenvalue, top, sizeof *look->eigenvalue, "curvature", error));
    look->eigenvalue = eigenvalue;
    return STATUS_OK;
}

static void look_end(struct look *look)
{
    chosen_free(&look->chosen);
    curvature_destroy(&look->products);
    memory_free(look->v);
    memory_free(look->direction);
    memory_free(look->eigenvalue);
}

/* image = H v, of the mean loss over the chosen samples */
static enum status apply(void *context, const double *v, double *image, struct error *error)
{
    struct look *const look = context;
    const struct measurement *const at = look->at;
    const struct chosen *const chosen = &look->chosen;
    const int batch = curvature_batch(look->products);
    float *const x = network_input(at->network);
    for (int64_t p = 0; p < at->parameter_count; p++) {
        look->direction[p] = (float)v[p];
        image[p] = 0;
    }
    for (int first = 0; first < chosen->count; first += batch) {
        const int n = chosen->count - first < batch ? chosen->count - first : batch;
        TRY(at->yield->call(at->yield->context, error));
        samples_gather(&at->samples[PART_TRAIN], chosen->position + first, 0, n, x);
        const float *const product =
            curvature_product(look->products, at->loss, n, x, chosen->labels + first, 1.0f, look->direction);
        for (int64_t p = 0; p < at->parameter_count; p++)
            image[p] += (double)product[p];
    }
    for (int64_t p = 0; p < at->parameter_count; p++)
        image[p] /= chosen->count;
    return STATUS_OK;
}

enum { SUBSTREAM_START = 1 << 17, SUBSTREAM_PROBE = 1 << 18 }; /* and the number of the probe */

/* What float32 leaves of a product, as a share of the largest eigenvalue in absolute value. */
static const double ROUNDING = 1e-6;

static enum status measure_eigenvalues(struct look *look, void *const *row, struct error *error)
{
    const struct curvature_settings *const s = look->settings;
    const struct symmetric_map map = {.context = look, .size = look->at->parameter_count, .apply = apply};
    const struct lanczos_limits limits = {.top = (int)s->top, .steps = (int)s->iterations, .tolerance = s->tolerance};
    struct random random = random_start(STREAM_METRIC, look->at->metric_seed, SUBSTREAM_START);
    struct eigenvalue smallest;
    int steps = 0;
    for (int64_t p = 0; p < map.size; p++)
        look->v[p] = random_normal(&random);
    TRY(lanczos(&map, &limits, look->v, look->eigenvalue, &smallest, &steps, error));
    const double rounding = ROUNDING * fmax(fabs(look->eigenvalue[0].value), fabs(smallest.value));
    for (int64_t rank = 0; rank < s->top; rank++) {
        ((double *)row[COLUMN_EIGENVALUE])[rank] = look->eigenvalue[rank].value;
        ((double *)row[COLUMN_EIGENVALUE_ERROR])[rank] = look->eigenvalue[rank].error + rounding;
    }
    *(double *)row[COLUMN_SMALLEST] = smallest.value;
    *(double *)row[COLUMN_SMALLEST_ERROR] = smallest.error + rounding;
    *(int32_t *)row[COLUMN_ITERATIONS] = steps;
    return STATUS_OK;
}

/* v [size] of 1 and -1, each by a bit of its own. */
static void draw_signs(uint64_t seed, int64_t probe, int64_t size, double *v)
{
    enum { WORDS = 4, BITS = 32, BLOCK = WORDS * BITS };
    for (int64_t first = 0; first < size; first += BLOCK) {
        uint32_t words[WORDS];
        random_block(STREAM_METRIC, seed, SUBSTREAM_PROBE + (uint32_t)probe, (uint64_t)(first / BLOCK), words);
        for (int64_t i = first; i < size && i < first + BLOCK; i++)
            v[i] = (words[(i - first) / BITS] >> ((i - first) % BITS) & 1) != 0 ? 1 : -1;
    }
}

/* v.Hv has the trace as its mean, v of random signs (Hutchinson 1990). */
static enum status measure_trace(struct look *look, void *const *row, struct error *error)
{
    const int64_t size = look->at->parameter_count, probes = look->settings->probes;
    double mean = 0, squares = 0;
    for (int64_t probe = 0; probe < probes; probe++) {
        double along = 0;
        draw_signs(look->at->metric_seed, probe, size, look->v);
        TRY(apply(look, look->v, look->image, error));
        for (int64_t p = 0; p < size; p++)
            along += look->v[p] * look->image[p];
        const double away = along - mean;
        mean += away / (double)(probe + 1);
        squares += away * (along - mean);
    }
    if (probes > 0) {
        *(double *)row[COLUMN_TRACE] = mean;
        *(double *)row[COLUMN_TRACE_ERROR] = sqrt(squares / (double)(probes - 1) / (double)probes);
    }
    return STATUS_OK;
}

static enum status curvature_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                     struct error *error)
{
    struct look look = {.settings = settings, .at = at};
    (void)state;
    enum status status = look_begin(&look, error);
    if (status == STATUS_OK) {
        const int flushed = flush_subnormals(1);
        for (int i = 0; i < look.chosen.count; i++)
            ((int32_t *)row[COLUMN_POSITION])[i] = look.chosen.position[i];
        status = measure_eigenvalues(&look, row, error);
        if (status == STATUS_OK)
            status = measure_trace(&look, row, error);
        flush_subnormals(flushed);
    }
    look_end(&look);
    return status;
}

static enum status curvature_fit(const void *settings, const struct metric_trial *trial, struct error *error)
{
    (void)settings;
    if (trial->uncurved[0] != '\0')
        return fail(
            error, STATUS_BAD_SWEEP,
            "metrics.curvature: layer %s has no derivatives along a direction (forward_along); leave the metric "
            "out, or give the layer some",
            trial->uncurved);
    if (trial->loss->gradient_along == NULL)
        return fail(error, STATUS_BAD_SWEEP,
                    "metrics.curvature: loss '%s' has no second derivative (gradient_along); leave the metric out, or "
                    "give the loss one",
                    trial->loss->kind.name);
    return STATUS_OK;
}

/* As many products as eigenvalues usually take; a product is as much work as eight forward passes. */
static double products_flops(const struct curvature_settings *s, double samples, double forward_flops)
{
    enum { BOTH_ENDS = 55, EACH_FURTHER = 5, PASSES = 8 };
    const int64_t usual = BOTH_ENDS + EACH_FURTHER * (s->top - 1);
    const int64_t products = (usual < s->iterations ? usual : s->iterations) + s->probes;
    return PASSES * (double)products * samples * forward_flops;
}

static struct metric_cost curvature_cost(const void *settings, const struct metric_trial *trial)
{
    const struct curvature_settings *const s = settings;
    enum { BASIS_DOUBLES = 4, STEP_DOUBLES = 5 }; /* of each parameter, and each step */
    const int64_t all = trial->samples[PART_TRAIN], most = s->samples == 0 ? all : s->samples;
    const int others = trial->samples[trial->samples[PART_VALIDATION] > 0 ? PART_VALIDATION : PART_TEST];
    const double samples = (double)chosen_most(most, all), parameters = (double)trial->parameters;
    const double chosen = (samples + (double)chosen_most(most, others)) * (sizeof(int32_t) + sizeof(int16_t));
    const double batch = curvature_fitting_batch(trial->curvature_bytes, trial->max_batch);
    const double basis = parameters * (BASIS_DOUBLES * sizeof(double) + sizeof(float)) +
                         (double)s->iterations * STEP_DOUBLES * sizeof(double);
    const double kept = s->top > 1 ? (double)s->iterations * parameters * sizeof(float) : 0;
    return (struct metric_cost){.flops = products_flops(s, samples, trial->forward_flops),
                                .bytes =
                                    chosen + batch * trial->curvature_bytes + trial->curvature_room + basis + kept};
}

const struct metric_ops metric_curvature = {
    .kind = {.name = "curvature",
             .summary = "outermost eigenvalues and trace of the Hessian of the training loss",
             .fields = curvature_fields,
             .check = curvature_check},
    .column_count = CURVATURE_COLUMNS,
    .columns = curvature_columns,
    .dimension_count = OWN_DIMENSIONS,
    .dimensions = curvature_dimensions,
    .records = curvature_records,
    .fit = curvature_fit,
    .cost = curvature_cost,
    .measure = curvature_measure};
