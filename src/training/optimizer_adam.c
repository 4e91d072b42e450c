/* optimizer_adam.c - Adam and AdamW, in PyTorch's order of operations:
 *   d = g + decay w (Adam)   or   w = w - rate decay w (AdamW)
 *   m = beta1 m + (1 - beta1) d       v = beta2 v + (1 - beta2) d^2
 *   w -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon),   t = 1, 2, ... */
#include <math.h>

#include "training/optimizers.h"

struct adam_settings {
    struct decay_settings decay;
    double beta1, beta2, epsilon;
};

/* clang-format off */
#define ADAM_FIELDS                                                                                    \
    {.name = "beta1", .type = FIELD_REAL, .offset = offsetof(struct adam_settings, beta1),             \
     .default_text = "0.9", .maximum = 1, .flags = FIELD_BELOW_MAXIMUM,                                \
     .summary = "Share of the mean gradient that each step keeps."},                                   \
    {.name = "beta2", .type = FIELD_REAL, .offset = offsetof(struct adam_settings, beta2),             \
     .default_text = "0.999", .maximum = 1, .flags = FIELD_BELOW_MAXIMUM,                              \
     .summary = "Share of the mean squared gradient that each step keeps."},                           \
    {.name = "epsilon", .type = FIELD_REAL, .offset = offsetof(struct adam_settings, epsilon),         \
     .default_text = "1e-8", .minimum = 1e-30, .maximum = 1e6,                                         \
     .summary = "Added to the root of the mean squared gradient, which the step is divided by."}
/* clang-format on */

static const struct field adam_fields[] = {
    ADAM_FIELDS,
    DECAY_FIELDS(struct adam_settings, "0", "Times the parameter, added to its gradient."),
    {.name = NULL}};

static const struct field adamw_fields[] = {
    ADAM_FIELDS,
    DECAY_FIELDS(struct adam_settings, "0.01", "Times rate and parameter, taken from the parameter before the step."),
    {.name = NULL}};

/* The step's constants, in the arithmetic's own precision. */
struct adam_step {
    float scale, decay, shrink; /* d = scale g + decay w; w times shrink */
    float beta1, rest1, beta2, rest2;
    float rate, root, epsilon; /* rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
};

/* g, w, m, v [count], count a multiple of LANES; squares [LANES] is added to */
static void adam_lanes(const struct adam_step *step, int64_t count, const float *restrict g, float *restrict w,
                       float *restrict m, float *restrict v, double *restrict squares)
{
    const struct adam_step s = *step;
    for (int64_t i = 0; i < count; i += OPTIMIZER_LANES)
        for (int l = 0; l < OPTIMIZER_LANES; l++) {
            const float gradient = g[i + l];
            const float d = s.scale * gradient + s.decay * w[i + l];
            const float mean = s.beta1 * m[i + l] + s.rest1 * d;
            const float square = s.beta2 * v[i + l] + s.rest2 * d * d;
            m[i + l] = mean;
            v[i + l] = square;
            w[i + l] = s.shrink * w[i + l] - s.rate * mean / (sqrtf(square) * s.root + s.epsilon);
            squares[l] += (double)gradient * (double)gradient;
        }
}

/* `shrink`: decay acts on the parameters, not through the gradient. */
static void adam_run(const struct optimizer_step *step, const struct optimizer_range *range, bool shrink)
{
    const struct adam_settings *const adam = step->settings;
    const double decay = decay_of(&adam->decay, range->weights), t = (double)step->step + 1;
    const struct adam_step constants = {.scale = (float)step->gradient_scale,
                                        .decay = shrink ? 0.0f : (float)decay,
                                        .shrink = shrink ? (float)(1 - step->learning_rate * decay) : 1.0f,
                                        .beta1 = (float)adam->beta1,
                                        .rest1 = (float)(1 - adam->beta1),
                                        .beta2 = (float)adam->beta2,
                                        .rest2 = (float)(1 - adam->beta2),
                                        .rate = (float)(step->learning_rate / (1 - pow(adam->beta1, t))),
                                        .root = (float)(1 / sqrt(1 - pow(adam->beta2, t))),
                                        .epsilon = (float)adam->epsilon};
    adam_lanes(&constants, range->count, range->gradient, range->parameters, range->state[0], range->state[1],
               range->squares);
}

static void adam_update(const struct optimizer_step *step, const struct optimizer_range *range)
{
    adam_run(step, range, false);
}

static void adamw_update(const struct optimizer_step *step, const struct optimizer_range *range)
{
    adam_run(step, range, true);
}

const struct optimizer_ops optimizer_adam = {
    .kind = {.name = "adam",
             .summary = "steps of the mean gradient over the root of its mean square (Kingma & Ba 2015)",
             .fields = adam_fields},
    .state_per_parameter = 2,
    .update = adam_update};

const struct optimizer_ops optimizer_adamw = {
    .kind = {.name = "adamw",
             .summary = "adam whose weight decay acts on the parameters themselves (Loshchilov & Hutter 2019)",
             .fields = adamw_fields},
    .state_per_parameter = 2,
    .update = adamw_update};
