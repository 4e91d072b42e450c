/* activation.h - the functions that a layer may end with. */
#ifndef SEEDBED_NETWORK_ACTIVATION_H
#define SEEDBED_NETWORK_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/field.h"

struct activation_ops {
    struct kind kind;
    bool rises;       /* never falls: f of the largest x is the largest f(x) */
    bool keeps_input; /* the way back needs x, which the caller saves: f' cannot be found from y */

    /* y = f(y + bias)      y [n,m]   bias [m] or NULL */
    void (*forward)(int n, int m, const float *restrict bias, float *restrict y);

    /* dy = dy * f'(x), found from y = f(x), or from x in y's place;  dbias = sum of dy over samples
     * y [n,m]   dy [n,m] in and out   dbias [m] overwritten, or NULL */
    void (*backward)(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);

    /* g += dy f''(x) tx, tx the derivative of x along a direction: found from y and ty = f'(x) tx, or, where the input
     * is kept, from x and tx in their places. NULL: f'' is 0 wherever there is one.      all [count] */
    void (*bend)(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
                 float *restrict g);
};

extern const struct activation_ops activation_relu, activation_leaky_relu, activation_tanh, activation_sigmoid,
    activation_softplus, activation_gelu;

/* Floats that a layer saves for each of its outputs. */
size_t activation_saved(const struct kind *activation);

/* Whether it is max(0, x), which some kernels do by the way. */
bool activation_is_relu(const struct kind *activation);

/* Whether f never falls, so that it may as well stand behind a maximum. */
bool activation_rises(const struct kind *activation);

/* y = f(y + bias), x kept in saved where it is needed      y, saved [n,m]   bias [m] or NULL */
void activation_forward(const struct kind *activation, int n, int m, const float *bias, float *y, float *saved);

/* dy = dy * f'(x);  dbias = sum of dy over samples      y, saved, dy [n,m]   dbias [m] overwritten, or NULL */
void activation_backward(const struct kind *activation, int n, int m, const float *y, const float *saved, float *dy,
                         float *dbias);

/* The derivatives of both along a direction. ty: that of x + bias in, that of y out; tsaved as saved.
 * ty, tsaved [n,m] */
void activation_forward_along(const struct kind *activation, int n, int m, const float *y, const float *saved,
                              float *ty, float *tsaved);

/* dy = dy f'(x);  tdy = tdy f'(x) + dy f''(x) tx, dy as it came      dy, tdy [n,m] in and out */
void activation_backward_along(const struct kind *activation, int n, int m, const float *y, const float *saved,
                               const float *ty, const float *tsaved, float *dy, float *tdy);

#endif
