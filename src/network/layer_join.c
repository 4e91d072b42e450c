/* layer_join.c - layers that read several outputs: residual sums and concatenation.
 * add: y = f(a + S b), S the identity, or zero_pad (option A of He et al. 2015): every stride-th pixel of b, and zeros
 * in the channels that b lacks. A projection is a 1 x 1 convolution before it. */
#include <limits.h>
#include <string.h>

#include "network/activation.h"
#include "network/layers.h"
#include "network/network.h"

static const struct kind shortcut_identity = {.name = "identity", .summary = "the shortcut has the same shape"};
static const struct kind shortcut_zero_pad = {
    .name = "zero_pad", .summary = "the shortcut's pixels are thinned out and its missing channels are zero"};

const struct kind_table shortcut_table = {
    .what = "shortcut",
    .plural = "shortcuts",
    .kinds = (const struct kind *const[]){&shortcut_identity, &shortcut_zero_pad, NULL}};

static const struct field add_fields[] = {{.name = "shortcut",
                                           .type = FIELD_NAME,
                                           .offset = offsetof(struct add_settings, shortcut),
                                           .default_text = "identity",
                                           .kinds = &shortcut_table,
                                           .summary = "What is done to the second input: identity, zero_pad."},
                                          {.name = "activation",
                                           .type = FIELD_NAME,
                                           .offset = offsetof(struct add_settings, activation),
                                           .default_text = "linear",
                                           .kinds = &activation_table,
                                           .summary = "The function applied to each output."},
                                          {.name = NULL}};

/* Distance of the pixels that are taken; 1 where both have the same height. */
static int stride_of(const struct shape *inputs)
{
    return (inputs[1].height + inputs[0].height - 1) / inputs[0].height;
}

static bool fits(struct shape a, struct shape b)
{
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

static enum status add_plan(const void *settings, int input_count, const struct shape *inputs, struct layer_plan *plan,
                            struct error *error)
{
    const struct add_settings *const s = settings;
    if (input_count != 2)
        return fail(error, STATUS_BAD_SWEEP, "add: %d inputs found; it reads exactly two", input_count);
    const struct shape a = inputs[0], b = inputs[1];
    const int stride = stride_of(inputs);
    const bool padded = s->shortcut == &shortcut_zero_pad && b.channels <= a.channels &&
                        (b.height + stride - 1) / stride == a.height && (b.width + stride - 1) / stride == a.width;
    if (!padded && !fits(a, b))
        return fail(error, STATUS_BAD_SWEEP,
                    "add: a shortcut of %d x %d x %d does not fit %d x %d x %d by %s; a 1 x 1 convolution on the "
                    "shortcut can change its shape",
                    b.height, b.width, b.channels, a.height, a.width, a.channels, s->shortcut->name);
    const size_t size = (size_t)a.height * (size_t)a.width * (size_t)a.channels;
    plan->output = a;
    plan->saved_per_sample = activation_saved(s->activation) * size;
    plan->flops_per_sample = (double)size;
    return STATUS_OK;
}

/* y = a + b      a, b, y [count] */
static void add_equal(size_t count, const float *restrict a, const float *restrict b, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

/* The shortcut's value that is added to channel 0 of output pixel (row, column) of sample i. */
static size_t shortcut_place(const struct layer_pass *pass, int i, int row, int column)
{
    const struct shape b = pass->input_shapes[1];
    const int stride = stride_of(pass->input_shapes);
    const size_t pixel = ((size_t)i * (size_t)b.height + (size_t)(row * stride)) * (size_t)b.width;
    return (pixel + (size_t)(column * stride)) * (size_t)b.channels;
}

static int rows_of(const struct layer_pass *pass)
{
    return pass->n * pass->output_shape.height * pass->output_shape.width;
}

/* a + S b */
static void add_inputs(const struct layer_pass *pass)
{
    const struct shape out = pass->output_shape, b = pass->input_shapes[1];
    const size_t count = (size_t)rows_of(pass) * (size_t)out.channels;
    if (fits(out, b)) {
        add_equal(count, pass->inputs[0], pass->inputs[1], pass->output);
        return;
    }
    memcpy(pass->output, pass->inputs[0], count * sizeof(float));
    float *y = pass->output;
    for (int i = 0; i < pass->n; i++)
        for (int row = 0; row < out.height; row++)
            for (int column = 0; column < out.width; column++, y += out.channels) {
                const float *const from = pass->inputs[1] + shortcut_place(pass, i, row, column);
                for (int c = 0; c < b.channels; c++)
                    y[c] += from[c];
            }
}

/* d_output to both inputs. */
static void give_inputs(const struct layer_pass *pass)
{
    const struct shape out = pass->output_shape, b = pass->input_shapes[1];
    const size_t count = (size_t)rows_of(pass) * (size_t)out.channels;
    if (pass->d_inputs[0] != NULL)
        memcpy(pass->d_inputs[0], pass->d_output, count * sizeof(float));
    if (pass->d_inputs[1] == NULL)
        return;
    if (fits(out, b)) {
        memcpy(pass->d_inputs[1], pass->d_output, count * sizeof(float));
        return;
    }
    const size_t size = (size_t)b.height * (size_t)b.width * (size_t)b.channels;
    memset(pass->d_inputs[1], 0, (size_t)pass->n * size * sizeof(float));
    const float *dy = pass->d_output;
    for (int i = 0; i < pass->n; i++)
        for (int row = 0; row < out.height; row++)
            for (int column = 0; column < out.width; column++, dy += out.channels)
                memcpy(pass->d_inputs[1] + shortcut_place(pass, i, row, column), dy,
                       (size_t)b.channels * sizeof(float));
}

static void add_forward(const struct layer_pass *pass)
{
    const struct add_settings *const s = pass->settings;
    add_inputs(pass);
    activation_forward(s->activation, rows_of(pass), pass->output_shape.channels, NULL, pass->output, pass->saved);
}

static void add_backward(const struct layer_pass *pass)
{
    const struct add_settings *const s = pass->settings;
    activation_backward(s->activation, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                        pass->d_output, NULL);
    give_inputs(pass);
}

static void add_forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct add_settings *const s = pass->settings;
    add_inputs(along);
    activation_forward_along(s->activation, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                             along->output, along->saved);
}

static void add_backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct add_settings *const s = pass->settings;
    activation_backward_along(s->activation, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                              along->output, along->saved, pass->d_output, along->d_output);
    give_inputs(pass);
    give_inputs(along);
}

