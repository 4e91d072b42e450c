/* loss_cross_entropy.c - log(sum of exp(z)) - z_y, and its gradient g - e_y. */
#include <math.h>

#include "kernels/logsumexp.h"
#include "network/losses.h"

static void cross_entropy_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                double *value)
{
    (void)settings;
    logsumexp_minus_rows(n, classes, logits, labels, value);
}

static void cross_entropy_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                   float scale, float *dlogits)
{
    (void)settings;
    softmax_residual(n, classes, logits, labels, dlogits);
    const int64_t count = (int64_t)n * classes;
    for (int64_t i = 0; i < count; i++)
        dlogits[i] *= scale;
}

/* g - e_y = (1 - g_y) (h - e_y), h the softmax over the others: right at any confidence. */
static void cross_entropy_direction(const void *settings, int n, int classes, const float *logits,
                                    const int16_t *labels, double *scale, float *direction)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        float *const d = direction + (int64_t)i * classes;
        float largest = -INFINITY;
        double others = 0;
        for (int j = 0; j < classes; j++)
            if (j != labels[i] && z[j] > largest)
                largest = z[j];
        for (int j = 0; j < classes; j++)
            others += j == labels[i] ? 0 : exp((double)z[j] - (double)largest);
        for (int j = 0; j < classes; j++)
            d[j] = j == labels[i] ? -1.0f : (float)(exp((double)z[j] - (double)largest) / others);
        const struct softmax_row row = softmax_row_of(classes, z);
        scale[i] = softmax_rest(&row, classes, z, labels[i]);
    }
}

static void cross_entropy_gradient_along(const void *settings, int n, int classes, const float *logits,
                                         const int16_t *labels, float scale, const float *along, float *d_along)
{
    (void)settings;
    (void)labels;
    softmax_residual_along(n, classes, logits, scale, along, d_along);
}

const struct loss_ops loss_cross_entropy = {.kind = {.name = "cross_entropy", .summary = "-log softmax(z)_y"},
                                            .value = cross_entropy_value,
                                            .gradient = cross_entropy_gradient,
                                            .direction = cross_entropy_direction,
                                            .gradient_along = cross_entropy_gradient_along};
