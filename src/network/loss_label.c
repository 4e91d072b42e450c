/* loss_label.c - losses of the label's probability p = g_y alone: mae, gce, sce, focal.
 * Each is a function f of the cross-entropy l = -log p, which logsumexp gives with all its digits at any logit, so that
 * p = exp(-l) and 1 - p = -expm1(-l) keep theirs. As dl/dz = g - e_y, the gradient is f'(l) (g - e_y). */
#include <math.h>
#include <stddef.h>

#include "kernels/logsumexp.h"
#include "network/losses.h"

typedef double label_function(const void *settings, double l);

static void label_value(label_function *f, const void *settings, int n, int classes, const float *logits,
                        const int16_t *labels, double *value)
{
    logsumexp_minus_rows(n, classes, logits, labels, value);
    for (int i = 0; i < n; i++)
        value[i] = f(settings, value[i]);
}

static void label_gradient(label_function *slope, const void *settings, int n, int classes, const float *logits,
                           const int16_t *labels, float scale, float *dlogits)
{
    softmax_residual(n, classes, logits, labels, dlogits);
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        const double factor = (double)scale * slope(settings, logsumexp_minus(classes, logits + row, labels[i]));
        for (int j = 0; j < classes; j++)
            dlogits[row + j] = (float)(factor * (double)dlogits[row + j]);
    }
}

/* f'(l) times the derivative of r = g - e_y, and f''(l) (r.t) r. */
static void label_gradient_along(label_function *slope, label_function *bend, const void *settings, int n, int classes,
                                 const float *logits, const int16_t *labels, float scale, const float *along,
                                 float *d_along)
{
    softmax_residual_along(n, classes, logits, scale, along, d_along);
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes, *const t = along + (int64_t)i * classes;
        float *const d = d_along + (int64_t)i * classes;
        const struct softmax_row row = softmax_row_of(classes, z);
        const double l = logsumexp_minus(classes, z, labels[i]);
        const double rest = softmax_rest(&row, classes, z, labels[i]);
        double moved = 0; /* r.t */
        for (int j = 0; j < classes; j++)
            moved += softmax_at(&row, z, j) * ((double)t[j] - (double)t[labels[i]]);
        const double factor = slope(settings, l), more = (double)scale * bend(settings, l) * moved;
        for (int j = 0; j < classes; j++)
            d[j] = (float)(factor * (double)d[j] + more * (j == labels[i] ? -rest : softmax_at(&row, z, j)));
    }
}

/* mae: sum over j of abs(g_j - e_j) = 2 (1 - p) */
static double mae_of(const void *settings, double l)
{
    (void)settings;
    return -2 * expm1(-l);
}

static double mae_slope(const void *settings, double l)
{
    (void)settings;
    return 2 * exp(-l);
}

static double mae_bend(const void *settings, double l)
{
    (void)settings;
    return -2 * exp(-l);
}

/* gce: (1 - p^q) / q, which goes to l as q goes to 0 */
struct gce_settings {
    double q;
};

static double gce_of(const void *settings, double l)
{
    const double q = ((const struct gce_settings *)settings)->q;
    return -expm1(-q * l) / q;
}

static double gce_slope(const void *settings, double l)
{
    return exp(-((const struct gce_settings *)settings)->q * l);
}

static double gce_bend(const void *settings, double l)
{
    const double q = ((const struct gce_settings *)settings)->q;
    return -q * exp(-q * l);
}

/* sce: alpha l + beta sum over j of -g_j log e_j, with log 0 = log_zero: alpha l - beta log_zero (1 - p) */
struct sce_settings {
    double alpha, beta, log_zero;
};

static double sce_of(const void *settings, double l)
{
    const struct sce_settings *const sce = settings;
    return sce->alpha * l + sce->beta * sce->log_zero * expm1(-l);
}

static double sce_slope(const void *settings, double l)
{
    const struct sce_settings *const sce = settings;
    return sce->alpha - sce->beta * sce->log_zero * exp(-l);
}

static double sce_bend(const void *settings, double l)
{
    const struct sce_settings *const sce = settings;
    return sce->beta * sce->log_zero * exp(-l);
}

/* focal: (1 - p)^gamma l, slope (1 - p)^gamma + gamma p (1 - p)^gamma l / (1 - p); l / (1 - p) goes to 1 with p */
struct focal_settings {
    double gamma;
};

static double focal_of(const void *settings, double l)
{
    return pow(-expm1(-l), ((const struct focal_settings *)settings)->gamma) * l;
}

static double focal_slope(const void *settings, double l)
{
    const double gamma = ((const struct focal_settings *)settings)->gamma;
    const double rest = -expm1(-l);
    const double ratio = rest > 0 ? l / rest : 1;
    return pow(rest, gamma) * (1 + gamma * exp(-l) * ratio);
}

