/* loss_cross_entropy.c - log(sum of exp(z)) - z_y, and its gradient g - e_y. */
#include "kernels/reduce.h"
#include "network/losses.h"

static void cross_entropy_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++)
        value[i] = logsumexp_minus(classes, logits + (int64_t)i * classes, labels[i]);
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

const struct loss_ops loss_cross_entropy = {.kind = {.name = "cross_entropy", .summary = "-log softmax(z)_y"},
                                            .value = cross_entropy_value,
                                            .gradient = cross_entropy_gradient};
