/* layer_dense.h - the settings of the dense layer, for the models that are made of it, and the rest of its pass. */
#ifndef SEEDBED_NETWORK_LAYER_DENSE_H
#define SEEDBED_NETWORK_LAYER_DENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/layer.h"

struct dense_settings {
    int64_t units;
    bool bias;
    const struct kind *activation; /* struct activation_ops */
};

extern const struct layer_ops layer_dense;

/* The forward pass from products [n, units] = x W^T that are there already. */
void dense_forward_products(const struct layer_pass *pass, const float *products);

#endif