static enum status concatenate_plan(const void *settings, int input_count, const struct shape *inputs,
                                    struct layer_plan *plan, struct error *error)
{
    (void)settings;
    int64_t channels = inputs[0].channels;
    for (int i = 1; i < input_count; i++) {
        if (inputs[i].height != inputs[0].height || inputs[i].width != inputs[0].width)
            return fail(error, STATUS_BAD_SWEEP,
                        "concatenate: input %d has %d x %d pixels, the first one %d x %d; they must be equal", i + 1,
                        inputs[i].height, inputs[i].width, inputs[0].height, inputs[0].width);
        channels += inputs[i].channels;
    }
    if (channels > INT_MAX)
        return fail(error, STATUS_BAD_SWEEP, "concatenate: %lld channels are too many", (long long)channels);
    plan->output = inputs[0];
    plan->output.channels = (int)channels;
    return STATUS_OK;
}

static void concatenate_forward(const struct layer_pass *pass)
{
    const size_t rows = (size_t)pass->n * (size_t)pass->output_shape.height * (size_t)pass->output_shape.width;
    const size_t all = (size_t)pass->output_shape.channels;
    float *to = pass->output;
    for (int i = 0; i < pass->input_count; i++) {
        const size_t channels = (size_t)pass->input_shapes[i].channels;
        for (size_t row = 0; row < rows; row++)
            memcpy(to + row * all, pass->inputs[i] + row * channels, channels * sizeof *to);
        to += channels;
    }
}

static void concatenate_backward(const struct layer_pass *pass)
{
    const size_t rows = (size_t)pass->n * (size_t)pass->output_shape.height * (size_t)pass->output_shape.width;
    const size_t all = (size_t)pass->output_shape.channels;
    const float *from = pass->d_output;
    for (int i = 0; i < pass->input_count; i++) {
        const size_t channels = (size_t)pass->input_shapes[i].channels;
        for (size_t row = 0; pass->d_inputs[i] != NULL && row < rows; row++)
            memcpy(pass->d_inputs[i] + row * channels, from + row * all, channels * sizeof *from);
        from += channels;
    }
}

const struct layer_ops layer_add = {
    .kind = {.name = "add", .summary = "the sum of a layer and a shortcut (He et al. 2015)", .fields = add_fields},
    .plan = add_plan,
    .forward = add_forward,
    .backward = add_backward,
    .forward_along = add_forward_along,
    .backward_along = add_backward_along};

const struct layer_ops layer_concatenate = {
    .kind = {.name = "concatenate", .summary = "the channels of all inputs one after another"},
    .linear = true,
    .plan = concatenate_plan,
    .forward = concatenate_forward,
    .backward = concatenate_backward};
