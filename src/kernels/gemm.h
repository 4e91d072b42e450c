/* gemm.h - product of two matrices, row-major without gaps. One thread; the same bits for the same shapes and values.
 */
#ifndef SEEDBED_KERNELS_GEMM_H
#define SEEDBED_KERNELS_GEMM_H

enum operand { AS_IS, TRANSPOSED };

/* c = A B + beta c      A [m,k]: a [m,k], or [k,m] when TRANSPOSED   B [k,n]: b [k,n], or [n,k]   c [m,n]
 * beta 0 overwrites c, whatever it held. */
void gemm(enum operand a_is, enum operand b_is, int m, int n, int k, const float *a, const float *b, float beta,
          float *c);

#endif
