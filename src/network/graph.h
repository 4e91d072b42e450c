/* graph.h - a network's layers with their shapes and their places in memory: all that is known before anything is
 * allocated. Places are offsets in floats, from the start of the parameter block or of the workspace. */
#ifndef SEEDBED_NETWORK_GRAPH_H
#define SEEDBED_NETWORK_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/model.h"
#include "seedbed/layer.h"
#include "seedbed/status.h"

/* Where a value lies in the workspace: sample i at offset + i * step; step 0: the block that is under way. */
struct graph_place {
    size_t offset, step;
};

/* The network's input or a layer's output. */
struct graph_value {
    struct shape shape;
    size_t size;                 /* floats a sample */
    struct graph_place data;     /* kept from forward to backward */
    struct graph_place passing;  /* in PASS_EVALUATE, where nothing is kept */
    struct graph_place gradient; /* on the way back */
    int readers;                 /* how many layer inputs read it */
    int last_reader;             /* the last layer that does */
    int depth;                   /* layers with weights on the longest path to it */
};

/* Layers that run one after another on one block of samples, then on the next: the places first..end-1 of a walk. */
struct graph_segment {
    int first, end;
    int block; /* the most samples at once */
};

/* A way through all layers; the place p of the way back is layer count - 1 - p. */
struct graph_walk {
    bool back;
    bool observes; /* stops where layers must have seen the whole batch */
    int segment_count;
    struct graph_segment *segments;
};

enum {
    WALK_FORWARD,
    WALK_BACK,
    WALK_EVALUATE, /* PASS_DIFFERENTIATE's too */
    WALK_COUNT
};

struct graph_node {
    char name[TENSOR_NAME_BYTES];
    struct layer_plan plan;
    int first_tensor;
    size_t parameters[LAYER_TENSORS_MAX]; /* of each tensor, in the parameter block */
    size_t states[LAYER_STATES_MAX];      /* of each state tensor, in the parameter block */
    size_t saved, kept;                   /* in the workspace */
    bool adds[LAYER_INPUTS_MAX];          /* the input's gradient is added to what other layers gave */
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
    struct graph_walk walks[WALK_COUNT];
    size_t scratch;        /* in the workspace: of the layer that runs */
    size_t partial;        /* in the workspace: gradients of values that several layers read, before they are added */
    size_t partial_stride; /* floats from one layer input's partial gradient to the next one's */
    size_t partial_parameters; /* in the workspace: a block's gradient of a layer's parameters, before it is added */
    size_t workspace;          /* floats */
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
/* Floats of all parameters of a layer. */
size_t graph_layer_parameters(const struct graph_node *node);

/* The outputs of a first layer that is dense, and the only one to read the network's input; 0: there is none. */
int graph_first_outputs(const struct graph *graph);

/* The layer at a place of a walk, and whether the walk stops before it to observe. */
int graph_layer_at(const struct graph *graph, const struct graph_walk *walk, int place);
bool graph_observes(const struct graph *graph, const struct graph_walk *walk, int place);

/* Divides every walk into segments (segments.c). */
enum status graph_plan_segments(struct graph *graph, int max_batch, struct error *error);
/* Gives everything that a pass touches its place in the workspace (placement.c). */
enum status graph_place_buffers(struct graph *graph, int max_batch, struct error *error);

#endif
