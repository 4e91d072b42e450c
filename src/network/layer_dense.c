/* layer_dense.c - y = f(x W^T + b)      x [n,in]   W [units,in]   b [units]   y [n,units]
 * W lies as PyTorch's Linear has it. */
#include "network/layer_dense.h"

#include <limits.h>
#include <string.h>

#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "network/activation.h"
#include "network/network.h"

static const struct field dense_fields[] = {
    {.name = "units",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct dense_settings, units),
     .default_text = "0",
     .maximum = 1 << 20,
     .summary = "Number of outputs; 0, of the last layer only, for the number of classes."},
    {.name = "bias",
     .type = FIELD_FLAG,
     .offset = offsetof(struct dense_settings, bias),
     .default_text = "true",
     .summary = "Whether a trained number is added to each output."},
    {.name = "activation",
     .type = FIELD_NAME,
     .offset = offsetof(struct dense_settings, activation),
     .default_text = "linear",
     .kinds = &activation_table,
     .summary = "The function applied to each output."},
    {.name = NULL}};

static int features(struct shape shape)
{
    return shape.height * shape.width * shape.channels;
}

static enum status dense_plan(const void *settings, int input_count, const struct shape *inputs,
                              struct layer_plan *plan, struct error *error)
{
    const struct dense_settings *const dense = settings;
    if (input_count != 1)
        return fail(error, STATUS_BAD_SWEEP, "dense: %d inputs found; it reads exactly one", input_count);
    const int in = features(inputs[0]);
    const int out = (int)dense->units;
    if (out == 0)
        return fail(error, STATUS_BAD_SWEEP,
                    "dense: units is not given; only the last layer of a network has as many as there are classes");
    if ((int64_t)in * out > INT_MAX)
        return fail(error, STATUS_BAD_SWEEP,
                    "dense: %d inputs times %d units are more than %d weights; use fewer units", in, out, INT_MAX);
    plan->output = (struct shape){.height = 1, .width = 1, .channels = out};
    plan->tensors[plan->tensor_count++] = (struct tensor_spec){
        .name = "weight", .role = TENSOR_WEIGHT, .rank = 2, .dimensions = {out, in}, .fan_in = in, .fan_out = out};
    if (dense->bias)
        plan->tensors[plan->tensor_count++] = (struct tensor_spec){
            .name = "bias", .role = TENSOR_BIAS, .rank = 1, .dimensions = {out}, .fan_in = in, .fan_out = out};
    plan->saved_per_sample = activation_saved(dense->activation) * (size_t)out;
    plan->flops_per_sample = 2.0 * in * out;
    plan->gradient_form = GRADIENT_OUTER;
    return STATUS_OK;
}

static void activate(const struct layer_pass *pass)
{
    const struct dense_settings *const dense = pass->settings;
    const int out = pass->output_shape.channels;
    activation_forward(dense->activation, pass->n, out, dense->bias ? pass->parameters[1] : NULL, pass->output,
                       pass->saved);
}

static void dense_forward(const struct layer_pass *pass)
{
    const int in = features(pass->input_shapes[0]);
    const int out = pass->output_shape.channels;
    gemm(AS_IS, TRANSPOSED, pass->n, out, in, pass->inputs[0], pass->parameters[0], 0.0f, pass->output);
    activate(pass);
}

void dense_forward_products(const struct layer_pass *pass, const float *products)
{
    memcpy(pass->output, products, (size_t)pass->n * (size_t)pass->output_shape.channels * sizeof(float));
    activate(pass);
}

/* dW = dy^T x   dx = dy W      dy [n,units], after f' */
static void dense_backward(const struct layer_pass *pass)
{
    const struct dense_settings *const dense = pass->settings;
    const int in = features(pass->input_shapes[0]);
    const int out = pass->output_shape.channels;
    float *const dbias = dense->bias ? pass->d_parameters[1] : NULL;
    activation_backward(dense->activation, pass->n, out, pass->output, pass->saved, pass->d_output, dbias);
    gemm(TRANSPOSED, AS_IS, out, in, pass->n, pass->d_output, pass->inputs[0], 0.0f, pass->d_parameters[0]);
    if (pass->d_inputs[0] != NULL)
        gemm(AS_IS, AS_IS, pass->n, in, out, pass->d_output, pass->parameters[0], 0.0f, pass->d_inputs[0]);
}

