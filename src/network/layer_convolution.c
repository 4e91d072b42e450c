/* layer_convolution.c - y = f(x * W + b)      x [n,height,width,in]   W [out,kernel,kernel,in]   b [out]
 * W lies with its input channels last, as the activations do: PyTorch's [out,in,kernel,kernel] is
 * W.transpose(0, 3, 1, 2). Products of matrices over windows of a few images, few enough for them to stay in cache;
 * a 1 x 1 convolution without stride or padding is one product over all pixels. */
#include <limits.h>
#include <string.h>

#include "kernels/convolution.h"
#include "kernels/direct.h"
#include "kernels/gemm.h"
#include "network/activation.h"
#include "network/layers.h"
#include "network/network.h"

static const struct field convolution_fields[] = {
    {.name = "channels",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct convolution_settings, channels),
     .minimum = 1,
     .maximum = 1 << 16,
     .summary = "Number of output channels."},
    {.name = "kernel",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct convolution_settings, kernel),
     .default_text = "3",
     .minimum = 1,
     .maximum = 255,
     .unit = "pixels",
     .summary = "Side of the square window."},
    {.name = "stride",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct convolution_settings, stride),
     .default_text = "1",
     .minimum = 1,
     .maximum = 255,
     .unit = "pixels",
     .summary = "Distance of neighbouring windows."},
    {.name = "padding",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct convolution_settings, padding),
     .default_text = "0",
     .maximum = 255,
     .unit = "pixels",
     .summary = "Zeros put around the image on every side."},
    {.name = "bias",
     .type = FIELD_FLAG,
     .offset = offsetof(struct convolution_settings, bias),
     .default_text = "true",
     .summary = "Whether a trained number is added to each output channel."},
    {.name = "activation",
     .type = FIELD_NAME,
     .offset = offsetof(struct convolution_settings, activation),
     .default_text = "linear",
     .kinds = &activation_table,
     .summary = "The function applied to each output."},
    {.name = NULL}};

static struct convolution geometry(const struct convolution_settings *settings, struct shape in)
{
    const int kernel = (int)settings->kernel, stride = (int)settings->stride, padding = (int)settings->padding;
    return (struct convolution){.height = in.height,
                                .width = in.width,
                                .channels = in.channels,
                                .kernel = kernel,
                                .stride = stride,
                                .padding = padding,
                                .out_height = convolution_places(in.height, kernel, stride, padding),
                                .out_width = convolution_places(in.width, kernel, stride, padding),
                                .out_channels = (int)settings->channels};
}

static int window_size(const struct convolution *c)
{
    return c->kernel * c->kernel * c->channels;
}

static int places(const struct convolution *c)
{
    return c->out_height * c->out_width;
}

/* Whether the image is its own matrix of windows. */
static bool is_plain(const struct convolution *c)
{
    return c->kernel == 1 && c->stride == 1 && c->padding == 0;
}

/* Whether it goes straight from the pixels, without a matrix of windows. */
static bool is_direct(const struct convolution *c)
{
    return !is_plain(c) && c->padding < c->kernel && direct_fits(c);
}

/* Whether the gradient of the input does so too. */
static bool is_direct_back(const struct convolution *c)
{
    const struct convolution back = direct_way_back(c);
    return c->stride == 1 && direct_fits(&back);
}

/* How many images' windows are in the buffer at once. */
static int block_images(const struct convolution *c)
{
    enum { BUFFER = 1 << 16 };
    const int images = BUFFER / (places(c) * window_size(c));
    return images < 1 ? 1 : images;
}

static enum status check_size(const struct convolution *c, struct error *error)
{
    if (c->out_height < 1 || c->out_width < 1)
        return fail(error, STATUS_BAD_SWEEP,
                    "convolution: a window of %d x %d does not fit into %d x %d pixels with padding %d; use a smaller "
                    "kernel, more padding or less pooling before it",
                    c->kernel, c->kernel, c->height, c->width, c->padding);
    const int64_t window = (int64_t)c->kernel * c->kernel * c->channels;
    if (window * c->out_channels > INT_MAX || window * places(c) > INT_MAX)
        return fail(error, STATUS_BAD_SWEEP,
                    "convolution: windows of %lld values at %d places for %d channels are too many; use fewer channels",
                    (long long)window, places(c), c->out_channels);
    return STATUS_OK;
}

