/* loss_target.c - cross-entropy with a target t other than the label's one-hot e_y, with l_j = logsumexp(z) - z_j:
 *   label_smoothing  t = (1 - epsilon) e_y + epsilon / classes
 *   soft_bootstrap   t = beta e_y + (1 - beta) g: beta l_y + (1 - beta) H with H = sum of g_j l_j
 *   hard_bootstrap   t = beta e_y + (1 - beta) e_k, k the largest logit
 * t of the soft one is part of what is differentiated: dH/dz_j = g_j (l_j - H). */
#include <math.h>
#include <stddef.h>

#include "kernels/logsumexp.h"
#include "kernels/reduce.h"
#include "network/losses.h"

struct smoothing_settings {
    double epsilon;
};

struct bootstrap_settings {
    double beta;
};

static void smoothing_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                            double *value)
{
    const double epsilon = ((const struct smoothing_settings *)settings)->epsilon;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const int largest = first_maximum(classes, z);
        double below = 0;
        for (int j = 0; j < classes; j++)
            below += (double)z[largest] - (double)z[j];
        const double mean = logsumexp_minus(classes, z, largest) + below / classes;
        value[i] = (1 - epsilon) * logsumexp_minus(classes, z, labels[i]) + epsilon * mean;
    }
}

static void smoothing_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                               float scale, float *dlogits)
{
    const double epsilon = ((const struct smoothing_settings *)settings)->epsilon;
    softmax_residual(n, classes, logits, labels, dlogits);
    for (int i = 0; i < n; i++) {
        float *const r = dlogits + (int64_t)i * classes;
        for (int j = 0; j < classes; j++) {
            const double shift = epsilon * ((j == labels[i] ? 1.0 : 0.0) - 1.0 / classes);
            r[j] = (float)((double)scale * ((double)r[j] + shift));
        }
    }
}

/* H of one sample; l_largest: the cross-entropy of the largest logit. */
static double entropy(const struct softmax_row *row, int classes, const float *z, double l_largest)
{
    double total = 0;
    for (int j = 0; j < classes; j++)
        total += softmax_at(row, z, j) * (row->maximum - (double)z[j] + l_largest);
    return total;
}

static void soft_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                       double *value)
{
    const double beta = ((const struct bootstrap_settings *)settings)->beta;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const struct softmax_row row = softmax_row_of(classes, z);
        const double own = entropy(&row, classes, z, logsumexp_minus(classes, z, row.largest));
        value[i] = beta * logsumexp_minus(classes, z, labels[i]) + (1 - beta) * own;
    }
}

/* r becomes scale (beta r + (1 - beta) dH/dz); of the largest logit dH/dz is minus the sum of the others. */
static void soft_row_gradient(double beta, int classes, const float *z, float scale, float *r)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const double l_largest = logsumexp_minus(classes, z, row.largest);
    const double own = entropy(&row, classes, z, l_largest);
    double others = 0;
    for (int j = 0; j < classes; j++)
        if (j != row.largest) {
            const double d = softmax_at(&row, z, j) * (row.maximum - (double)z[j] + l_largest - own);
            others += d;
            r[j] = (float)((double)scale * (beta * (double)r[j] + (1 - beta) * d));
        }
    r[row.largest] = (float)((double)scale * (beta * (double)r[row.largest] - (1 - beta) * others));
}

static void soft_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                          float scale, float *dlogits)
{
    const double beta = ((const struct bootstrap_settings *)settings)->beta;
    softmax_residual(n, classes, logits, labels, dlogits);
    for (int i = 0; i < n; i++)
        soft_row_gradient(beta, classes, logits + (int64_t)i * classes, scale, dlogits + (int64_t)i * classes);
}

static void hard_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                       double *value)
{
    const double beta = ((const struct bootstrap_settings *)settings)->beta;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const double own = logsumexp_minus(classes, z, first_maximum(classes, z));
        value[i] = beta * logsumexp_minus(classes, z, labels[i]) + (1 - beta) * own;
    }
}

