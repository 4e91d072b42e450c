/* unpacked.h - products of matrices of the sizes that small networks have, straight from where the operands lie. BLAS
 * first copies both into the order of its kernels, which takes up to half of its time where a matrix is used once. */
#ifndef SEEDBED_KERNELS_UNPACKED_H
#define SEEDBED_KERNELS_UNPACKED_H

#include <stdbool.h>

#include "kernels/gemm.h"

/* Whether this is faster than BLAS, and possible: a function of form and shape alone, and of the build's vectors. */
bool unpacked_fits(enum operand a_is, enum operand b_is, int m, int n, int k);

/* As gemm, where unpacked_fits. Each sum has one order, whatever m and n. */
void unpacked_product(enum operand a_is, enum operand b_is, int m, int n, int k, const float *a, const float *b,
                      float beta, float *c);

#endif
