/* layer_pool.c - one value out of a window of each channel. Padding never wins a maximum, and counts as zeros in an
 * average, as in PyTorch. Where several values are the largest, the first in reading order gets the gradient. */
#include <string.h>

#include "kernels/convolution.h"
#include "kernels/pool.h"
#include "network/activation.h"
#include "network/layers.h"
#include "network/network.h"

#define POOL_FIELDS                                                                                                    \
    {.name = "kernel",                                                                                                 \
     .type = FIELD_INTEGER,                                                                                            \
     .offset = offsetof(struct pool_settings, kernel),                                                                 \
     .default_text = "2",                                                                                              \
     .minimum = 1,                                                                                                     \
     .maximum = 255,                                                                                                   \
     .unit = "pixels",                                                                                                 \
     .summary = "Side of the square window."},                                                                         \
        {.name = "stride",                                                                                             \
         .type = FIELD_INTEGER,                                                                                        \
         .offset = offsetof(struct pool_settings, stride),                                                             \
         .default_text = "2",                                                                                          \
         .minimum = 1,                                                                                                 \
         .maximum = 255,                                                                                               \
         .unit = "pixels",                                                                                             \
         .summary = "Distance of neighbouring windows."},                                                              \
    {                                                                                                                  \
        .name = "padding", .type = FIELD_INTEGER, .offset = offsetof(struct pool_settings, padding),                   \
        .default_text = "0", .maximum = 127, .unit = "pixels", .summary = "Room around the image; less than a kernel." \
    }

static const struct field average_pool_fields[] = {POOL_FIELDS, {.name = NULL}};
static const struct field max_pool_fields[] = {POOL_FIELDS,
                                               {.name = "activation",
                                                .type = FIELD_NAME,
                                                .offset = offsetof(struct pool_settings, activation),
                                                .default_text = "linear",
                                                .kinds = &activation_table,
                                                .summary = "The function applied to each output."},
                                               {.name = NULL}};

enum status layer_single_input(const char *what, int input_count, struct error *error)
{
    if (input_count != 1)
        return fail(error, STATUS_BAD_SWEEP, "%s: %d inputs found; it reads exactly one", what, input_count);
    return STATUS_OK;
}

static struct convolution geometry(const struct layer_pass *pass)
{
    const struct pool_settings *const pool = pass->settings;
    const struct shape in = pass->input_shapes[0], out = pass->output_shape;
    return (struct convolution){.height = in.height,
                                .width = in.width,
                                .channels = in.channels,
                                .kernel = (int)pool->kernel,
                                .stride = (int)pool->stride,
                                .padding = (int)pool->padding,
                                .out_height = out.height,
                                .out_width = out.width,
                                .out_channels = out.channels};
}

static enum status plan_pool(const char *what, const struct pool_settings *pool, int input_count,
                             const struct shape *inputs, struct layer_plan *plan, struct error *error)
{
    TRY(layer_single_input(what, input_count, error));
    const int kernel = (int)pool->kernel, stride = (int)pool->stride, padding = (int)pool->padding;
    if (padding >= kernel)
        return fail(error, STATUS_BAD_SWEEP, "%s: padding %d leaves windows of %d empty; use less padding", what,
                    padding, kernel);
    plan->output = (struct shape){.height = convolution_places(inputs[0].height, kernel, stride, padding),
                                  .width = convolution_places(inputs[0].width, kernel, stride, padding),
                                  .channels = inputs[0].channels};
    if (plan->output.height < 1 || plan->output.width < 1)
        return fail(error, STATUS_BAD_SWEEP, "%s: a window of %d x %d does not fit into %d x %d pixels; pool less",
                    what, kernel, kernel, inputs[0].height, inputs[0].width);
    plan->flops_per_sample = (double)kernel * kernel * plan->output.height * plan->output.width * plan->output.channels;
    return STATUS_OK;
}

