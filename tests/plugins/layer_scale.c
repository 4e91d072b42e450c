/* layer_scale.c - a layer as a user would write it, from the public headers alone.
 * y = s x, with one trained number s for each channel      x, y [n,height,width,channels]   s [channels] */
#include <stddef.h>

#include "seedbed/layer.h"

extern const struct layer_ops layer_scale;

static enum status scale_plan(const void *settings, int input_count, const struct shape *inputs,
                              struct layer_plan *plan, struct error *error)
{
    (void)settings;
    if (input_count != 1)
        return fail(error, STATUS_BAD_SWEEP, "scale: %d inputs found; it reads exactly one", input_count);
    plan->output = inputs[0];
    plan->tensor_count = 1;
    plan->tensors[0] =
        (struct tensor_spec){.name = "scale", .role = TENSOR_SCALE, .rank = 1, .dimensions = {inputs[0].channels}};
    return STATUS_OK;
}

static void scale_forward(const struct layer_pass *pass)
{
    const int channels = pass->output_shape.channels;
    const int rows = pass->n * pass->output_shape.height * pass->output_shape.width;
    for (int i = 0; i < rows * channels; i++)
        pass->output[i] = pass->parameters[0][i % channels] * pass->inputs[0][i];
}

static void scale_backward(const struct layer_pass *pass)
{
    const int channels = pass->output_shape.channels;
    const int rows = pass->n * pass->output_shape.height * pass->output_shape.width;
    for (int channel = 0; channel < channels; channel++)
        pass->d_parameters[0][channel] = 0.0f;
    for (int i = 0; i < rows * channels; i++) {
        pass->d_parameters[0][i % channels] += pass->d_output[i] * pass->inputs[0][i];
        if (pass->d_inputs[0] != NULL)
            pass->d_inputs[0][i] = pass->d_output[i] * pass->parameters[0][i % channels];
    }
}

const struct layer_ops layer_scale = {.kind = {.name = "scale", .summary = "Each channel times a trained number."},
                                      .plan = scale_plan,
                                      .forward = scale_forward,
                                      .backward = scale_backward};
