/* loss_nce.c - normalised cross-entropy: c_y / (sum over all labels of c_j) with c_j = logsumexp(z) - z_j.
 * The sum is at least classes log classes, so it is a safe divisor. With L the value and T the sum,
 * dL/dz_j = (g_j - e_j - L (classes g_j - 1)) / T. */
#include <math.h>

#include "kernels/logsumexp.h"
#include "kernels/reduce.h"
#include "network/losses.h"

/* Sum over all labels of the cross-entropy. */
static double cross_entropies(int classes, const float *z)
{
    const int largest = first_maximum(classes, z);
    double below = 0;
    for (int j = 0; j < classes; j++)
        below += (double)z[largest] - (double)z[j];
    return below + classes * logsumexp_minus(classes, z, largest);
}

static void nce_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                      double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        value[i] = logsumexp_minus(classes, z, labels[i]) / cross_entropies(classes, z);
    }
}

static void nce_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                         float scale, float *dlogits)
{
    (void)settings;
    softmax_residual(n, classes, logits, labels, dlogits);
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        float *const r = dlogits + (int64_t)i * classes;
        const double total = cross_entropies(classes, z);
        const double value = logsumexp_minus(classes, z, labels[i]) / total;
        for (int j = 0; j < classes; j++) {
            const double residual = (double)r[j];
            const double g = j == labels[i] ? 1 + residual : residual;
            r[j] = (float)((double)scale * (residual - value * (classes * g - 1)) / total);
        }
    }
}

/* d = scale times the derivative of (r_j - L (classes g_j - 1)) / T, r = g - e_y, along t      z, t, d [classes] */
static void nce_row_along(const float *z, int label, int classes, float scale, const float *t, float *d)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
    const double total = cross_entropies(classes, z), value = logsumexp_minus(classes, z, label) / total;
    const double mean = motion.origin + motion.mean;
    double total_along = 0;
    for (int j = 0; j < classes; j++)
        total_along += mean - (double)t[j];
    const double value_along = (mean - (double)t[label] - value * total_along) / total;
    for (int j = 0; j < classes; j++) {
        const double g = softmax_at(&row, z, j), moved = softmax_moved(&row, &motion, z, t, j);
        const double slope = (g - (j == label) - value * (classes * g - 1)) / total;
        const double along = moved - value_along * (classes * g - 1) - value * classes * moved - slope * total_along;
        d[j] = (float)((double)scale * along / total);
    }
}

static void nce_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                               float scale, const float *along, float *d_along)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        nce_row_along(logits + row, labels[i], classes, scale, along + row, d_along + row);
    }
}

const struct loss_ops loss_nce = {
    .kind = {.name = "nce", .summary = "cross-entropy over its sum over all labels (Ma et al. 2020); symmetric"},
    .value = nce_value,
    .gradient = nce_gradient,
    .gradient_along = nce_gradient_along};
