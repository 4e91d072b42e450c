#include "network/activation.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "network/models.h"
#include "network/network.h"

const struct field model_fields[] = {{.name = "kind",
                                      .type = FIELD_CHOICE,
                                      .offset = offsetof(struct model_config, kind),
                                      .default_text = "mlp",
                                      .flags = FIELD_INLINE,
                                      .kinds = &model_table,
                                      .summary = "The network; its own settings stand beside this key."},
                                     {.name = "init",
                                      .type = FIELD_CHOICE,
                                      .offset = offsetof(struct model_config, init),
                                      .default_text = "he",
                                      .kinds = &initialisation_table,
                                      .summary = "How weights and biases are drawn."},
                                     {.name = "bias",
                                      .type = FIELD_NAME,
                                      .offset = offsetof(struct model_config, bias),
                                      .default_text = "all",
                                      .kinds = &bias_table,
                                      .summary = "Which convolutions and dense layers keep the bias that they have by "
                                                 "their model: all, last, none."},
                                     {.name = NULL}};

#define SINGLE_LAYERS                                                                           \
    &layer_dense.kind, &layer_convolution.kind, &layer_max_pool.kind, &layer_average_pool.kind, \
        &layer_global_average_pool.kind, &layer_batch_norm.kind, &layer_dropout.kind

const struct kind_table layer_table = {.what = "layer",
                                       .plural = "layers",
                                       .kinds = (const struct kind *const[]){SINGLE_LAYERS, &layer_activation.kind,
                                                                             &layer_add.kind, &layer_concatenate.kind,
                                                                             NULL}};

const struct kind_table layer_item_table = {
    .what = "layer",
    .plural = "layers",
    .kinds = (const struct kind *const[]){SINGLE_LAYERS, &group_residual, &group_concatenate, &activation_relu.kind,
                                          &activation_leaky_relu.kind, &activation_tanh.kind, &activation_sigmoid.kind,
                                          &activation_softplus.kind, &activation_gelu.kind, NULL}};
