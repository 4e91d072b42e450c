/* layer_activation.c - y = f(x) alone: behind layers that do not end with a function themselves. */
#include <string.h>

#include "network/activation.h"
#include "network/layers.h"
#include "network/network.h"

static const struct field activation_fields[] = {{.name = "function",
                                                  .type = FIELD_NAME,
                                                  .offset = offsetof(struct activation_settings, function),
                                                  .default_text = "relu",
                                                  .kinds = &activation_table,
                                                  .summary = "The function applied to each value."},
                                                 {.name = NULL}};

static size_t size_of(struct shape shape)
{
    return (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
}

static enum status activation_plan(const void *settings, int input_count, const struct shape *inputs,
                                   struct layer_plan *plan, struct error *error)
{
    const struct activation_settings *const s = settings;
    TRY(layer_single_input("activation", input_count, error));
    plan->output = inputs[0];
    plan->saved_per_sample = activation_saved(s->function) * size_of(inputs[0]);
    plan->flops_per_sample = (double)size_of(inputs[0]);
    return STATUS_OK;
}

static int rows_of(const struct layer_pass *pass)
{
    return pass->n * pass->output_shape.height * pass->output_shape.width;
}

static void activation_layer_forward(const struct layer_pass *pass)
{
    const struct activation_settings *const s = pass->settings;
    memcpy(pass->output, pass->inputs[0], (size_t)pass->n * size_of(pass->output_shape) * sizeof(float));
    activation_forward(s->function, rows_of(pass), pass->output_shape.channels, NULL, pass->output, pass->saved);
}

static void activation_layer_backward(const struct layer_pass *pass)
{
    const struct activation_settings *const s = pass->settings;
    if (pass->d_inputs[0] == NULL)
        return;
    activation_backward(s->function, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                        pass->d_output, NULL);
    memcpy(pass->d_inputs[0], pass->d_output, (size_t)pass->n * size_of(pass->output_shape) * sizeof(float));
}

static void activation_layer_forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct activation_settings *const s = pass->settings;
    memcpy(along->output, along->inputs[0], (size_t)pass->n * size_of(pass->output_shape) * sizeof(float));
    activation_forward_along(s->function, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                             along->output, along->saved);
}

static void activation_layer_backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct activation_settings *const s = pass->settings;
    const size_t bytes = (size_t)pass->n * size_of(pass->output_shape) * sizeof(float);
    if (pass->d_inputs[0] == NULL)
        return;
    activation_backward_along(s->function, rows_of(pass), pass->output_shape.channels, pass->output, pass->saved,
                              along->output, along->saved, pass->d_output, along->d_output);
    memcpy(pass->d_inputs[0], pass->d_output, bytes);
    memcpy(along->d_inputs[0], along->d_output, bytes);
}

const struct layer_ops layer_activation = {
    .kind = {.name = "activation", .summary = "a function of each value", .fields = activation_fields},
    .plan = activation_plan,
    .forward = activation_layer_forward,
    .backward = activation_layer_backward,
    .forward_along = activation_layer_forward_along,
    .backward_along = activation_layer_backward_along};