static enum status max_pool_plan(const void *settings, int input_count, const struct shape *inputs,
                                 struct layer_plan *plan, struct error *error)
{
    const struct pool_settings *const s = settings;
    TRY(plan_pool("max_pool", s, input_count, inputs, plan, error));
    plan->saved_per_sample = activation_saved(s->activation) * (size_t)plan->output.height *
                             (size_t)plan->output.width * (size_t)plan->output.channels;
    plan->scratch_fixed = 2 * (size_t)inputs[0].channels;
    return STATUS_OK;
}

static enum status average_pool_plan(const void *settings, int input_count, const struct shape *inputs,
                                     struct layer_plan *plan, struct error *error)
{
    return plan_pool("average_pool", settings, input_count, inputs, plan, error);
}

/* Rows and columns of the window at (y, x) that lie in the image. */
struct window {
    int top, bottom, left, right;
};

static struct window window_at(const struct convolution *c, int y, int x)
{
    struct window w = {.top = y * c->stride - c->padding, .left = x * c->stride - c->padding};
    w.bottom = w.top + c->kernel > c->height ? c->height : w.top + c->kernel;
    w.right = w.left + c->kernel > c->width ? c->width : w.left + c->kernel;
    w.top = w.top < 0 ? 0 : w.top;
    w.left = w.left < 0 ? 0 : w.left;
    return w;
}

static size_t pixel(const struct convolution *c, int row, int column)
{
    return ((size_t)row * (size_t)c->width + (size_t)column) * (size_t)c->channels;
}

/* NaN stays NaN. */
static void maximum(int channels, const float *restrict x, float *restrict y)
{
    for (int i = 0; i < channels; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
}

static void add(int channels, const float *restrict x, float *restrict y)
{
    for (int i = 0; i < channels; i++)
        y[i] += x[i];
}

static void max_window(const struct convolution *c, struct window w, const float *image, float *out)
{
    memcpy(out, image + pixel(c, w.top, w.left), (size_t)c->channels * sizeof *out);
    for (int row = w.top; row < w.bottom; row++)
        for (int column = w.left; column < w.right; column++)
            maximum(c->channels, image + pixel(c, row, column), out);
}

/* left: the gradient that has not found its pixel [channels] */
static void give_to_equal(int channels, const float *restrict x, const float *restrict y, float *restrict left,
                          float *restrict dx)
{
    for (int i = 0; i < channels; i++) {
        const float given = x[i] == y[i] ? left[i] : 0.0f;
        dx[i] += given;
        left[i] -= given;
    }
}

/* The usual pooling: 2 x 2 pixels that no other window reads. */
static bool is_halving(const struct convolution *c)
{
    return c->kernel == 2 && c->stride == 2 && c->padding == 0;
}

static size_t input_size(const struct convolution *c)
{
    return (size_t)c->height * (size_t)c->width * (size_t)c->channels;
}

static size_t output_size(const struct convolution *c)
{
    return (size_t)c->out_height * (size_t)c->out_width * (size_t)c->channels;
}

static void max_image(const struct convolution *c, const float *image, float *out)
{
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++, out += c->channels)
            max_window(c, window_at(c, y, x), image, out);
}

static void max_pool_forward(const struct layer_pass *pass)
{
    const struct pool_settings *const s = pass->settings;
    const struct convolution c = geometry(pass);
    for (int i = 0; i < pass->n; i++) {
        const float *const image = pass->inputs[0] + (size_t)i * input_size(&c);
        float *const out = pass->output + (size_t)i * output_size(&c);
        if (is_halving(&c))
            pool_halve(c.height, c.width, c.channels, image, out);
        else
            max_image(&c, image, out);
    }
    activation_forward(s->activation, pass->n * c.out_height * c.out_width, c.channels, NULL, pass->output,
                       pass->saved);
}

