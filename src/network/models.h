/* models.h - the presets of the table, and the pieces that several are made of. */
#ifndef SEEDBED_NETWORK_MODELS_H
#define SEEDBED_NETWORK_MODELS_H

#include <stdbool.h>

#include "network/layers.h"
#include "network/model.h"

extern const struct model_ops model_mlp, model_cnn, model_lenet, model_vgg, model_resnet, model_resnet18_mnist,
    model_inception_lite, model_layers;

/* Groups of lists among the items of layer_item_table, and their settings. */
struct residual_settings {
    struct item_list layers, shortcut; /* of layer_item_table */
    bool zero_pad;
    const struct kind *activation; /* struct activation_ops */
};

struct concatenate_settings {
    struct item_list branches; /* of lists of layer_item_table */
};

extern const struct kind group_residual, group_concatenate;

/* A convolution, and batch normalisation before the activation when asked for. */
struct convolution_part {
    int channels, kernel, stride, padding;
    bool bias, batch_norm;
    const char *activation;
};

enum status add_convolution(struct layer_list *list, const struct convolution_part *part, struct error *error);
enum status add_max_pool(struct layer_list *list, int kernel, int stride, int padding, struct error *error);

/* What a pooling reads at once. */
struct window_part {
    int kernel, stride, padding;
};

/* add_convolution, and the largest of each window of its outputs. */
enum status add_pooled_convolution(struct layer_list *list, const struct convolution_part *part,
                                   struct window_part window, struct error *error);
enum status add_average_pool(struct layer_list *list, int kernel, int stride, int padding, struct error *error);
enum status add_dense(struct layer_list *list, int64_t units, const char *activation, struct error *error);

/* Two 3 x 3 convolutions and a shortcut around them, then relu. */
struct residual_part {
    int channels, stride;
    bool projects; /* the shortcut is a 1 x 1 convolution; else missing channels are zero */
    bool batch_norm;
};

enum status add_residual(struct layer_list *list, const struct residual_part *block, struct error *error);

/* The number of the output of the layer added last; 0 for the network's input. */
int last_output(const struct layer_list *list);

#endif