/* gamma p (1 - p)^(gamma - 1) (2 - l + (gamma - 1) p l / (1 - p)) */
static double focal_bend(const void *settings, double l)
{
    const double gamma = ((const struct focal_settings *)settings)->gamma;
    const double p = exp(-l), rest = -expm1(-l);
    const double ratio = rest > 0 ? l / rest : 1;
    return gamma > 0 ? gamma * p * pow(rest, gamma - 1) * (2 - l + (gamma - 1) * p * ratio) : 0;
}

static const struct field gce_fields[] = {{.name = "q",
                                           .type = FIELD_REAL,
                                           .offset = offsetof(struct gce_settings, q),
                                           .default_text = "0.7",
                                           .maximum = 1,
                                           .flags = FIELD_ABOVE_MINIMUM,
                                           .summary = "From cross-entropy (towards 0) to half of mae (1)."},
                                          {.name = NULL}};

static const struct field sce_fields[] = {{.name = "alpha",
                                           .type = FIELD_REAL,
                                           .offset = offsetof(struct sce_settings, alpha),
                                           .default_text = "0.1",
                                           .maximum = 1e6,
                                           .summary = "Weight of the cross-entropy."},
                                          {.name = "beta",
                                           .type = FIELD_REAL,
                                           .offset = offsetof(struct sce_settings, beta),
                                           .default_text = "1",
                                           .maximum = 1e6,
                                           .summary = "Weight of the reverse cross-entropy."},
                                          {.name = "log_zero",
                                           .type = FIELD_REAL,
                                           .offset = offsetof(struct sce_settings, log_zero),
                                           .default_text = "-4",
                                           .minimum = -1e6,
                                           .flags = FIELD_BELOW_MAXIMUM,
                                           .summary = "What stands for log 0 in the reverse cross-entropy."},
                                          {.name = NULL}};

static enum status sce_check(const void *settings, struct error *error)
{
    const struct sce_settings *const sce = settings;
    if (!(sce->alpha > 0) && !(sce->beta > 0))
        return fail(error, STATUS_BAD_SWEEP, "alpha and beta are both 0, so the loss is; make one of them larger");
    return STATUS_OK;
}

static const struct field focal_fields[] = {
    {.name = "gamma",
     .type = FIELD_REAL,
     .offset = offsetof(struct focal_settings, gamma),
     .default_text = "2",
     .maximum = 1000,
     .summary = "How much less samples count that are learned already; 0 is cross-entropy."},
    {.name = NULL}};

/* The table's functions of a loss made of NAME_of, NAME_slope and NAME_bend, f, f' and f''. */
#define LABEL_LOSS(name)                                                                                              \
    static void name##_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,    \
                             double *value)                                                                           \
    {                                                                                                                 \
        label_value(name##_of, settings, n, classes, logits, labels, value);                                          \
    }                                                                                                                 \
    static void name##_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels, \
                                float scale, float *dlogits)                                                          \
    {                                                                                                                 \
        label_gradient(name##_slope, settings, n, classes, logits, labels, scale, dlogits);                           \
    }                                                                                                                 \
    static void name##_gradient_along(const void *settings, int n, int classes, const float *logits,                  \
                                      const int16_t *labels, float scale, const float *along, float *d_along)         \
    {                                                                                                                 \
        label_gradient_along(name##_slope, name##_bend, settings, n, classes, logits, labels, scale, along, d_along); \
    }

LABEL_LOSS(mae)
LABEL_LOSS(gce)
LABEL_LOSS(sce)
LABEL_LOSS(focal)

const struct loss_ops loss_mae = {
    .kind = {.name = "mae", .summary = "absolute error of the softmax outputs, 2 (1 - g_y); symmetric"},
    .value = mae_value,
    .gradient = mae_gradient,
    .gradient_along = mae_gradient_along};

const struct loss_ops loss_gce = {
    .kind = {.name = "gce",
             .summary = "generalised cross-entropy, (1 - g_y^q) / q (Zhang and Sabuncu 2018)",
             .fields = gce_fields},
    .value = gce_value,
    .gradient = gce_gradient,
    .gradient_along = gce_gradient_along};

const struct loss_ops loss_sce = {
    .kind = {.name = "sce",
             .summary = "symmetric cross-entropy: alpha cross-entropy + beta reverse cross-entropy (Wang et al. 2019)",
             .fields = sce_fields,
             .check = sce_check},
    .value = sce_value,
    .gradient = sce_gradient,
    .gradient_along = sce_gradient_along};

const struct loss_ops loss_focal = {
    .kind = {.name = "focal", .summary = "-(1 - g_y)^gamma log g_y (Lin et al. 2017)", .fields = focal_fields},
    .value = focal_value,
    .gradient = focal_gradient,
    .gradient_along = focal_gradient_along};
