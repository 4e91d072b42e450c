/* loss.h - the interface of a loss: value and gradient with respect to the logits. */
#ifndef SEEDBED_LOSS_H
#define SEEDBED_LOSS_H

#include "seedbed/field.h"

struct loss_ops {
    struct kind kind;

    /* value[i] = loss of sample i.   logits [n, classes]  labels [n]  value [n]
     * Right at any logit: no overflow, no clamp. Accumulates in double. */
    void (*value)(const void *settings, int n, int classes, const float *logits, const int16_t *labels, double *value);

    /* dlogits = scale * d(value)/d(logits).   dlogits [n, classes]; overwritten */
    void (*gradient)(const void *settings, int n, int classes, const float *logits, const int16_t *labels, float scale,
                     float *dlogits);

    /* The number of classes that the settings are made for; 0: any. NULL: always any. */
    int (*classes)(const void *settings);

    /* The gradient as scale [n] times direction [n, classes], so that it does not underflow where it is tiny:
     * direction of size 1, scale >= 0. NULL: direction is the gradient over its largest part, as far as that goes. */
    void (*direction)(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                      double *scale, float *direction);

    /* d_along = scale * derivative of d(value)/d(logits) as the logits move along `along`, which is its second
     * derivative times along; 0 at a kink. For curvature; NULL: it has none.   along, d_along [n, classes] */
    void (*gradient_along)(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                           float scale, const float *along, float *d_along);
};

#endif
