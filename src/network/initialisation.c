/* initialisation.c - weights with the variance that keeps a layer's signals alive.
 * deviation = scale sqrt(gain / fan): he 2 / fan_in, glorot 2 / (fan_in + fan_out), lecun 1 / fan_in. */
#include "network/initialisation.h"

#include <math.h>
#include <stdbool.h>

#include "network/network.h"

static void draw_normal(struct random *random, double deviation, int64_t count, float *values)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(deviation * random_normal(random));
}

/* U(-bound, bound) */
static void draw_uniform(struct random *random, double bound, int64_t count, float *values)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(bound * (2.0 * random_uniform(random) - 1.0));
}

struct distribution_ops {
    struct kind kind;
    bool uniform;
};

static const struct distribution_ops distribution_normal = {
    .kind = {.name = "normal", .summary = "normal with that deviation"}};
static const struct distribution_ops distribution_uniform = {
    .kind = {.name = "uniform", .summary = "uniform with that deviation: bound sqrt(3) times as large"},
    .uniform = true};

static const struct kind_table distribution_table = {
    .what = "distribution",
    .plural = "distributions",
    .kinds = (const struct kind *const[]){&distribution_normal.kind, &distribution_uniform.kind, NULL}};

struct variance_settings {
    const struct kind *distribution; /* struct distribution_ops */
    double scale;
};

struct uniform_settings {
    double scale;
};

#define SCALE_FIELD(settings)                                                                                          \
    {                                                                                                                  \
        .name = "scale", .type = FIELD_REAL, .offset = offsetof(settings, scale), .default_text = "1", .maximum = 1e6, \
        .flags = FIELD_ABOVE_MINIMUM, .summary = "Multiplies every drawn number."                                      \
    }

static const struct field variance_fields[] = {{.name = "distribution",
                                                .type = FIELD_NAME,
                                                .offset = offsetof(struct variance_settings, distribution),
                                                .default_text = "normal",
                                                .kinds = &distribution_table,
                                                .summary = "The distribution of the weights: normal or uniform."},
                                               SCALE_FIELD(struct variance_settings),
                                               {.name = NULL}};

static const struct field uniform_fields[] = {SCALE_FIELD(struct uniform_settings), {.name = NULL}};

static void draw_weight(const struct variance_settings *settings, double variance, struct random *random, int64_t count,
                        float *values)
{
    const double deviation = settings->scale * sqrt(variance);
    if (((const struct distribution_ops *)settings->distribution)->uniform)
        draw_uniform(random, sqrt(3.0) * deviation, count, values);
    else
        draw_normal(random, deviation, count, values);
}

static void he_draw(const void *settings, const struct tensor_spec *tensor, struct random *random, int64_t count,
                    float *values)
{
    if (tensor->role == TENSOR_WEIGHT)
        draw_weight(settings, 2.0 / tensor->fan_in, random, count, values);
}

static void glorot_draw(const void *settings, const struct tensor_spec *tensor, struct random *random, int64_t count,
                        float *values)
{
    if (tensor->role == TENSOR_WEIGHT)
        draw_weight(settings, 2.0 / ((double)tensor->fan_in + tensor->fan_out), random, count, values);
}

static void lecun_draw(const void *settings, const struct tensor_spec *tensor, struct random *random, int64_t count,
                       float *values)
{
    if (tensor->role == TENSOR_WEIGHT)
        draw_weight(settings, 1.0 / tensor->fan_in, random, count, values);
}

static void uniform_draw(const void *settings, const struct tensor_spec *tensor, struct random *random, int64_t count,
                         float *values)
{
    const struct uniform_settings *const uniform = settings;
    draw_uniform(random, uniform->scale / sqrt((double)tensor->fan_in), count, values);
}

static const struct initialisation_ops he = {
    .kind = {.name = "he", .summary = "variance 2 / fan_in, for relu (He et al. 2015)", .fields = variance_fields},
    .draw = he_draw};

static const struct initialisation_ops glorot = {
    .kind = {.name = "glorot",
             .summary = "variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)",
             .fields = variance_fields},
    .draw = glorot_draw};

static const struct initialisation_ops lecun = {
    .kind = {.name = "lecun", .summary = "variance 1 / fan_in (LeCun et al. 1998)", .fields = variance_fields},
    .draw = lecun_draw};

static const struct initialisation_ops uniform = {
    .kind = {.name = "uniform",
             .summary = "weights and biases uniform within scale / sqrt(fan_in), PyTorch's default",
             .fields = uniform_fields},
    .draw = uniform_draw};

const struct kind_table initialisation_table = {
    .what = "initialisation",
    .plural = "initialisations",
    .kinds = (const struct kind *const[]){&he.kind, &glorot.kind, &lecun.kind, &uniform.kind, NULL}};
