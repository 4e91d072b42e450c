/* margin_scales.h - what margins are divided by. */
#ifndef SEEDBED_METRICS_MARGIN_SCALES_H
#define SEEDBED_METRICS_MARGIN_SCALES_H

#include <stdbool.h>

#include "seedbed/metric.h"

enum scale { SCALE_NONE, SCALE_FROBENIUS, SCALE_LAST_LAYER, SCALE_SPECTRAL, SCALE_INPUT_GRADIENT, SCALE_COUNT };

/* One number for the network each; of SCALE_NONE 1, of scales that are not wanted and SCALE_INPUT_GRADIENT untouched.
 * wanted, rho [SCALE_COUNT] */
enum status margin_rho(const struct measurement *at, const bool *wanted, double *rho, struct error *error);

/* What margin_rho takes, and margin_input_gradients of every part. wanted [SCALE_COUNT] */
struct metric_cost margin_rho_cost(const struct metric_trial *trial, const bool *wanted);
struct metric_cost margin_input_gradients_cost(const struct metric_trial *trial);

/* norms[i] = |grad_x (z_y - z_j)| of each sample of a part, j the highest logit but y's, x the input that the network
 * sees. norms [count] */
enum status margin_input_gradients(const struct measurement *at, int part, double *norms, struct error *error);

/* Class of the highest logit but the label's; the first of equal ones.      z [classes] */
int runner_up(int classes, const float *z, int label);

#endif