/* room [2*channels]: a window's maxima, and their gradients that have not found their pixels */
static void max_image_back(const struct convolution *c, const float *image, const float *d_out, float *room,
                           float *d_image)
{
    float *const most = room, *const left = room + c->channels;
    memset(d_image, 0, input_size(c) * sizeof *d_image);
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++, d_out += c->channels) {
            const struct window w = window_at(c, y, x);
            max_window(c, w, image, most);
            memcpy(left, d_out, (size_t)c->channels * sizeof *left);
            for (int row = w.top; row < w.bottom; row++)
                for (int column = w.left; column < w.right; column++)
                    give_to_equal(c->channels, image + pixel(c, row, column), most, left,
                                  d_image + pixel(c, row, column));
        }
}

static void give_back(const struct layer_pass *pass, const float *d_output, float *d_input)
{
    const struct convolution c = geometry(pass);
    for (int i = 0; i < pass->n; i++) {
        const float *const image = pass->inputs[0] + (size_t)i * input_size(&c);
        const float *const d_out = d_output + (size_t)i * output_size(&c);
        float *const d_image = d_input + (size_t)i * input_size(&c);
        if (is_halving(&c))
            pool_halve_back(c.height, c.width, c.channels, image, d_out, d_image);
        else
            max_image_back(&c, image, d_out, pass->scratch, d_image);
    }
}

static void max_pool_backward(const struct layer_pass *pass)
{
    const struct pool_settings *const s = pass->settings;
    const struct shape out = pass->output_shape;
    if (pass->d_inputs[0] == NULL)
        return;
    activation_backward(s->activation, pass->n * out.height * out.width, out.channels, pass->output, pass->saved,
                        pass->d_output, NULL);
    give_back(pass, pass->d_output, pass->d_inputs[0]);
}

/* The derivative of each window's largest value: that of the first of equal ones, as on the way back.
 * most [channels]: room */
static void max_image_along(const struct convolution *c, const float *image, const float *t_image, float *most,
                            float *t_out)
{
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++, t_out += c->channels) {
            const struct window w = window_at(c, y, x);
            max_window(c, w, image, most);
            for (int row = w.bottom - 1; row >= w.top; row--)
                for (int column = w.right - 1; column >= w.left; column--) {
                    const size_t at = pixel(c, row, column);
                    for (int i = 0; i < c->channels; i++)
                        if (image[at + (size_t)i] == most[i])
                            t_out[i] = t_image[at + (size_t)i];
                }
        }
}

static void max_pool_forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct pool_settings *const s = pass->settings;
    const struct convolution c = geometry(pass);
    for (int i = 0; i < pass->n; i++)
        max_image_along(&c, pass->inputs[0] + (size_t)i * input_size(&c), along->inputs[0] + (size_t)i * input_size(&c),
                        along->scratch, along->output + (size_t)i * output_size(&c));
    activation_forward_along(s->activation, pass->n * c.out_height * c.out_width, c.channels, pass->output, pass->saved,
                             along->output, along->saved);
}

static void max_pool_backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct pool_settings *const s = pass->settings;
    const struct shape out = pass->output_shape;
    if (pass->d_inputs[0] == NULL)
        return;
    activation_backward_along(s->activation, pass->n * out.height * out.width, out.channels, pass->output, pass->saved,
                              along->output, along->saved, pass->d_output, along->d_output);
    give_back(pass, pass->d_output, pass->d_inputs[0]);
    give_back(pass, along->d_output, along->d_inputs[0]);
}

static void scale(size_t count, float factor, float *x)
{
    for (size_t i = 0; i < count; i++)
        x[i] *= factor;
}

static void average_pool_forward(const struct layer_pass *pass)
{
    const struct convolution c = geometry(pass);
    const float *image = pass->inputs[0];
    const size_t count = (size_t)pass->n * (size_t)c.out_height * (size_t)c.out_width * (size_t)c.channels;
    float *out = pass->output;
    memset(out, 0, count * sizeof *out);
    for (int i = 0; i < pass->n; i++, image += (size_t)c.height * (size_t)c.width * (size_t)c.channels)
        for (int y = 0; y < c.out_height; y++)
            for (int x = 0; x < c.out_width; x++, out += c.channels) {
                const struct window w = window_at(&c, y, x);
                for (int row = w.top; row < w.bottom; row++)
                    for (int column = w.left; column < w.right; column++)
                        add(c.channels, image + pixel(&c, row, column), out);
            }
    scale(count, 1.0f / (float)(c.kernel * c.kernel), pass->output);
}

