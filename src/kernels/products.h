/* products.h - several products of matrices of one shape, small enough for BLAS's own set-up to cost more.
 * x [count][rows,channels]   y, dy [count][rows,out_channels]   packed weights and sums [count][blocks,channels,lanes]:
 * the output channels in blocks of vector length. Channels are whole vectors. Each sum has one order, whatever `rows`.
 */
#ifndef SEEDBED_KERNELS_PRODUCTS_H
#define SEEDBED_KERNELS_PRODUCTS_H

#include <stddef.h>

struct products {
    int count, rows, channels, out_channels;
    size_t x_stride, y_stride; /* floats from one matrix to the next */
};

/* y = x * packed */
void products_forward(const struct products *p, const float *x, const float *packed, float *y);

/* sums += x^T dy */
void products_gradient(const struct products *p, const float *x, const float *dy, float *sums);

#endif
