/* elementwise.h - activations fused with the bias, and softmax. Each result depends on its own inputs only, in a fixed
 * order: the same bits for any alignment. NaN stays NaN. */
#ifndef SEEDBED_KERNELS_ELEMENTWISE_H
#define SEEDBED_KERNELS_ELEMENTWISE_H

#include <stdint.h>

/* y = f(y + bias)      y [n,m]   bias [m] or NULL */
void linear_forward(int n, int m, const float *restrict bias, float *restrict y);
void relu_forward(int n, int m, const float *restrict bias, float *restrict y);
void tanh_forward(int n, int m, const float *restrict bias, float *restrict y);
void softplus_forward(int n, int m, const float *restrict bias, float *restrict y);
void leaky_relu_forward(int n, int m, const float *restrict bias, float *restrict y);
void sigmoid_forward(int n, int m, const float *restrict bias, float *restrict y);
void gelu_forward(int n, int m, const float *restrict bias, float *restrict y);

/* dy = dy * f'(x), found from y = f(x);  dbias = sum of dy over samples
 * y [n,m]   dy [n,m] in and out   dbias [m] overwritten, or NULL */
void linear_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
void relu_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
void tanh_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
void softplus_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
void leaky_relu_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
void sigmoid_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias);
/* the same, but found from x, because two x may have the same y      x [n,m] */
void gelu_backward(int n, int m, const float *restrict x, float *restrict dy, float *restrict dbias);

/* g += dy f''(x) tx, found from y = f(x) and ty = f'(x) tx      y, ty, dy, g [count] */
void tanh_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
               float *restrict g);
void softplus_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
                   float *restrict g);
void sigmoid_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
                  float *restrict g);
/* the same, but found from x and tx      x, tx [count] */
void gelu_bend(int64_t count, const float *restrict x, const float *restrict tx, const float *restrict dy,
               float *restrict g);

/* g = softmax(z) of each row, by the row's maximum: never overflows.   z, g [n,m]; g may be z */
void softmax(int n, int m, const float *z, float *g);

#endif
