#include "network/models.h"

#include "network/activation.h"
#include "network/layer_dense.h"
#include "network/network.h"

const struct kind_table model_table = {
    .what = "model",
    .plural = "models",
    .kinds = (const struct kind *const[]){&model_mlp.kind, &model_cnn.kind, &model_lenet.kind, &model_vgg.kind,
                                          &model_resnet.kind, &model_resnet18_mnist.kind, &model_inception_lite.kind,
                                          &model_layers.kind, NULL}};

int last_output(const struct layer_list *list)
{
    return list->count;
}

enum status add_convolution(struct layer_list *list, const struct convolution_part *part, struct error *error)
{
    const struct kind *const activation = kind_find(&activation_table, part->activation);
    const struct convolution_settings convolution = {
        .channels = part->channels,
        .kernel = part->kernel,
        .stride = part->stride,
        .padding = part->padding,
        .bias = part->bias,
        .activation = part->batch_norm ? kind_find(&activation_table, "linear") : activation};
    TRY(layer_list_add(list, &layer_convolution, &convolution, sizeof convolution, error));
    if (!part->batch_norm)
        return STATUS_OK;
    const struct batch_norm_settings norm = {.momentum = 0.1, .epsilon = 1e-5, .activation = activation};
    return layer_list_add(list, &layer_batch_norm, &norm, sizeof norm, error);
}

static enum status add_max_pool_then(struct layer_list *list, struct window_part window, const char *activation,
                                     struct error *error)
{
    const struct pool_settings pool = {.kernel = window.kernel,
                                       .stride = window.stride,
                                       .padding = window.padding,
                                       .activation = kind_find(&activation_table, activation)};
    return layer_list_add(list, &layer_max_pool, &pool, sizeof pool, error);
}

enum status add_max_pool(struct layer_list *list, int kernel, int stride, int padding, struct error *error)
{
    return add_max_pool_then(list, (struct window_part){kernel, stride, padding}, "linear", error);
}

/* The activation comes last where that is the same function: the pooling leaves fewer values to it. */
enum status add_pooled_convolution(struct layer_list *list, const struct convolution_part *part,
                                   struct window_part window, struct error *error)
{
    struct convolution_part first = *part;
    const bool last = activation_rises(kind_find(&activation_table, part->activation));
    if (last)
        first.activation = "linear";
    TRY(add_convolution(list, &first, error));
    return add_max_pool_then(list, window, last ? part->activation : "linear", error);
}

enum status add_average_pool(struct layer_list *list, int kernel, int stride, int padding, struct error *error)
{
    const struct pool_settings pool = {.kernel = kernel, .stride = stride, .padding = padding};
    return layer_list_add(list, &layer_average_pool, &pool, sizeof pool, error);
}

enum status add_dense(struct layer_list *list, int64_t units, const char *activation, struct error *error)
{
    const struct dense_settings dense = {
        .units = units, .bias = true, .activation = kind_find(&activation_table, activation)};
    return layer_list_add(list, &layer_dense, &dense, sizeof dense, error);
}
