/* layers.h - the layers of the table and their settings, for the models that are made of them. */
#ifndef SEEDBED_NETWORK_LAYERS_H
#define SEEDBED_NETWORK_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/layer.h"

struct convolution_settings {
    int64_t channels, kernel, stride, padding;
    bool bias;
    const struct kind *activation; /* struct activation_ops */
};

struct pool_settings { /* of max_pool and average_pool */
    int64_t kernel, stride, padding;
    const struct kind *activation; /* of max_pool: struct activation_ops */
};

struct batch_norm_settings {
    double momentum, epsilon;
    const struct kind *activation; /* struct activation_ops */
};

struct dropout_settings {
    double rate;
};

struct add_settings {
    const struct kind *shortcut;   /* of shortcut_table */
    const struct kind *activation; /* struct activation_ops */
};

struct activation_settings {
    const struct kind *function; /* struct activation_ops */
};

extern const struct kind_table shortcut_table; /* identity, zero_pad: names without settings */

extern const struct layer_ops layer_convolution, layer_max_pool, layer_average_pool, layer_global_average_pool,
    layer_batch_norm, layer_dropout, layer_activation, layer_add, layer_concatenate;

/* A layer of these takes exactly one input. what: the layer's kind. */
enum status layer_single_input(const char *what, int input_count, struct error *error);

#endif
