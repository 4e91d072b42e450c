/* model_inception.c - the small Inception network of Zhang et al. 2017, for images of 32 x 32 pixels.
 * inception(p, q): a 1 x 1 convolution to p channels beside a 3 x 3 one to q. reduction(p): a 3 x 3 convolution to p
 * beside a 3 x 3 maximum, both with stride 2. */
#include "network/models.h"

struct inception_settings {
    bool batch_norm;
};

static const struct field inception_fields[] = {
    {.name = "batch_norm",
     .type = FIELD_FLAG,
     .offset = offsetof(struct inception_settings, batch_norm),
     .default_text = "true",
     .summary = "Whether batch normalisation stands behind every convolution."},
    {.name = NULL}};

/* The convolution reads the output `from`. */
static enum status add_branch(struct layer_list *list, const struct convolution_part *part, int from,
                              struct error *error)
{
    const int first = list->count;
    TRY(add_convolution(list, part, error));
    layer_list_rewire(list, first, from);
    return STATUS_OK;
}

static enum status join(struct layer_list *list, int one, struct error *error)
{
    const int inputs[] = {one, last_output(list)};
    TRY(layer_list_add(list, &layer_concatenate, NULL, 0, error));
    layer_list_inputs(list, 2, inputs);
    return STATUS_OK;
}

static struct convolution_part part_of(const struct inception_settings *settings, int channels, int kernel)
{
    return (struct convolution_part){.channels = channels,
                                     .kernel = kernel,
                                     .stride = 1,
                                     .padding = kernel / 2,
                                     .bias = true,
                                     .batch_norm = settings->batch_norm,
                                     .activation = "relu"};
}

static enum status add_inception(struct layer_list *list, const struct inception_settings *settings, int p, int q,
                                 struct error *error)
{
    const int start = last_output(list);
    const struct convolution_part narrow = part_of(settings, p, 1), wide = part_of(settings, q, 3);
    TRY(add_branch(list, &narrow, start, error));
    const int one = last_output(list);
    TRY(add_branch(list, &wide, start, error));
    return join(list, one, error);
}

static enum status add_reduction(struct layer_list *list, const struct inception_settings *settings, int p,
                                 struct error *error)
{
    const int start = last_output(list);
    struct convolution_part part = part_of(settings, p, 3);
    part.stride = 2;
    part.padding = 0;
    TRY(add_branch(list, &part, start, error));
    const int one = last_output(list);
    TRY(add_max_pool(list, 3, 2, 0, error));
    layer_list_rewire(list, list->count - 1, start);
    return join(list, one, error);
}

static enum status inception_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                                    struct error *error)
{
    (void)input;
    enum { REDUCTION = 0 };
    static const int parts[][2] = {{32, 32}, {32, 48}, {80, REDUCTION}, {112, 48},  {96, 64},
                                   {80, 80}, {48, 96}, {96, REDUCTION}, {176, 160}, {176, 160}};
    struct convolution_part stem = part_of(settings, 96, 3);
    stem.padding = 0;
    TRY(add_convolution(list, &stem, error));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i][1] == REDUCTION)
            TRY(add_reduction(list, settings, parts[i][0], error));
        else
            TRY(add_inception(list, settings, parts[i][0], parts[i][1], error));
    TRY(add_average_pool(list, 7, 1, 1, error));
    return add_dense(list, classes, "linear", error);
}

const struct model_ops model_inception_lite = {
    .kind = {.name = "inception_lite",
             .summary = "small Inception network (Zhang et al. 2017), for images of 32 x 32",
             .fields = inception_fields},
    .expand = inception_expand};