static void hard_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                          float scale, float *dlogits)
{
    const float rest = (float)(1 - ((const struct bootstrap_settings *)settings)->beta);
    softmax_residual(n, classes, logits, labels, dlogits);
    for (int i = 0; i < n; i++) {
        float *const r = dlogits + (int64_t)i * classes;
        const int largest = first_maximum(classes, logits + (int64_t)i * classes);
        if (largest != labels[i]) {
            r[labels[i]] += rest;
            r[largest] -= rest;
        }
        for (int j = 0; j < classes; j++)
            r[j] *= scale;
    }
}

/* Of a target that does not move. */
static void fixed_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                 float scale, const float *along, float *d_along)
{
    (void)settings;
    (void)labels;
    softmax_residual_along(n, classes, logits, scale, along, d_along);
}

/* d becomes beta d + (1 - beta) scale times the derivative of g_j (l_j - H) along t      z, t, d [classes] */
static void soft_row_along(double beta, int classes, const float *z, float scale, const float *t, float *d)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
    const double l_largest = logsumexp_minus(classes, z, row.largest);
    const double own = entropy(&row, classes, z, l_largest), mean = motion.origin + motion.mean;
    double own_along = 0;
    for (int j = 0; j < classes; j++)
        own_along += softmax_moved(&row, &motion, z, t, j) * (row.maximum - (double)z[j]);
    for (int j = 0; j < classes; j++) {
        const double above = row.maximum - (double)z[j] + l_largest - own;
        const double moved =
            softmax_moved(&row, &motion, z, t, j) * above + softmax_at(&row, z, j) * (mean - (double)t[j] - own_along);
        d[j] = (float)(beta * (double)d[j] + (1 - beta) * (double)scale * moved);
    }
}

static void soft_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                float scale, const float *along, float *d_along)
{
    const double beta = ((const struct bootstrap_settings *)settings)->beta;
    fixed_gradient_along(settings, n, classes, logits, labels, scale, along, d_along);
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        soft_row_along(beta, classes, logits + row, scale, along + row, d_along + row);
    }
}

static const struct field smoothing_fields[] = {{.name = "epsilon",
                                                 .type = FIELD_REAL,
                                                 .offset = offsetof(struct smoothing_settings, epsilon),
                                                 .default_text = "0.1",
                                                 .maximum = 1,
                                                 .flags = FIELD_BELOW_MAXIMUM,
                                                 .summary = "Share of the target spread evenly over all classes."},
                                                {.name = NULL}};

static const struct field soft_fields[] = {{.name = "beta",
                                            .type = FIELD_REAL,
                                            .offset = offsetof(struct bootstrap_settings, beta),
                                            .default_text = "0.95",
                                            .maximum = 1,
                                            .summary = "Weight of the label; the rest is the network's own output."},
                                           {.name = NULL}};

static const struct field hard_fields[] = {{.name = "beta",
                                            .type = FIELD_REAL,
                                            .offset = offsetof(struct bootstrap_settings, beta),
                                            .default_text = "0.8",
                                            .maximum = 1,
                                            .summary = "Weight of the label; the rest is the class predicted."},
                                           {.name = NULL}};

const struct loss_ops loss_label_smoothing = {
    .kind = {.name = "label_smoothing",
             .summary = "cross-entropy with (1 - epsilon) e_y + epsilon / classes (Szegedy et al. 2016)",
             .fields = smoothing_fields},
    .value = smoothing_value,
    .gradient = smoothing_gradient,
    .gradient_along = fixed_gradient_along};

const struct loss_ops loss_soft_bootstrap = {
    .kind = {.name = "soft_bootstrap",
             .summary = "cross-entropy with beta e_y + (1 - beta) g (Reed et al. 2015)",
             .fields = soft_fields},
    .value = soft_value,
    .gradient = soft_gradient,
    .gradient_along = soft_gradient_along};

const struct loss_ops loss_hard_bootstrap = {
    .kind = {.name = "hard_bootstrap",
             .summary = "cross-entropy with beta e_y + (1 - beta) of the class predicted (Reed et al. 2015)",
             .fields = hard_fields},
    .value = hard_value,
    .gradient = hard_gradient,
    .gradient_along = fixed_gradient_along};
