/* network.h - a network: layers in order, their parameters in one flat block with named views.
 * Layers are nodes of a graph in topological order: each names the outputs it reads, so residual and concatenation
 * layers fit without change. */
#ifndef SEEDBED_NETWORK_NETWORK_H
#define SEEDBED_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "seedbed/field.h"
#include "seedbed/layer.h"
#include "seedbed/loss.h"
#include "seedbed/status.h"

extern const struct kind_table loss_table;           /* struct loss_ops */
extern const struct kind_table layer_table;          /* struct layer_ops */
extern const struct kind_table layer_item_table;     /* what a list of layers in a sweep file may name */
extern const struct kind_table bias_table;           /* names without settings */
extern const struct kind_table activation_table;     /* struct activation_ops: names without settings */
extern const struct kind_table initialisation_table; /* he, glorot, lecun, uniform */
extern const struct kind_table model_table;          /* struct model_ops: presets that expand to layers */

/* Each sample's gradient with respect to its logits as scale [n] times direction [n, classes], by the loss's
 * `direction` or else by its gradient. */
void loss_direction(const struct choice *loss, int n, int classes, const float *logits, const int16_t *labels,
                    double *scale, float *direction);

/* Section `model`. */
struct model_config {
    struct choice kind; /* FIELD_INLINE; struct model_ops */
    struct choice init;
    const struct kind *bias; /* of bias_table */
};

extern const struct field model_fields[]; /* of struct model_config */

struct network;

enum { LAYER_PATH_BYTES = 176 }; /* of a dotted path through FIELD_LIST_DEPTH lists */

/* What a network would be, without making it: for `plan`. */
struct network_summary {
    int64_t parameter_count;
    int64_t state_count; /* numbers that are kept but not trained: running statistics */
    int layer_count;
    int tensor_count;                 /* of parameters and states */
    int weight_count;                 /* tensors of TENSOR_WEIGHT */
    double flops_per_sample;          /* forward; training costs about three times that */
    size_t bytes;                     /* of memory for max_batch samples, with gradients */
    int first_outputs;                /* of a first layer as network_first_weights has it; 0: there is none */
    int64_t largest_tensor;           /* numbers of a parameter tensor, at most */
    int64_t largest_output;           /* floats of a sample's output of a layer, at most */
    int64_t outputs;                  /* the same, of all layers together */
    size_t linear_bytes;              /* of network_linear_part of a weight tensor, at most */
    size_t gradient_bytes;            /* that sample_gradients keep for each sample */
    size_t gradient_room;             /* that they take beside, whatever the number of samples */
    size_t curvature_bytes;           /* that products with the Hessian take for each sample of a batch */
    size_t curvature_room;            /* and beside */
    char uncurved[TENSOR_NAME_BYTES]; /* the first layer without derivatives along a direction; empty: all have them */
    /* Set after a failure too: the layer at fault as the section lists it, "layers.3"; empty: none in particular. */
    char layer_path[LAYER_PATH_BYTES];
};

/* Builds the layers for inputs of shape and checks that they fit. Nothing is initialised yet.
 * max_batch: the largest n of any pass. *out owned by the caller. Any rank. */
enum status network_create(const struct model_config *config, struct shape input, int classes, int max_batch,
                           struct network **out, struct error *error);
void network_destroy(struct network **network);
enum status network_summarise(const struct model_config *config, struct shape input, int classes, int max_batch,
                              struct network_summary *out, struct error *error);

/* One line a layer: name, output shape, parameters. */
void network_describe(const struct network *network, struct text *out);

/* Draws the parameters from the `init` stream; a tensor's draw depends on its place and shape only. */
void network_initialise(struct network *network, uint64_t seed);

int network_max_batch(const struct network *network);
/* Number of logits. */
int network_classes(const struct network *network);
int64_t network_parameter_count(const struct network *network);
/* Lend the flat block and its gradient [parameter_count]; valid until network_destroy. */
float *network_parameters(struct network *network);
const float *network_gradient(const struct network *network);

int network_tensor_count(const struct network *network);
/* Running statistics and their like, not trained: they lie behind the parameters, network_parameters()[parameter_count]
 * onwards, and their tensors behind network_tensors. */
int64_t network_state_count(const struct network *network);
int network_state_tensor_count(const struct network *network);
/* Lends the tensors in the order of the flat block, where they lie one after another without gaps. */
const struct tensor_spec *network_tensors(const struct network *network);

/* Lends a buffer for the inputs of the next forward pass [max_batch, input]: gather into it to save a copy. */
float *network_input(struct network *network);

/* Where the draws of the next training passes lie: the `dropout` stream's seed, and the step. */
void network_set_step(struct network *network, uint64_t seed, int64_t step);

/* Before the first of a row of PASS_ESTIMATE passes, which make the running statistics anew from what they see. */
void network_estimate_begin(struct network *network);

/* Returns the logits [n, classes], lent until the next pass. x [n, input] may be network_input's buffer. n <= max_batch
 */
const float *network_forward(struct network *network, const float *x, int n, enum pass_mode mode);

/* The weights [outputs, inputs] of a first layer that is dense, and the only one to read the network's input; NULL: the
 * network begins otherwise. */
const float *network_first_weights(const struct network *network, int *outputs);
/* The logits in evaluation mode, as of network_forward, from those weights' products [n, outputs] with the inputs; they
 * may lie in network_input's buffer. */
const float *network_forward_products(struct network *network, const float *products, int n);

int network_layer_count(const struct network *network);
/* Floats of a layer's output for one sample. */
int network_layer_size(const struct network *network, int layer);
/* Lends the output of a layer [n, size] in the last forward pass, a PASS_DIFFERENTIATE; valid until the next one. */
const float *network_layer_output(const struct network *network, int layer);

/* Gradient of sum(logits * dlogits) over all parameters into network_gradient; follows a forward of n, PASS_TRAIN or
 * PASS_DIFFERENTIATE, and is that mode's. dlogits [n, classes] may be overwritten. */
void network_backward(struct network *network, float *dlogits, int n);
/* The same, and the gradient over the inputs into d_input [n, input]. */
void network_backward_input(struct network *network, float *dlogits, int n, float *d_input);

/* A weight tensor (its number in network_tensors) as it acts in evaluation mode: each output's weights times the factor
 * that batch normalisation right behind its layer gives that output, if there is one and no other layer reads between.
 * out [size of the tensor] */
void network_folded_weight(struct network *network, int tensor, float *out);

/* That weight tensor's layer as a network of its own for single samples, with the folded weights, without bias and
 * activation: a linear map; its input is *input. STATUS_BAD_SWEEP when the layer does not say its linear part.
 * *out owned by the caller. */
enum status network_linear_part(struct network *network, int tensor, struct shape *input, struct network **out,
                                struct error *error);

/* Each sample's own gradient; follows a PASS_DIFFERENTIATE forward of n. rows [layers, 2]: where each layer's rows of
 * the n samples go, in the layer's gradient_form; network_gradient is not touched. See sample_gradients.h. */
void network_backward_each(struct network *network, float *dlogits, int n, float *const *rows);

#endif
