/* layer_convolution.c - y = f(x * W + b)      x [n,height,width,in]   W [out,kernel,kernel,in]   b [out]
 * W lies with its input channels last, as the activations do: PyTorch's [out,in,kernel,kernel] is
 * W.transpose(0, 3, 1, 2). */
#include <limits.h>

#include "kernels/convolution.h"
#include "kernels/elementwise.h"
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

static int places(const struct convolution *c)
{
    return c->out_height * c->out_width;
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

static size_t scratch_size(const struct convolution *c)
{
    size_t most = 0;
    for (int pass = 0; pass < CONVOLUTION_PASSES; pass++) {
        const size_t needed = convolution_scratch(c, (enum convolution_pass)pass);
        most = needed > most ? needed : most;
    }
    return most;
}

static enum status convolution_plan(const void *settings, int input_count, const struct shape *inputs,
                                    struct layer_plan *plan, struct error *error)
{
    const struct convolution_settings *const s = settings;
    TRY(layer_single_input("convolution", input_count, error));
    const struct convolution c = geometry(s, inputs[0]);
    TRY(check_size(&c, error));
    const int fan_in = (int)convolution_window_size(&c), fan_out = c.kernel * c.kernel * c.out_channels;
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
    plan->saved_per_sample = activation_saved(s->activation) * convolution_output_size(&c);
    plan->kept = convolution_prepared(&c, FORWARD) + convolution_prepared(&c, INPUT_GRADIENT);
    plan->scratch_fixed = scratch_size(&c);
    plan->flops_per_sample = 2.0 * fan_in * c.out_channels * places(&c);
    return STATUS_OK;
}

/* The weights as one way reads them: prepared for a batch's first block, kept for the others. */
static const float *prepared(const struct layer_pass *pass, const struct convolution *c, enum convolution_pass way)
{
    float *const room = pass->kept + (way == FORWARD ? 0 : convolution_prepared(c, FORWARD));
    if (pass->first == 0)
        return convolution_prepare(c, way, pass->parameters[0], room);
    return convolution_prepared(c, way) > 0 ? room : pass->parameters[0];
}

/* Bias and relu come with the sums; any other function is a pass of its own. */
static void forward_pass(const struct layer_pass *pass)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    const struct epilogue epilogue = {.bias = s->bias ? pass->parameters[1] : NULL,
                                      .relu = activation_is_relu(s->activation)};
    convolution_forward(&c, pass->n, pass->inputs[0], prepared(pass, &c, FORWARD), &epilogue, pass->scratch,
                        pass->output);
    if (!epilogue.relu)
        activation_forward(s->activation, pass->n * places(&c), c.out_channels, NULL, pass->output, pass->saved);
}

static void input_gradient(const struct layer_pass *pass, const struct convolution *c)
{
    if (pass->d_inputs[0] != NULL)
        convolution_input_gradient(c, pass->n, pass->d_output, prepared(pass, c, INPUT_GRADIENT), pass->scratch,
                                   pass->d_inputs[0]);
}

static void backward_pass(const struct layer_pass *pass)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    activation_backward(s->activation, pass->n * places(&c), c.out_channels, pass->output, pass->saved, pass->d_output,
                        s->bias ? pass->d_parameters[1] : NULL);
    convolution_weight_gradient(&c, pass->n, pass->inputs[0], pass->d_output, pass->scratch, pass->d_parameters[0]);
    input_gradient(pass, &c);
}

static void convolution_linear_part(const void *settings, void *linear)
{
    struct convolution_settings *const part = linear;
    *part = *(const struct convolution_settings *)settings;
    part->bias = false;
    part->activation = kind_find(&activation_table, "linear");
}

static void backward_each(const struct layer_pass *pass)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    const size_t weights = convolution_window_size(&c) * (size_t)c.out_channels;
    float *row = pass->rows[0];
    activation_backward(s->activation, pass->n * places(&c), c.out_channels, pass->output, pass->saved, pass->d_output,
                        NULL);
    for (int i = 0; i < pass->n; i++) {
        const float *const x = pass->inputs[0] + (size_t)i * convolution_input_size(&c);
        const float *const y = pass->output + (size_t)i * convolution_output_size(&c);
        float *const dy = pass->d_output + (size_t)i * convolution_output_size(&c);
        convolution_weight_gradient(&c, 1, x, dy, pass->scratch, row);
        row += weights;
        if (!s->bias)
            continue;
        linear_backward(places(&c), c.out_channels, y, dy, row);
        row += c.out_channels;
    }
    input_gradient(pass, &c);
}

static const struct epilogue nothing = {0};

/* y += x      x, y [count] */
static void add_floats(size_t count, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

/* With V and c the direction of W and b: tx = derivative of x, and ty = f'(x * W + b) (tx * W + x * V + c) */
static void forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    const struct epilogue epilogue = {.bias = s->bias ? along->parameters[1] : NULL};
    convolution_forward(&c, pass->n, pass->inputs[0], prepared(along, &c, FORWARD), &epilogue, pass->scratch,
                        along->output);
    if (along->inputs[0] != NULL) {
        convolution_forward(&c, pass->n, along->inputs[0], prepared(pass, &c, FORWARD), &nothing, pass->scratch,
                            along->scratch);
        add_floats((size_t)pass->n * convolution_output_size(&c), along->scratch, along->output);
    }
    activation_forward_along(s->activation, pass->n * places(&c), c.out_channels, pass->output, pass->saved,
                             along->output, along->saved);
}

/* dx = W's of dy   tdx = W's of tdy + V's of dy      after f' */
static void input_gradient_along(const struct layer_pass *pass, const struct layer_pass *along,
                                 const struct convolution *c)
{
    if (pass->d_inputs[0] == NULL)
        return;
    const float *const weights = prepared(pass, c, INPUT_GRADIENT);
    convolution_input_gradient(c, pass->n, pass->d_output, weights, pass->scratch, pass->d_inputs[0]);
    convolution_input_gradient(c, pass->n, along->d_output, weights, pass->scratch, along->d_inputs[0]);
    convolution_input_gradient(c, pass->n, pass->d_output, prepared(along, c, INPUT_GRADIENT), pass->scratch,
                               along->scratch);
    add_floats((size_t)pass->n * convolution_input_size(c), along->scratch, along->d_inputs[0]);
}

static void backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct convolution_settings *const s = pass->settings;
    const struct convolution c = geometry(s, pass->input_shapes[0]);
    const int rows = pass->n * places(&c);
    activation_backward_along(s->activation, rows, c.out_channels, pass->output, pass->saved, along->output,
                              along->saved, pass->d_output, along->d_output);
    linear_backward(rows, c.out_channels, along->output, along->d_output, s->bias ? along->d_parameters[1] : NULL);
    convolution_weight_gradient(&c, pass->n, pass->inputs[0], along->d_output, pass->scratch, along->d_parameters[0]);
    if (along->inputs[0] != NULL) {
        convolution_weight_gradient(&c, pass->n, along->inputs[0], pass->d_output, pass->scratch, along->scratch);
        add_floats(convolution_window_size(&c) * (size_t)c.out_channels, along->scratch, along->d_parameters[0]);
    }
    input_gradient_along(pass, along, &c);
}

const struct layer_ops layer_convolution = {
    .kind = {.name = "convolution",
             .summary = "every output reads a window of all channels: f(x * W + b)",
             .fields = convolution_fields},
    .plan = convolution_plan,
    .forward = forward_pass,
    .backward = backward_pass,
    .backward_each = backward_each,
    .forward_along = forward_along,
    .backward_along = backward_along,
    .linear_part = convolution_linear_part};
