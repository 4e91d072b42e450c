/* model_resnet.c - residual networks of basic blocks: two 3 x 3 convolutions and a shortcut around them. */
#include "network/activation.h"
#include "network/models.h"
#include "network/network.h"

struct shortcut_ops {
    struct kind kind;
    bool projects;
};

static const struct shortcut_ops shortcut_pad = {
    .kind = {.name = "zero_pad", .summary = "thinned out and padded with zero channels: option A of He et al. 2015"}};
static const struct shortcut_ops shortcut_projection = {
    .kind = {.name = "projection", .summary = "a 1 x 1 convolution where the shape changes: option B"},
    .projects = true};

static const struct kind_table resnet_shortcut_table = {
    .what = "shortcut",
    .plural = "shortcuts",
    .kinds = (const struct kind *const[]){&shortcut_pad.kind, &shortcut_projection.kind, NULL}};

struct resnet_settings {
    int64_t depth;
    const struct kind *shortcut; /* struct shortcut_ops */
    bool batch_norm;
};

static const struct field resnet_fields[] = {
    {.name = "depth",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct resnet_settings, depth),
     .default_text = "20",
     .minimum = 8,
     .maximum = 1202,
     .unit = "layers",
     .summary = "Convolutions and the dense layer: 6 n + 2 for n blocks in each of the three stages."},
    {.name = "shortcut",
     .type = FIELD_NAME,
     .offset = offsetof(struct resnet_settings, shortcut),
     .default_text = "zero_pad",
     .kinds = &resnet_shortcut_table,
     .summary = "What the shortcut does where the shape changes: zero_pad, projection."},
    {.name = "batch_norm",
     .type = FIELD_FLAG,
     .offset = offsetof(struct resnet_settings, batch_norm),
     .default_text = "true",
     .summary = "Whether batch normalisation stands behind every convolution; without it they have biases."},
    {.name = NULL}};

static enum status resnet_check(const void *settings, struct error *error)
{
    const struct resnet_settings *const resnet = settings;
    if ((resnet->depth - 2) % 6 != 0)
        return fail(error, STATUS_BAD_SWEEP, "depth is %lld; it must be 6 n + 2, such as 8, 14, 20, 32, 44, 56 or 110",
                    (long long)resnet->depth);
    return STATUS_OK;
}

enum status add_residual(struct layer_list *list, const struct residual_part *block, struct error *error)
{
    const int start = last_output(list);
    int shortcut = start;
    struct convolution_part part = {.channels = block->channels,
                                    .kernel = 3,
                                    .stride = block->stride,
                                    .padding = 1,
                                    .bias = !block->batch_norm,
                                    .batch_norm = block->batch_norm,
                                    .activation = "relu"};
    if (block->projects) {
        struct convolution_part projection = part;
        projection.kernel = 1;
        projection.padding = 0;
        projection.activation = "linear";
        TRY(add_convolution(list, &projection, error));
        shortcut = last_output(list);
    }
    const int first = list->count;
    TRY(add_convolution(list, &part, error));
    layer_list_rewire(list, first, start);
    part.stride = 1;
    part.activation = "linear";
    TRY(add_convolution(list, &part, error));
    const struct add_settings sum = {.shortcut = kind_find(&shortcut_table, "zero_pad"),
                                     .activation = kind_find(&activation_table, "relu")};
    const int inputs[] = {last_output(list), shortcut};
    TRY(layer_list_add(list, &layer_add, &sum, sizeof sum, error));
    layer_list_inputs(list, 2, inputs);
    return STATUS_OK;
}

static enum status add_head(struct layer_list *list, int classes, struct error *error)
{
    TRY(layer_list_add(list, &layer_global_average_pool, NULL, 0, error));
    return add_dense(list, classes, "linear", error);
}

static enum status resnet_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                                 struct error *error)
{
    (void)input;
    enum { STAGES = 3, FIRST_CHANNELS = 16 };
    const struct resnet_settings *const resnet = settings;
    const struct convolution_part stem = {.channels = FIRST_CHANNELS,
                                          .kernel = 3,
                                          .stride = 1,
                                          .padding = 1,
                                          .bias = !resnet->batch_norm,
                                          .batch_norm = resnet->batch_norm,
                                          .activation = "relu"};
    TRY(add_convolution(list, &stem, error));
    for (int stage = 0; stage < STAGES; stage++)
        for (int64_t i = 0; i < (resnet->depth - 2) / 6; i++) {
            const bool changes = stage > 0 && i == 0;
            const struct residual_part block = {.channels = FIRST_CHANNELS << stage,
                                                .stride = changes ? 2 : 1,
                                                .projects = changes &&
                                                            ((const struct shortcut_ops *)resnet->shortcut)->projects,
                                                .batch_norm = resnet->batch_norm};
            TRY(add_residual(list, &block, error));
        }
    return add_head(list, classes, error);
}

const struct model_ops model_resnet = {
    .kind = {.name = "resnet",
             .summary = "residual network in the form for CIFAR: three stages of 16, 32, 64 channels (He et al. 2015)",
             .fields = resnet_fields,
             .check = resnet_check},
    .expand = resnet_expand};

static enum status resnet18_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                                   struct error *error)
{
    (void)settings, (void)input;
    const struct convolution_part stem = {
        .channels = 64, .kernel = 7, .stride = 2, .padding = 3, .batch_norm = true, .activation = "relu"};
    TRY(add_pooled_convolution(list, &stem, (struct window_part){.kernel = 3, .stride = 2, .padding = 1}, error));
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < 2; i++) {
            const bool changes = stage > 0 && i == 0;
            const struct residual_part block = {
                .channels = 64 << stage, .stride = changes ? 2 : 1, .projects = changes, .batch_norm = true};
            TRY(add_residual(list, &block, error));
        }
    return add_head(list, classes, error);
}

const struct model_ops model_resnet18_mnist = {
    .kind = {.name = "resnet18_mnist",
             .summary = "ResNet-18 as for ImageNet (7 x 7 convolution and pooling first), for any number of channels"},
    .expand = resnet18_expand};
