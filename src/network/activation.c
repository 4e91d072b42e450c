#include "network/activation.h"

#include <string.h>

#include "kernels/elementwise.h"
#include "network/network.h"

const struct activation_ops activation_relu = {.kind = {.name = "relu", .summary = "max(0, x)"},
                                               .rises = true,
                                               .forward = relu_forward,
                                               .backward = relu_backward};

const struct activation_ops activation_tanh = {.kind = {.name = "tanh", .summary = "hyperbolic tangent"},
                                               .rises = true,
                                               .forward = tanh_forward,
                                               .backward = tanh_backward,
                                               .bend = tanh_bend};

const struct activation_ops activation_softplus = {
    .kind = {.name = "softplus", .summary = "log(1 + exp(x)), a smooth relu"},
    .rises = true,
    .forward = softplus_forward,
    .backward = softplus_backward,
    .bend = softplus_bend};

static const struct activation_ops activation_linear = {.kind = {.name = "linear", .summary = "the identity"},
                                                        .rises = true,
                                                        .forward = linear_forward,
                                                        .backward = linear_backward};

const struct activation_ops activation_leaky_relu = {
    .kind = {.name = "leaky_relu", .summary = "x above 0, x / 100 below"},
    .rises = true,
    .forward = leaky_relu_forward,
    .backward = leaky_relu_backward};

const struct activation_ops activation_sigmoid = {.kind = {.name = "sigmoid", .summary = "1 / (1 + exp(-x))"},
                                                  .rises = true,
                                                  .forward = sigmoid_forward,
                                                  .backward = sigmoid_backward,
                                                  .bend = sigmoid_bend};

const struct activation_ops activation_gelu = {
    .kind = {.name = "gelu", .summary = "x times the share of the standard normal distribution below x"},
    .keeps_input = true,
    .forward = gelu_forward,
    .backward = gelu_backward,
    .bend = gelu_bend};

const struct kind_table activation_table = {
    .what = "activation",
    .plural = "activations",
    .kinds = (const struct kind *const[]){&activation_relu.kind, &activation_leaky_relu.kind, &activation_tanh.kind,
                                          &activation_sigmoid.kind, &activation_softplus.kind, &activation_gelu.kind,
                                          &activation_linear.kind, NULL}};

size_t activation_saved(const struct kind *activation)
{
    return ((const struct activation_ops *)activation)->keeps_input ? 1 : 0;
}

bool activation_is_relu(const struct kind *activation)
{
    return activation == &activation_relu.kind;
}

bool activation_rises(const struct kind *activation)
{
    return ((const struct activation_ops *)activation)->rises;
}

void activation_forward(const struct kind *activation, int n, int m, const float *bias, float *y, float *saved)
{
    const struct activation_ops *const ops = (const struct activation_ops *)activation;
    if (!ops->keeps_input) {
        ops->forward(n, m, bias, y);
        return;
    }
    linear_forward(n, m, bias, y);
    memcpy(saved, y, (size_t)n * (size_t)m * sizeof *y);
    ops->forward(n, m, NULL, y);
}

void activation_backward(const struct kind *activation, int n, int m, const float *y, const float *saved, float *dy,
                         float *dbias)
{
    const struct activation_ops *const ops = (const struct activation_ops *)activation;
    ops->backward(n, m, ops->keeps_input ? saved : y, dy, dbias);
}

void activation_forward_along(const struct kind *activation, int n, int m, const float *y, const float *saved,
                              float *ty, float *tsaved)
{
    if (((const struct activation_ops *)activation)->keeps_input)
        memcpy(tsaved, ty, (size_t)n * (size_t)m * sizeof *ty);
    activation_backward(activation, n, m, y, saved, ty, NULL);
}

void activation_backward_along(const struct kind *activation, int n, int m, const float *y, const float *saved,
                               const float *ty, const float *tsaved, float *dy, float *tdy)
{
    const struct activation_ops *const ops = (const struct activation_ops *)activation;
    activation_backward(activation, n, m, y, saved, tdy, NULL);
    if (ops->bend != NULL)
        ops->bend((int64_t)n * m, ops->keeps_input ? saved : y, ops->keeps_input ? tsaved : ty, dy, tdy);
    activation_backward(activation, n, m, y, saved, dy, NULL);
}
