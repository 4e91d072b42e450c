/* passes.h - what a network holds, for the files that make it, pass through it or take it apart. */
#ifndef SEEDBED_NETWORK_PASSES_H
#define SEEDBED_NETWORK_PASSES_H

#include <stdint.h>

#include "network/graph.h"
#include "network/network.h"

struct network {
    struct graph graph;
    struct choice init;
    int max_batch;
    float *parameters; /* [parameter_count + state_count] */
    float *gradient;   /* [parameter_count] */
    float *workspace;
    const float *x;        /* of the last forward pass; or else: */
    const float *products; /* of the first layer's inputs and weights, in a pass that begins with them */
    int n;                 /* of the last forward pass */
    enum pass_mode mode;
    uint64_t seed; /* the `dropout` stream's */
    int64_t step;
    int64_t estimated; /* samples of PASS_ESTIMATE passes */
};

/* What a layer's forward pass is given for a batch of n, all of it one block. */
struct layer_pass network_layer_pass(struct network *network, int layer, int n, enum pass_mode mode);

#endif