/* Floats of matrices of windows. */
static size_t columns_size(const struct convolution *c)
{
    return (size_t)block_images(c) * (size_t)places(c) * (size_t)window_size(c);
}

static size_t scratch_size(const struct convolution *c)
{
    if (is_plain(c))
        return 0;
    if (!is_direct(c))
        return columns_size(c);
    const struct convolution back = direct_way_back(c);
    const size_t direct = direct_padded_size(c) + direct_output_size(c) + direct_packed_size(c);
    return direct + (is_direct_back(c) ? direct_padded_size(&back) + direct_packed_size(&back) : columns_size(c));
}

static enum status convolution_plan(const void *settings, int input_count, const struct shape *inputs,
                                    struct layer_plan *plan, struct error *error)
{
    const struct convolution_settings *const s = settings;
    TRY(layer_single_input("convolution", input_count, error));
    const struct convolution c = geometry(s, inputs[0]);
    TRY(check_size(&c, error));
    const int fan_in = window_size(&c), fan_out = c.kernel * c.kernel * c.out_channels;
    plan->output = (struct shape){.height = c.out_height, .width = c.out_width, .channels = c.out_channels};
    plan->tensors[plan->tensor_count++] =
        (struct tensor_spec){.name = "weight",
                             .role = TENSOR_WEIGHT,
                             .rank = 4,
                             .dimensions = {c.out_channels, c.kernel, c.kernel, c.channels},
                             .fan_in = fan_in,
                             .fan_out = fan_out};
    if (s->bias)
        plan->tensors[plan->tensor_count++] = (struct tensor_spec){.name = "bias",
                                                                   .role = TENSOR_BIAS,
                                                                   .rank = 1,
                                                                   .dimensions = {c.out_channels},
                                                                   .fan_in = fan_in,
                                                                   .fan_out = fan_out};
    plan->saved_per_sample = activation_saved(s->activation) * (size_t)places(&c) * (size_t)c.out_channels;
    plan->scratch_fixed = scratch_size(&c);
    plan->flops_per_sample = 2.0 * fan_in * c.out_channels * places(&c);
    return STATUS_OK;
}

/* The windows of n images from the first on: the images themselves where they are, else in the scratch. */
static const float *windows(const struct layer_pass *pass, const struct convolution *c, int first, int n)
{
    const size_t image = (size_t)(c->height * c->width * c->channels);
    const float *const x = pass->inputs[0] + (size_t)first * image;
    if (is_plain(c))
        return x;
    for (int i = 0; i < n; i++)
        image_to_columns(c, x + (size_t)i * image,
                         pass->scratch + (size_t)i * (size_t)places(c) * (size_t)window_size(c));
    return pass->scratch;
}

static size_t image_size(const struct convolution *c)
{
    return (size_t)c->height * (size_t)c->width * (size_t)c->channels;
}

static size_t output_size(const struct convolution *c)
{
    return (size_t)places(c) * (size_t)c->out_channels;
}

static void forward_direct(const struct layer_pass *pass, const struct convolution *c)
{
    float *const packed = pass->scratch, *const padded = packed + direct_packed_size(c);
    direct_pack(c, pass->parameters[0], packed);
    for (int i = 0; i < pass->n; i++) {
        direct_pad(c, pass->inputs[0] + (size_t)i * image_size(c), padded);
        direct_forward(c, padded, packed, pass->output + (size_t)i * output_size(c));
    }
}

static void forward_products(const struct layer_pass *pass, const struct convolution *c)
{
    const int block = is_plain(c) ? pass->n : block_images(c);
    for (int first = 0; first < pass->n; first += block) {
        const int n = pass->n - first < block ? pass->n - first : block;
        gemm(AS_IS, TRANSPOSED, n * places(c), c->out_channels, window_size(c), windows(pass, c, first, n),
             pass->parameters[0], 0.0f, pass->output + (size_t)first * output_size(c));
    }
}

static void convolution_forward(const struct layer_pass *pass)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    if (is_direct(&c))
        forward_direct(pass, &c);
    else
        forward_products(pass, &c);
    activation_forward(s->activation, pass->n * places(&c), c.out_channels, s->bias ? pass->parameters[1] : NULL,
                       pass->output, pass->saved);
}

