#include "network/layer_dense.h"
#include "network/layers.h"
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
                                     {.name = NULL}};

const struct kind_table layer_table = {
    .what = "layer",
    .plural = "layers",
    .kinds =
        (const struct kind *const[]){&layer_dense.kind, &layer_convolution.kind, &layer_max_pool.kind,
                                     &layer_average_pool.kind, &layer_global_average_pool.kind, &layer_batch_norm.kind,
                                     &layer_dropout.kind, &layer_add.kind, &layer_concatenate.kind, NULL}};