static void dense_linear_part(const void *settings, void *linear)
{
    struct dense_settings *const part = linear;
    *part = *(const struct dense_settings *)settings;
    part->bias = false;
    part->activation = kind_find(&activation_table, "linear");
}

static void dense_backward_each(const struct layer_pass *pass)
{
    const struct dense_settings *const dense = pass->settings;
    const int in = features(pass->input_shapes[0]);
    const int out = pass->output_shape.channels;
    activation_backward(dense->activation, pass->n, out, pass->output, pass->saved, pass->d_output, NULL);
    memcpy(pass->rows[0], pass->inputs[0], (size_t)pass->n * (size_t)in * sizeof(float));
    memcpy(pass->rows[1], pass->d_output, (size_t)pass->n * (size_t)out * sizeof(float));
    if (pass->d_inputs[0] != NULL)
        gemm(AS_IS, AS_IS, pass->n, in, out, pass->d_output, pass->parameters[0], 0.0f, pass->d_inputs[0]);
}

/* With V and c the direction of W and b: tx = derivative of x, and ty = f'(x W^T + b) (tx W^T + x V^T + c) */
static void dense_forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct dense_settings *const dense = pass->settings;
    const int in = features(pass->input_shapes[0]);
    const int out = pass->output_shape.channels;
    gemm(AS_IS, TRANSPOSED, pass->n, out, in, pass->inputs[0], along->parameters[0], 0.0f, along->output);
    if (along->inputs[0] != NULL)
        gemm(AS_IS, TRANSPOSED, pass->n, out, in, along->inputs[0], pass->parameters[0], 1.0f, along->output);
    linear_forward(pass->n, out, dense->bias ? along->parameters[1] : NULL, along->output);
    activation_forward_along(dense->activation, pass->n, out, pass->output, pass->saved, along->output, along->saved);
}

/* tdW = tdy^T x + dy^T tx   tdx = tdy W + dy V      dy, tdy after f' */
static void dense_backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct dense_settings *const dense = pass->settings;
    const int n = pass->n, in = features(pass->input_shapes[0]), out = pass->output_shape.channels;
    const float *const dy = pass->d_output, *const tdy = along->d_output;
    activation_backward_along(dense->activation, n, out, pass->output, pass->saved, along->output, along->saved,
                              pass->d_output, along->d_output);
    linear_backward(n, out, along->output, along->d_output, dense->bias ? along->d_parameters[1] : NULL);
    gemm(TRANSPOSED, AS_IS, out, in, n, tdy, pass->inputs[0], 0.0f, along->d_parameters[0]);
    if (along->inputs[0] != NULL)
        gemm(TRANSPOSED, AS_IS, out, in, n, dy, along->inputs[0], 1.0f, along->d_parameters[0]);
    if (pass->d_inputs[0] == NULL)
        return;
    gemm(AS_IS, AS_IS, n, in, out, dy, pass->parameters[0], 0.0f, pass->d_inputs[0]);
    gemm(AS_IS, AS_IS, n, in, out, tdy, pass->parameters[0], 0.0f, along->d_inputs[0]);
    gemm(AS_IS, AS_IS, n, in, out, dy, along->parameters[0], 1.0f, along->d_inputs[0]);
}

const struct layer_ops layer_dense = {
    .kind = {.name = "dense", .summary = "every output reads every input: f(x W^T + b)", .fields = dense_fields},
    .plan = dense_plan,
    .forward = dense_forward,
    .backward = dense_backward,
    .linear_part = dense_linear_part,
    .backward_each = dense_backward_each,
    .forward_along = dense_forward_along,
    .backward_along = dense_backward_along};