/* dx of n images: windows' gradients dy W, put back where the windows came from.   columns: room for them */
static void input_gradient(const struct layer_pass *pass, const struct convolution *c, int first, int n, float *columns)
{
    float *const dx = pass->d_inputs[0] + (size_t)first * image_size(c);
    const float *const dy = pass->d_output + (size_t)first * output_size(c);
    gemm(AS_IS, AS_IS, n * places(c), window_size(c), c->out_channels, dy, pass->parameters[0], 0.0f,
         is_plain(c) ? dx : columns);
    if (is_plain(c))
        return;
    memset(dx, 0, (size_t)n * image_size(c) * sizeof *dx);
    for (int i = 0; i < n; i++)
        columns_to_image(c, columns + (size_t)i * (size_t)places(c) * (size_t)window_size(c),
                         dx + (size_t)i * image_size(c));
}

/* dW = dy^T windows(x), summed block by block in order. */
static void backward_products(const struct layer_pass *pass, const struct convolution *c)
{
    const int block = is_plain(c) ? pass->n : block_images(c);
    for (int first = 0; first < pass->n; first += block) {
        const int n = pass->n - first < block ? pass->n - first : block;
        gemm(TRANSPOSED, AS_IS, c->out_channels, window_size(c), n * places(c),
             pass->d_output + (size_t)first * output_size(c), windows(pass, c, first, n), first == 0 ? 0.0f : 1.0f,
             pass->d_parameters[0]);
        if (pass->d_inputs[0] != NULL)
            input_gradient(pass, c, first, n, pass->scratch);
    }
}

static void weights_direct(const struct layer_pass *pass, const struct convolution *c)
{
    float *const sums = pass->scratch, *const padded = sums + direct_packed_size(c);
    float *const room = padded + direct_padded_size(c);
    memset(sums, 0, direct_packed_size(c) * sizeof *sums);
    for (int i = 0; i < pass->n; i++) {
        direct_pad(c, pass->inputs[0] + (size_t)i * image_size(c), padded);
        direct_weights(c, padded, pass->d_output + (size_t)i * output_size(c), room, sums);
    }
    direct_unpack(c, sums, pass->d_parameters[0]);
}

static void input_direct(const struct layer_pass *pass, const struct convolution *c)
{
    const struct convolution back = direct_way_back(c);
    float *const packed = pass->scratch, *const padded = packed + direct_packed_size(&back);
    direct_pack_back(c, pass->parameters[0], packed);
    for (int i = 0; i < pass->n; i++) {
        direct_pad(&back, pass->d_output + (size_t)i * output_size(c), padded);
        direct_forward(&back, padded, packed, pass->d_inputs[0] + (size_t)i * image_size(c));
    }
}

static void backward_direct(const struct layer_pass *pass, const struct convolution *c)
{
    weights_direct(pass, c);
    if (pass->d_inputs[0] == NULL)
        return;
    if (is_direct_back(c)) {
        input_direct(pass, c);
        return;
    }
    const int block = block_images(c);
    for (int first = 0; first < pass->n; first += block)
        input_gradient(pass, c, first, pass->n - first < block ? pass->n - first : block, pass->scratch);
}

static void convolution_backward(const struct layer_pass *pass)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    activation_backward(s->activation, pass->n * places(&c), c.out_channels, pass->output, pass->saved, pass->d_output,
                        s->bias ? pass->d_parameters[1] : NULL);
    if (is_direct(&c))
        backward_direct(pass, &c);
    else
        backward_products(pass, &c);
}

static void convolution_linear_part(const void *settings, void *linear)
{
    struct convolution_settings *const part = linear;
    *part = *(const struct convolution_settings *)settings;
    part->bias = false;
    part->activation = kind_find(&activation_table, "linear");
}

const struct layer_ops layer_convolution = {
    .kind = {.name = "convolution",
             .summary = "every output reads a window of all channels: f(x * W + b)",
             .fields = convolution_fields},
    .plan = convolution_plan,
    .forward = convolution_forward,
    .backward = convolution_backward,
    .linear_part = convolution_linear_part};
