/* curvature.h - the Hessian H of a loss over all parameters, in evaluation mode, as what it makes of a direction v.
 * Exact by Pearlmutter's R-operator (1994): the forward pass, then the backward pass, is differentiated along v layer
 * by layer. Where a piecewise linear function has a kink, it counts as straight. */
#ifndef SEEDBED_NETWORK_CURVATURE_H
#define SEEDBED_NETWORK_CURVATURE_H

#include "network/network.h"

struct curvature;
struct graph;

/* Room for products on the network, which it borrows. STATUS_BAD_SWEEP where a layer has no derivatives along a
 * direction. *out owned by the caller. */
enum status curvature_create(struct network *network, struct curvature **out, struct error *error);
void curvature_destroy(struct curvature **curvature);

/* The first layer that has no derivatives along a direction; NULL: all have. */
const char *curvature_missing(const struct graph *graph);

/* Bytes that products on a network that is only planned take: for each sample of a batch, and beside. */
size_t graph_curvature_bytes(const struct graph *graph);
size_t graph_curvature_room(const struct graph *graph);

/* The samples of a batch, of so many bytes each; the network takes max_batch. */
int curvature_fitting_batch(double sample_bytes, int max_batch);

/* The most samples of one call. */
int curvature_batch(const struct curvature *curvature);

/* H v of scale times the sum of the losses of n samples [parameter_count], lent until the next call.
 * x [n, input] may be network_input's buffer.   v [parameter_count] */
const float *curvature_product(struct curvature *curvature, const struct choice *loss, int n, const float *x,
                               const int16_t *labels, float scale, const float *v);

#endif
