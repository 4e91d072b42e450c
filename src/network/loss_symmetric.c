/* loss_symmetric.c - losses of the softmax outputs whose sum over all labels is a constant: rll, nmse.
 * With u = dL/dg, dL/dz_j = g_j (u_j - sum of g_m u_m). As adding one number to every u changes nothing, u of the
 * largest output k is taken off first: what is left of it is minus the sum of the others, and no digits of 1 - g_k are
 * needed. */
#include <math.h>
#include <stddef.h>

#include "kernels/reduce.h"
#include "network/losses.h"

/* What u_j depends on beside g_j and whether j is the label. */
struct outputs {
    const void *settings;
    int classes, label;
    double rest;                   /* 1 - g_y */
    double numerator, denominator; /* nmse */
    double numerator_along, denominator_along;
};

typedef double output_slope(const struct outputs *outputs, double g, int j);

/* dz [classes] = scale dL/dz */
static void outputs_gradient(const struct outputs *outputs, output_slope *slope, const float *z, float scale, float *dz)
{
    const struct softmax_row row = softmax_row_of(outputs->classes, z);
    const double u_largest = slope(outputs, softmax_at(&row, z, row.largest), row.largest);
    double mean = 0, others = 0;
    for (int j = 0; j < outputs->classes; j++)
        if (j != row.largest) {
            const double g = softmax_at(&row, z, j);
            mean += g * (slope(outputs, g, j) - u_largest);
        }
    for (int j = 0; j < outputs->classes; j++)
        if (j != row.largest) {
            const double g = softmax_at(&row, z, j);
            const double d = g * (slope(outputs, g, j) - u_largest - mean);
            others += d;
            dz[j] = (float)((double)scale * d);
        }
    dz[row.largest] = (float)((double)scale * -others);
}

struct rll_settings {
    double alpha;
};

/* log((alpha + 1) / (alpha + g_y)) + mean over the others of log((alpha + g_j) / alpha): no term is below 0 */
static void rll_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                      double *value)
{
    const double alpha = ((const struct rll_settings *)settings)->alpha;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const struct softmax_row row = softmax_row_of(classes, z);
        double others = 0;
        for (int j = 0; j < classes; j++)
            others += j == labels[i] ? 0 : log1p(softmax_at(&row, z, j) / alpha);
        const double p = softmax_at(&row, z, labels[i]);
        value[i] = log1p(softmax_rest(&row, classes, z, labels[i]) / (alpha + p)) + others / (classes - 1);
    }
}

static double rll_slope(const struct outputs *outputs, double g, int j)
{
    const double alpha = ((const struct rll_settings *)outputs->settings)->alpha;
    return (j == outputs->label ? -1.0 : 1.0 / (outputs->classes - 1)) / (alpha + g);
}

static void rll_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                         float scale, float *dlogits)
{
    for (int i = 0; i < n; i++) {
        const struct outputs outputs = {.settings = settings, .classes = classes, .label = labels[i]};
        outputs_gradient(&outputs, rll_slope, logits + (int64_t)i * classes, scale, dlogits + (int64_t)i * classes);
    }
}

static struct output_motion rll_move(const void *context, double g, double moved, int j)
{
    const struct outputs *const outputs = context;
    const double alpha = ((const struct rll_settings *)outputs->settings)->alpha;
    const double slope = rll_slope(outputs, g, j);
    return (struct output_motion){.slope = slope, .along = -slope * moved / (alpha + g)};
}

static void rll_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                               float scale, const float *along, float *d_along)
{
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        const struct outputs outputs = {.settings = settings, .classes = classes, .label = labels[i]};
        outputs_along(rll_move, &outputs, classes, logits + row, scale, along + row, d_along + row);
    }
}

/* Squares of the others, and with them numerator and denominator of nmse:
 * |g|^2 - 2 g_y + 1 = (1 - g_y)^2 + squares,   classes |g|^2 + classes - 2 */
static struct outputs nmse_outputs(int classes, const float *z, int label)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const double p = softmax_at(&row, z, label), rest = softmax_rest(&row, classes, z, label);
    double squares = 0;
    for (int j = 0; j < classes; j++)
        squares += j == label ? 0 : pow(softmax_at(&row, z, j), 2);
    return (struct outputs){.classes = classes,
                            .label = label,
                            .rest = rest,
                            .numerator = rest * rest + squares,
                            .denominator = classes * (p * p + squares) + classes - 2};
}

static void nmse_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                       double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const struct outputs outputs = nmse_outputs(classes, logits + (int64_t)i * classes, labels[i]);
        value[i] = outputs.numerator / outputs.denominator;
    }
}

static double nmse_slope(const struct outputs *outputs, double g, int j)
{
    const double residual = j == outputs->label ? -outputs->rest : g;
    const double value = outputs->numerator / outputs->denominator;
    return 2 * (residual - value * outputs->classes * g) / outputs->denominator;
}

static void nmse_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                          float scale, float *dlogits)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const struct outputs outputs = nmse_outputs(classes, z, labels[i]);
        outputs_gradient(&outputs, nmse_slope, z, scale, dlogits + (int64_t)i * classes);
    }
}

static struct output_motion nmse_move(const void *context, double g, double moved, int j)
{
    const struct outputs *const o = context;
    const double value = o->numerator / o->denominator;
    const double value_along = (o->numerator_along - value * o->denominator_along) / o->denominator;
    const double slope = nmse_slope(o, g, j);
    const double along = moved - value_along * o->classes * g - value * o->classes * moved;
    return (struct output_motion){.slope = slope, .along = (2 * along - slope * o->denominator_along) / o->denominator};
}

static void nmse_row_along(const float *z, int label, int classes, float scale, const float *t, float *d)
{
    struct outputs outputs = nmse_outputs(classes, z, label);
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
    for (int j = 0; j < classes; j++) {
        const double g = softmax_at(&row, z, j), moved = softmax_moved(&row, &motion, z, t, j);
        outputs.numerator_along += 2 * (j == label ? -outputs.rest : g) * moved;
        outputs.denominator_along += 2 * classes * g * moved;
    }
    outputs_along(nmse_move, &outputs, classes, z, scale, t, d);
}

static void nmse_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                float scale, const float *along, float *d_along)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        nmse_row_along(logits + row, labels[i], classes, scale, along + row, d_along + row);
    }
}

static const struct field rll_fields[] = {
    {.name = "alpha",
     .type = FIELD_REAL,
     .offset = offsetof(struct rll_settings, alpha),
     .default_text = "0.1",
     .minimum = 1e-6,
     .maximum = 1e6,
     .summary = "Added to each output before its logarithm: the smaller, the closer to cross-entropy."},
    {.name = NULL}};

const struct loss_ops loss_rll = {
    .kind = {.name = "rll",
             .summary = "robust log loss, log((alpha + 1) / alpha) - log(alpha + g_y) + mean over the others of "
                        "log(alpha + g_j) (Patel and Sastry 2021); symmetric",
             .fields = rll_fields},
    .value = rll_value,
    .gradient = rll_gradient,
    .gradient_along = rll_gradient_along};

const struct loss_ops loss_nmse = {
    .kind = {.name = "nmse", .summary = "mse over its sum over all labels (Patel and Sastry 2021); symmetric"},
    .value = nmse_value,
    .gradient = nmse_gradient,
    .gradient_along = nmse_gradient_along};
