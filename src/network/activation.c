#include "network/activation.h"

#include "kernels/elementwise.h"
#include "network/network.h"

static const struct activation_ops relu = {
    .kind = {.name = "relu", .summary = "max(0, x)"}, .forward = relu_forward, .backward = relu_backward};

static const struct activation_ops hyperbolic_tangent = {
    .kind = {.name = "tanh", .summary = "hyperbolic tangent"}, .forward = tanh_forward, .backward = tanh_backward};

static const struct activation_ops softplus = {
    .kind = {.name = "softplus", .summary = "log(1 + exp(x)), a smooth relu"},
    .forward = softplus_forward,
    .backward = softplus_backward};

static const struct activation_ops linear = {
    .kind = {.name = "linear", .summary = "the identity"}, .forward = linear_forward, .backward = linear_backward};

const struct kind_table activation_table = {
    .what = "activation",
    .plural = "activations",
    .kinds = (const struct kind *const[]){&relu.kind, &hyperbolic_tangent.kind, &softplus.kind, &linear.kind, NULL}};
