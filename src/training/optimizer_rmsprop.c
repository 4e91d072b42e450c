/* optimizer_rmsprop.c - RMSprop, in PyTorch's order of operations:
 *   d = g + decay w,   s = alpha s + (1 - alpha) d^2,   a = alpha a + (1 - alpha) d (centered, else a = 0),
 *   r = d / (sqrt(s - a^2) + epsilon),   v = momentum v + r,   w -= rate v
 * Where rounding takes s - a^2 below zero, it counts as zero. */
#include <math.h>

#include "training/optimizers.h"

struct rmsprop_settings {
    struct decay_settings decay;
    double alpha, epsilon, momentum;
    bool centered;
};

static const struct field rmsprop_fields[] = {
    {.name = "alpha",
     .type = FIELD_REAL,
     .offset = offsetof(struct rmsprop_settings, alpha),
     .default_text = "0.99",
     .maximum = 1,
     .flags = FIELD_BELOW_MAXIMUM,
     .summary = "Share of the mean squared gradient that each step keeps."},
    {.name = "epsilon",
     .type = FIELD_REAL,
     .offset = offsetof(struct rmsprop_settings, epsilon),
     .default_text = "1e-8",
     .minimum = 1e-30,
     .maximum = 1e6,
     .summary = "Added to the root of the mean squared gradient, which the gradient is divided by."},
    {.name = "momentum",
     .type = FIELD_REAL,
     .offset = offsetof(struct rmsprop_settings, momentum),
     .default_text = "0",
     .maximum = 1,
     .flags = FIELD_BELOW_MAXIMUM,
     .summary = "Share of the last step's direction that is kept."},
    {.name = "centered",
     .type = FIELD_FLAG,
     .offset = offsetof(struct rmsprop_settings, centered),
     .default_text = "false",
     .summary = "Whether the squared mean gradient is taken from the mean squared gradient."},
    DECAY_FIELDS(struct rmsprop_settings, "0", "Times the parameter, added to its gradient."),
    {.name = NULL}};

/* The step's constants, in the arithmetic's own precision. */
struct rmsprop_step {
    float scale, decay, alpha, rest, epsilon, momentum, rate;
};

/* Arrays [count], count a multiple of LANES; squares [LANES] is added to. The flags are known where this is inlined. */
static inline void rmsprop_lanes(const struct rmsprop_step s, bool centered, bool momentum, int64_t count,
                                 const float *restrict g, float *restrict w, float *restrict square,
                                 float *restrict velocity, float *restrict mean, double *restrict squares)
{
    for (int64_t i = 0; i < count; i += OPTIMIZER_LANES)
        for (int l = 0; l < OPTIMIZER_LANES; l++) {
            const float gradient = g[i + l];
            const float d = s.scale * gradient + s.decay * w[i + l];
            float spread = square[i + l] = s.alpha * square[i + l] + s.rest * d * d;
            if (centered) {
                const float a = mean[i + l] = s.alpha * mean[i + l] + s.rest * d;
                spread -= a * a;
                spread = spread > 0.0f ? spread : 0.0f;
            }
            float direction = d / (sqrtf(spread) + s.epsilon);
            if (momentum)
                direction = velocity[i + l] = s.momentum * velocity[i + l] + direction;
            w[i + l] -= s.rate * direction;
            squares[l] += (double)gradient * (double)gradient;
        }
}

static void rmsprop_update(const struct optimizer_step *step, const struct optimizer_range *range)
{
    const struct rmsprop_settings *const rmsprop = step->settings;
    const struct rmsprop_step constants = {.scale = (float)step->gradient_scale,
                                           .decay = (float)decay_of(&rmsprop->decay, range->weights),
                                           .alpha = (float)rmsprop->alpha,
                                           .rest = (float)(1 - rmsprop->alpha),
                                           .epsilon = (float)rmsprop->epsilon,
                                           .momentum = (float)rmsprop->momentum,
                                           .rate = (float)step->learning_rate};
    const bool momentum = rmsprop->momentum > 0;
    float *const *const state = range->state;
    if (rmsprop->centered && momentum)
        rmsprop_lanes(constants, true, true, range->count, range->gradient, range->parameters, state[0], state[1],
                      state[2], range->squares);
    else if (rmsprop->centered)
        rmsprop_lanes(constants, true, false, range->count, range->gradient, range->parameters, state[0], state[1],
                      state[2], range->squares);
    else if (momentum)
        rmsprop_lanes(constants, false, true, range->count, range->gradient, range->parameters, state[0], state[1],
                      state[2], range->squares);
    else
        rmsprop_lanes(constants, false, false, range->count, range->gradient, range->parameters, state[0], state[1],
                      state[2], range->squares);
}

const struct optimizer_ops optimizer_rmsprop = {
    .kind = {.name = "rmsprop",
             .summary = "steps of the gradient over the root of its mean square (Tieleman & Hinton 2012)",
             .fields = rmsprop_fields},
    .state_per_parameter = 3,
    .update = rmsprop_update};
