/* loss_nce.c - normalised cross-entropy: c_y / (sum over all labels of c_j) with c_j = logsumexp(z) - z_j.
 * The sum is at least classes log classes, so it is a safe divisor. With L the value and T the sum,
 * dL/dz_j = (g_j - e_j - L (classes g_j - 1)) / T. */
#include <math.h>

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

const struct loss_ops loss_nce = {
    .kind = {.name = "nce", .summary = "cross-entropy over its sum over all labels (Ma et al. 2020); symmetric"},
    .value = nce_value,
    .gradient = nce_gradient};
