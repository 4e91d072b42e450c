/* model.h - models as lists of layers: what a preset expands to and a network is built from. */
#ifndef SEEDBED_NETWORK_MODEL_H
#define SEEDBED_NETWORK_MODEL_H

#include "network/network.h"
#include "seedbed/field.h"
#include "seedbed/layer.h"
#include "seedbed/status.h"

/* One node of the graph. Outputs are numbered: 0 is the network's input, i + 1 is the output of layer i. */
struct layer_node {
    struct choice layer; /* struct layer_ops and its settings */
    int input_count;
    int inputs[LAYER_INPUTS_MAX]; /* numbers of earlier outputs */
    char path[LAYER_PATH_BYTES];  /* the dotted path, below `model`, that lists it; empty: a preset's */
};

/* Layers in topological order; the last one's output is the logits. */
struct layer_list {
    int count, capacity;
    struct layer_node *nodes;
    char path[LAYER_PATH_BYTES]; /* of the layers added next */
};

/* Adds a layer; it reads the output before it unless layer_list_inputs says otherwise. settings are copied. */
enum status layer_list_add(struct layer_list *list, const struct layer_ops *ops, const void *settings,
                           size_t settings_bytes, struct error *error);
/* Says which outputs the layer added last reads. */
void layer_list_inputs(struct layer_list *list, int count, const int *inputs);
/* Lets layer `layer`, which reads one output, read that one. */
void layer_list_rewire(struct layer_list *list, int layer, int output);
void layer_list_free(struct layer_list *list);

/* Lends a layer's setting of this name and type; NULL: it has none. */
void *layer_setting(struct choice *layer, const char *name, enum field_type type);

struct model_ops {
    struct kind kind;
    /* Adds the model's layers to the list. */
    enum status (*expand)(const void *settings, struct shape input, int classes, struct layer_list *list,
                          struct error *error);
};

/* Fills an empty list with a model's layers, biases where the section has them. Free it whatever the status; after a
 * failure its path says at which item. */
enum status model_expand(const struct model_config *config, struct shape input, int classes, struct layer_list *layers,
                         struct error *error);

#endif
