/* graph.h - a network's layers with their shapes and their places in memory: all that is known before anything is
 * allocated. Places are offsets in floats, from the start of the parameter block or of the workspace. */
#ifndef SEEDBED_NETWORK_GRAPH_H
#define SEEDBED_NETWORK_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "network/model.h"
#include "seedbed/layer.h"
#include "seedbed/status.h"

/* The network's input or a layer's output. */
struct graph_value {
    struct shape shape;
    size_t size;     /* floats a sample */
    size_t data;     /* in the workspace */
    size_t gradient; /* in the workspace */
    int readers;     /* how many layer inputs read it */
    int depth;       /* layers with weights on the longest path to it */
};

struct graph_node {
    char name[TENSOR_NAME_BYTES];
    struct layer_plan plan;
    int first_tensor;
    size_t parameters[LAYER_TENSORS_MAX]; /* of each tensor, in the parameter block */
    size_t states[LAYER_STATES_MAX];      /* of each state tensor, in the parameter block */
    size_t saved;                         /* in the workspace */
};

struct network;

struct graph {
    struct layer_list layers;
    struct graph_node *nodes;    /* [layers.count] */
    struct graph_value *values;  /* [layers.count + 1] */
    struct tensor_spec *tensors; /* [tensor_count + state_tensor_count] */
    int tensor_count, state_tensor_count;
    int64_t parameter_count, state_count; /* the states lie behind the parameters */
    double flops_per_sample;
    size_t scratch;        /* in the workspace: of the layer that runs */
    size_t partial;        /* in the workspace: gradients of values that several layers read, before they are added */
    size_t partial_stride; /* floats from one layer input's partial gradient to the next one's */
    size_t workspace;      /* floats */
};

/* Plans every layer of the list, which the graph takes over whatever the status. Free with graph_free in any case;
 * after a failure layers.path is that of the layer at fault. */
enum status graph_plan(struct graph *graph, struct layer_list *layers, struct shape input, int max_batch,
                       struct error *error);
void graph_free(struct graph *graph);

/* Lends the graph of a network, for this folder. */
const struct graph *network_graph(const struct network *network);

size_t shape_size(struct shape shape);
size_t tensor_size(const struct tensor_spec *tensor);

#endif
