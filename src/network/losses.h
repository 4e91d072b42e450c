/* losses.h - the losses of the table, and what they share. */
#ifndef SEEDBED_NETWORK_LOSSES_H
#define SEEDBED_NETWORK_LOSSES_H

#include <stdint.h>

#include "seedbed/loss.h"

extern const struct loss_ops loss_cross_entropy, loss_mse, loss_mse_logits;
extern const struct loss_ops loss_rll, loss_nmse, loss_nce;
extern const struct loss_ops loss_mae, loss_gce, loss_sce, loss_focal;
extern const struct loss_ops loss_hinge, loss_exponential;
extern const struct loss_ops loss_label_smoothing, loss_soft_bootstrap, loss_hard_bootstrap, loss_forward_correction;

/* r = softmax(z) - e_y, where r_y is minus the sum of the others: no digits are lost at high confidence.
 * z, r [n,classes]   labels [n] */
void softmax_residual(int n, int classes, const float *z, const int16_t *labels, float *r);

/* Softmax of one row, in double, as e_j = exp(z_j - maximum). */
struct softmax_row {
    int largest;    /* position of the first maximum */
    double maximum; /* its logit */
    double total;   /* sum of e_j */
};

struct softmax_row softmax_row_of(int classes, const float *z);

/* g_j. */
double softmax_at(const struct softmax_row *row, const float *z, int j);

/* 1 - g_j as the sum of the others. */
double softmax_rest(const struct softmax_row *row, int classes, const float *z, int j);

#endif