static void average_pool_backward(const struct layer_pass *pass)
{
    if (pass->d_inputs[0] == NULL)
        return;
    const struct convolution c = geometry(pass);
    const size_t size = (size_t)c.height * (size_t)c.width * (size_t)c.channels;
    const float *from = pass->d_output;
    float *image = pass->d_inputs[0];
    memset(image, 0, (size_t)pass->n * size * sizeof *image);
    for (int i = 0; i < pass->n; i++, image += size)
        for (int y = 0; y < c.out_height; y++)
            for (int x = 0; x < c.out_width; x++, from += c.channels) {
                const struct window w = window_at(&c, y, x);
                for (int row = w.top; row < w.bottom; row++)
                    for (int column = w.left; column < w.right; column++)
                        add(c.channels, from, image + pixel(&c, row, column));
            }
    scale((size_t)pass->n * size, 1.0f / (float)(c.kernel * c.kernel), pass->d_inputs[0]);
}

static enum status global_plan(const void *settings, int input_count, const struct shape *inputs,
                               struct layer_plan *plan, struct error *error)
{
    (void)settings;
    TRY(layer_single_input("global_average_pool", input_count, error));
    plan->output = (struct shape){.height = 1, .width = 1, .channels = inputs[0].channels};
    plan->flops_per_sample = (double)inputs[0].height * inputs[0].width * inputs[0].channels;
    return STATUS_OK;
}

static void global_forward(const struct layer_pass *pass)
{
    const struct shape in = pass->input_shapes[0];
    const int pixels = in.height * in.width;
    const float *x = pass->inputs[0];
    memset(pass->output, 0, (size_t)pass->n * (size_t)in.channels * sizeof(float));
    for (int i = 0; i < pass->n; i++)
        for (int p = 0; p < pixels; p++, x += in.channels)
            add(in.channels, x, pass->output + (size_t)i * (size_t)in.channels);
    scale((size_t)pass->n * (size_t)in.channels, 1.0f / (float)pixels, pass->output);
}

static void global_backward(const struct layer_pass *pass)
{
    if (pass->d_inputs[0] == NULL)
        return;
    const struct shape in = pass->input_shapes[0];
    const int pixels = in.height * in.width;
    float *dx = pass->d_inputs[0];
    scale((size_t)pass->n * (size_t)in.channels, 1.0f / (float)pixels, pass->d_output);
    for (int i = 0; i < pass->n; i++)
        for (int p = 0; p < pixels; p++, dx += in.channels)
            memcpy(dx, pass->d_output + (size_t)i * (size_t)in.channels, (size_t)in.channels * sizeof *dx);
}

const struct layer_ops layer_max_pool = {
    .kind = {.name = "max_pool", .summary = "the largest value of each window and channel", .fields = max_pool_fields},
    .plan = max_pool_plan,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
    .forward_along = max_pool_forward_along,
    .backward_along = max_pool_backward_along};

const struct layer_ops layer_average_pool = {
    .kind = {.name = "average_pool",
             .summary = "the mean of each window and channel, padding counted as zeros",
             .fields = average_pool_fields},
    .linear = true,
    .plan = average_pool_plan,
    .forward = average_pool_forward,
    .backward = average_pool_backward};

const struct layer_ops layer_global_average_pool = {
    .kind = {.name = "global_average_pool", .summary = "the mean of each channel over the whole image"},
    .linear = true,
    .plan = global_plan,
    .forward = global_forward,
    .backward = global_backward};
