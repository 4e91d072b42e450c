/* sample_gradients.h - the gradients of single samples, kept as rows whose products are cheap.
 * A dense layer's gradient is d a^T: its rows are a and d, and the product of two samples' gradients is
 * (a_i.a_j) (d_i.d_j), with d_i.d_j more for the bias. Other layers' rows are the gradients themselves. Rows and
 * products of one layer are in float, sums over layers in double. */
#ifndef SEEDBED_NETWORK_SAMPLE_GRADIENTS_H
#define SEEDBED_NETWORK_SAMPLE_GRADIENTS_H

#include <stddef.h>

#include "network/network.h"
#include "seedbed/layer.h"

struct graph;
struct graph_node;

/* Floats of a sample's row, 0 or 1 by the layer's gradient_form; 0: it has none. */
size_t layer_gradient_width(const struct graph_node *node, int row);

/* The layer's backward_each, or the same by passes of one sample. */
void layer_backward_each(const struct layer_ops *ops, const struct layer_plan *plan, const struct layer_pass *pass);

struct sample_gradients;

/* Bytes that one sample takes. */
size_t sample_gradients_bytes(const struct network *network);

/* The same of a network that is only planned, and the bytes of everything but samples. */
size_t graph_gradient_bytes(const struct graph *graph);
size_t graph_gradient_room(const struct graph *graph);

/* Room for `capacity` samples of networks with the same layers. *out owned by the caller. */
enum status sample_gradients_create(const struct network *network, int capacity, struct sample_gradients **out,
                                    struct error *error);
void sample_gradients_destroy(struct sample_gradients **gradients);

/* Takes all samples out. */
void sample_gradients_clear(struct sample_gradients *gradients);

/* Adds the gradients of sum(logits * dlogits) of n samples; follows a PASS_DIFFERENTIATE forward of n.
 * dlogits [n, classes] may be overwritten. */
void sample_gradients_add(struct sample_gradients *gradients, struct network *network, float *dlogits, int n);

/* products[i * stride + j] = gradient i of a times gradient j of b; symmetric where a is b. */
void sample_gradients_products(const struct sample_gradients *a, const struct sample_gradients *b, double *products,
                               size_t stride);

/* sums += sum of w_i g_i   squares += sum of (w_i g_i)^2      weights w [samples]   sums, squares [parameter_count] */
void sample_gradients_moments(const struct sample_gradients *gradients, const double *weights, double *sums,
                              double *squares);

#endif
