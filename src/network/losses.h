/* losses.h - the losses of the table, and what they share. */
#ifndef SEEDBED_NETWORK_LOSSES_H
#define SEEDBED_NETWORK_LOSSES_H

#include <stdint.h>

#include "seedbed/loss.h"

extern const struct loss_ops loss_cross_entropy, loss_mse, loss_mse_logits;

/* r = softmax(z) - e_y, where r_y is minus the sum of the others: no digits are lost at high confidence.
 * z, r [n,classes]   labels [n] */
void softmax_residual(int n, int classes, const float *z, const int16_t *labels, float *r);

#endif
