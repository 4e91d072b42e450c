#include "network/losses.h"

#include "kernels/elementwise.h"

void softmax_residual(int n, int classes, const float *z, const int16_t *labels, float *r)
{
    softmax(n, classes, z, r);
    for (int i = 0; i < n; i++, r += classes) {
        float others = 0.0f;
        r[labels[i]] = 0.0f;
        for (int j = 0; j < classes; j++)
            others += r[j];
        r[labels[i]] = -others;
    }
}

const struct kind_table loss_table = {
    .what = "loss",
    .plural = "losses",
    .kinds = (const struct kind *const[]){&loss_cross_entropy.kind, &loss_mse.kind, &loss_mse_logits.kind, NULL}};
