/* optimizer_sgd.c - momentum in PyTorch's form, where the rate multiplies the velocity:
 *   d = g + decay w,   v = momentum v + (1 - dampening) d,   w -= rate (d + momentum v with nesterov else v)
 * The first v is the first d, undamped. Without momentum there is no v: w -= rate d. */
#include "training/optimizers.h"

struct sgd_settings {
    struct decay_settings decay;
    double momentum, dampening;
    bool nesterov;
};

static const struct field sgd_fields[] = {
    {.name = "momentum",
     .type = FIELD_REAL,
     .offset = offsetof(struct sgd_settings, momentum),
     .default_text = "0.9",
     .maximum = 1,
     .flags = FIELD_BELOW_MAXIMUM,
     .summary = "Share of the last step's direction that is kept."},
    {.name = "dampening",
     .type = FIELD_REAL,
     .offset = offsetof(struct sgd_settings, dampening),
     .default_text = "0",
     .maximum = 1,
     .summary = "Share of the gradient that momentum leaves out, but for the first step."},
    {.name = "nesterov",
     .type = FIELD_FLAG,
     .offset = offsetof(struct sgd_settings, nesterov),
     .default_text = "false",
     .summary = "Whether the step looks ahead along the momentum; needs momentum above 0 and no dampening."},
    DECAY_FIELDS(struct sgd_settings, "0", "Times the parameter, added to its gradient."),
    {.name = NULL}};

static enum status sgd_check(const void *settings, struct error *error)
{
    const struct sgd_settings *const sgd = settings;
    if (sgd->nesterov && !(sgd->momentum > 0))
        return fail(error, STATUS_BAD_SWEEP,
                    "nesterov is true and momentum is %g; nesterov needs momentum above 0, or set nesterov: false",
                    sgd->momentum);
    if (sgd->nesterov && sgd->dampening > 0)
        return fail(error, STATUS_BAD_SWEEP,
                    "nesterov is true and dampening is %g; nesterov needs dampening 0, or set nesterov: false",
                    sgd->dampening);
    return STATUS_OK;
}

/* The step's constants, in the arithmetic's own precision. */
struct sgd_step {
    float rate, scale, decay, momentum, taken; /* taken: share of d that goes into the velocity */
    float ahead;                               /* momentum with nesterov, else 0 */
};

/* w, v, g [count], count a multiple of LANES; squares [LANES] is added to */
static void sgd_lanes(const struct sgd_step *step, int64_t count, const float *restrict g, float *restrict w,
                      float *restrict v, double *restrict squares)
{
    const struct sgd_step s = *step;
    for (int64_t i = 0; i < count; i += OPTIMIZER_LANES)
        for (int l = 0; l < OPTIMIZER_LANES; l++) {
            const float gradient = g[i + l];
            const float d = s.scale * gradient + s.decay * w[i + l];
            const float velocity = s.momentum * v[i + l] + s.taken * d;
            const float direction = s.ahead == 0.0f ? velocity : d + s.ahead * velocity;
            v[i + l] = velocity;
            w[i + l] -= s.rate * direction;
            squares[l] += (double)gradient * (double)gradient;
        }
}

static void sgd_update(const struct optimizer_step *step, const struct optimizer_range *range)
{
    const struct sgd_settings *const sgd = step->settings;
    const bool damped = sgd->momentum > 0 && step->step > 0;
    const struct sgd_step constants = {.rate = (float)step->learning_rate,
                                       .scale = (float)step->gradient_scale,
                                       .decay = (float)decay_of(&sgd->decay, range->weights),
                                       .momentum = (float)sgd->momentum,
                                       .taken = damped ? (float)(1 - sgd->dampening) : 1.0f,
                                       .ahead = sgd->nesterov ? (float)sgd->momentum : 0.0f};
    sgd_lanes(&constants, range->count, range->gradient, range->parameters, range->state[0], range->squares);
}

const struct optimizer_ops optimizer_sgd = {.kind = {.name = "sgd",
                                                     .summary = "gradient descent with momentum and weight decay",
                                                     .fields = sgd_fields,
                                                     .check = sgd_check},
                                            .state_per_parameter = 1,
                                            .update = sgd_update};
