/* model_cnn.c - convolutions one after another, with pooling between them: cnn, lenet, vgg. */
#include "network/activation.h"
#include "network/models.h"
#include "network/network.h"

struct cnn_settings {
    struct integer_list channels, hidden;
    int64_t kernel;
    bool batch_norm;
    double dropout;
    const struct kind *activation, *pooling;
};

_Static_assert(sizeof(struct cnn_settings) <= CHOICE_BYTES, "settings of a kind must fit a choice");

static const struct window_part halves = {.kernel = 2, .stride = 2};

static const struct kind pooling_max = {.name = "max", .summary = "the largest of 2 x 2"};
static const struct kind pooling_average = {.name = "average", .summary = "the mean of 2 x 2"};
static const struct kind pooling_none = {.name = "none", .summary = "no pooling"};

static const struct kind_table pooling_table = {
    .what = "pooling",
    .plural = "poolings",
    .kinds = (const struct kind *const[]){&pooling_max, &pooling_average, &pooling_none, NULL}};

#define ACTIVATION_FIELD(settings)                                                                                  \
    {                                                                                                               \
        .name = "activation", .type = FIELD_NAME, .offset = offsetof(settings, activation), .default_text = "relu", \
        .kinds = &activation_table, .summary = "The function applied to the outputs of every layer but the last."   \
    }

#define BATCH_NORM_FIELD(settings, default_flag)                                                                \
    {                                                                                                           \
        .name = "batch_norm", .type = FIELD_FLAG, .offset = offsetof(settings, batch_norm),                     \
        .default_text = default_flag, .summary = "Whether batch normalisation stands behind every convolution." \
    }

static const struct field cnn_fields[] = {
    {.name = "channels",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct cnn_settings, channels),
     .default_text = "[16, 32]",
     .minimum = 1,
     .maximum = 1 << 16,
     .summary = "Channels of the convolutions, first to last."},
    {.name = "kernel",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct cnn_settings, kernel),
     .default_text = "3",
     .minimum = 1,
     .maximum = 63,
     .unit = "pixels",
     .summary = "Side of the windows; half of it, rounded down, is the padding."},
    {.name = "pooling",
     .type = FIELD_NAME,
     .offset = offsetof(struct cnn_settings, pooling),
     .default_text = "max",
     .kinds = &pooling_table,
     .summary = "What follows each convolution: max or average of 2 x 2 pixels, or none."},
    BATCH_NORM_FIELD(struct cnn_settings, "false"),
    {.name = "hidden",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct cnn_settings, hidden),
     .default_text = "[]",
     .minimum = 1,
     .maximum = 1 << 20,
     .unit = "units",
     .summary = "Widths of dense layers between the convolutions and the outputs."},
    {.name = "dropout",
     .type = FIELD_REAL,
     .offset = offsetof(struct cnn_settings, dropout),
     .default_text = "0",
     .maximum = 1,
     .flags = FIELD_BELOW_MAXIMUM,
     .summary = "Probability that an input of a dense layer is left out of a training step."},
    ACTIVATION_FIELD(struct cnn_settings),
    {.name = NULL}};

static enum status add_dropout(struct layer_list *list, double rate, struct error *error)
{
    const struct dropout_settings dropout = {.rate = rate};
    return rate > 0 ? layer_list_add(list, &layer_dropout, &dropout, sizeof dropout, error) : STATUS_OK;
}

static enum status cnn_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                              struct error *error)
{
    (void)input;
    const struct cnn_settings *const cnn = settings;
    for (int i = 0; i < cnn->channels.count; i++) {
        const struct convolution_part part = {.channels = (int)cnn->channels.values[i],
                                              .kernel = (int)cnn->kernel,
                                              .stride = 1,
                                              .padding = (int)cnn->kernel / 2,
                                              .bias = true,
                                              .batch_norm = cnn->batch_norm,
                                              .activation = cnn->activation->name};
        if (cnn->pooling == &pooling_max)
            TRY(add_pooled_convolution(list, &part, halves, error));
        else
            TRY(add_convolution(list, &part, error));
        if (cnn->pooling == &pooling_average)
            TRY(add_average_pool(list, 2, 2, 0, error));
    }
    for (int i = 0; i < cnn->hidden.count; i++) {
        TRY(add_dropout(list, cnn->dropout, error));
        TRY(add_dense(list, cnn->hidden.values[i], cnn->activation->name, error));
    }
    TRY(add_dropout(list, cnn->dropout, error));
    return add_dense(list, classes, "linear", error);
}

