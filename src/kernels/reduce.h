/* reduce.h - sums in double, in an order that depends on nothing but the count. */
#ifndef SEEDBED_KERNELS_REDUCE_H
#define SEEDBED_KERNELS_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

/* sum of x      x [count] */
double sum(int64_t count, const double *x);

/* sum of x^2      x [count] */
double sum_squares(int64_t count, const float *x);

/* Whether no x is NaN or infinite.      x [count] */
bool all_finite(int64_t count, const float *x);

/* The margin z_label - max over j != label of z_j.      z [m] */
double label_margin(int m, const float *z, int label);

/* Position of the first maximum.      z [m] */
int first_maximum(int m, const float *z);

#endif
