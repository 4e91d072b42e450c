/* activation.h - the functions that a layer may end with. */
#ifndef SEEDBED_NETWORK_ACTIVATION_H
#define SEEDBED_NETWORK_ACTIVATION_H

#include "seedbed/field.h"

struct activation_ops {
    struct kind kind;

    /* y = f(y + bias)      y [n,m]   bias [m] or NULL */
    void (*forward)(int n, int m, const float *restrict bias, float *restrict y);

    /* dy = dy * f'(x), found from y = f(x);  dbias = sum of dy over samples
     * y [n,m]   dy [n,m] in and out   dbias [m] overwritten, or NULL */
    void (*backward)(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
};

#endif