const struct model_ops model_cnn = {.kind = {.name = "cnn",
                                             .summary = "convolutions, each with pooling behind it, then dense layers",
                                             .fields = cnn_fields},
                                    .expand = cnn_expand};

struct lenet_settings {
    const struct kind *activation;
};

static const struct field lenet_fields[] = {ACTIVATION_FIELD(struct lenet_settings), {.name = NULL}};

/* LeCun et al. 1998: images of 28 pixels are padded to 32. */
static enum status lenet_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                                struct error *error)
{
    const struct lenet_settings *const lenet = settings;
    const char *const activation = lenet->activation->name;
    struct convolution_part part = {.channels = 6,
                                    .kernel = 5,
                                    .stride = 1,
                                    .padding = input.height < 32 ? 2 : 0,
                                    .bias = true,
                                    .activation = activation};
    TRY(add_pooled_convolution(list, &part, halves, error));
    part.channels = 16;
    part.padding = 0;
    TRY(add_pooled_convolution(list, &part, halves, error));
    TRY(add_dense(list, 120, activation, error));
    TRY(add_dense(list, 84, activation, error));
    return add_dense(list, classes, "linear", error);
}

const struct model_ops model_lenet = {
    .kind = {.name = "lenet",
             .summary = "LeNet-5 with max pooling: 5 x 5 convolutions of 6 and 16 channels, dense 120, 84",
             .fields = lenet_fields},
    .expand = lenet_expand};

struct vgg_settings {
    const struct kind *depth; /* struct vgg_ops */
    bool batch_norm;
    const struct kind *activation;
};

struct vgg_ops {
    struct kind kind;
    int channels[19]; /* 0: pooling; -1: the end */
};

static const struct vgg_ops vgg_11 = {.kind = {.name = "vgg11", .summary = "eight convolutions"},
                                      .channels = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1}};
static const struct vgg_ops vgg_16 = {
    .kind = {.name = "vgg16", .summary = "thirteen convolutions"},
    .channels = {64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0, -1}};

static const struct kind_table vgg_table = {
    .what = "layout", .plural = "layouts", .kinds = (const struct kind *const[]){&vgg_11.kind, &vgg_16.kind, NULL}};

static const struct field vgg_fields[] = {{.name = "layout",
                                           .type = FIELD_NAME,
                                           .offset = offsetof(struct vgg_settings, depth),
                                           .default_text = "vgg11",
                                           .kinds = &vgg_table,
                                           .summary = "Which network of the family: vgg11, vgg16."},
                                          BATCH_NORM_FIELD(struct vgg_settings, "true"),
                                          ACTIVATION_FIELD(struct vgg_settings),
                                          {.name = NULL}};

static enum status vgg_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                              struct error *error)
{
    const struct vgg_settings *const vgg = settings;
    const struct vgg_ops *const ops = (const struct vgg_ops *)vgg->depth;
    int side = input.height < input.width ? input.height : input.width;
    for (int i = 0; ops->channels[i] >= 0; i++) {
        const struct convolution_part part = {.channels = ops->channels[i],
                                              .kernel = 3,
                                              .stride = 1,
                                              .padding = 1,
                                              .bias = true,
                                              .batch_norm = vgg->batch_norm,
                                              .activation = vgg->activation->name};
        if (part.channels > 0 && ops->channels[i + 1] == 0 && side >= 2) {
            TRY(add_pooled_convolution(list, &part, halves, error));
            side /= 2;
        } else if (part.channels > 0) {
            TRY(add_convolution(list, &part, error));
        }
    }
    return add_dense(list, classes, "linear", error);
}

const struct model_ops model_vgg = {
    .kind = {.name = "vgg",
             .summary = "3 x 3 convolutions in groups with pooling while there are pixels to pool, one dense layer "
                        "(Simonyan and Zisserman 2014, in the form for CIFAR)",
             .fields = vgg_fields},
    .expand = vgg_expand};
