/* spectral.h - the largest singular value of what a weight tensor does. */
#ifndef SEEDBED_METRICS_SPECTRAL_H
#define SEEDBED_METRICS_SPECTRAL_H

#include "network/network.h"
#include "seedbed/metric.h"

/* The norms of all layers take about as long as so many samples' forward passes in batches: single samples' passes are
 * many times slower than their share of a batch. And bytes for each input of a layer. */
enum { SPECTRAL_PASSES = 2000, SPECTRAL_BYTES = 3 * sizeof(double) + 2 * sizeof(float) };

/* Of the whole linear map from the layer's input to its output (a convolution's on its image, not its kernel's as a
 * matrix), batch normalisation folded in; to about 1e-6 of itself. yield may be NULL. */
enum status spectral_norm(struct network *network, int tensor, const struct yield *yield, double *out,
                          struct error *error);

#endif
