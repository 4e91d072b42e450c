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

/* How softmax moves as z does along t. Differences are taken from the largest output's t: no digits are lost at high
 * confidence. */
struct softmax_motion {
    double origin; /* t of the largest output */
    double mean;   /* sum of g_j (t_j - origin) */
};

struct softmax_motion softmax_motion_of(const struct softmax_row *row, int classes, const float *z, const float *t);

/* The derivative of g_j: g_j (t_j - sum of g_m t_m). */
double softmax_moved(const struct softmax_row *row, const struct softmax_motion *motion, const float *z, const float *t,
                     int j);

/* d = scale * derivative of g - e_y, whatever the label      z, t, d [n,classes] */
void softmax_residual_along(int n, int classes, const float *z, float scale, const float *t, float *d);

/* A loss of the softmax outputs: u_j = d(value)/dg_j, and how it moves as g_j does by moved. */
struct output_motion {
    double slope, along;
};
typedef struct output_motion output_move(const void *context, double g, double moved, int j);

/* d = scale * derivative of dL/dz along t, dL/dz_j = g_j (u_j - sum of g_m u_m)      z, t, d [classes] */
void outputs_along(output_move *move, const void *context, int classes, const float *z, float scale, const float *t,
                   float *d);

#endif
