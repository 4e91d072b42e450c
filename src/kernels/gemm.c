#include "kernels/gemm.h"

#include <cblas.h>

#include "kernels/unpacked.h"

void gemm(enum operand a_is, enum operand b_is, int m, int n, int k, const float *a, const float *b, float beta,
          float *c)
{
    if (unpacked_fits(a_is, b_is, m, n, k))
        unpacked_product(a_is, b_is, m, n, k, a, b, beta, c);
    else
        cblas_sgemm(CblasRowMajor, a_is == TRANSPOSED ? CblasTrans : CblasNoTrans,
                    b_is == TRANSPOSED ? CblasTrans : CblasNoTrans, m, n, k, 1.0f, a, a_is == TRANSPOSED ? m : k, b,
                    b_is == TRANSPOSED ? k : n, beta, c, n);
}
