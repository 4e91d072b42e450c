/* logsumexp.h - the cross-entropy of rows of logits, in double. */
#ifndef SEEDBED_KERNELS_LOGSUMEXP_H
#define SEEDBED_KERNELS_LOGSUMEXP_H

#include <stdint.h>

/* log(sum of exp(z)) - z_label, right at any finite z and in its smallest tail.      z [m] */
double logsumexp_minus(int m, const float *z, int label);

/* That of each row, some times as fast; the last digit may be another.      z [n,m]  labels [n]  out [n] */
void logsumexp_minus_rows(int n, int m, const float *z, const int16_t *labels, double *out);

#endif
