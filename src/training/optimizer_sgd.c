/* optimizer_sgd.c - stochastic gradient descent, in the order of operations of PyTorch's:
 *   d = g + weight_decay w;  v = momentum v + d;  w -= rate (d + momentum v if nesterov else v)
 * v starts at zero, which makes the first v the first d. Without momentum there is no v: w -= rate d.
 * One pass over the block, in lanes of a fixed number, so that the sum of squares has one order everywhere. */
#include "training/optimizers.h"

#include <stdbool.h>

enum { LANES = 16 };

struct sgd_settings {
    double momentum, weight_decay;
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
    {.name = "nesterov",
     .type = FIELD_FLAG,
     .offset = offsetof(struct sgd_settings, nesterov),
     .default_text = "false",
     .summary = "Whether the step looks ahead along the momentum; needs momentum above 0."},
    {.name = "weight_decay",
     .type = FIELD_REAL,
     .offset = offsetof(struct sgd_settings, weight_decay),
     .default_text = "0",
     .maximum = 1e6,
     .summary = "Times the parameter, added to its gradient."},
    {.name = NULL}};

static enum status sgd_check(const void *settings, struct error *error)
{
    const struct sgd_settings *const sgd = settings;
    if (sgd->nesterov && !(sgd->momentum > 0))
        return fail(error, STATUS_BAD_SWEEP,
                    "nesterov is true and momentum is %g; nesterov needs momentum above 0, or set nesterov: false",
                    sgd->momentum);
    return STATUS_OK;
}

/* The step's constants, in the arithmetic's own precision. */
struct sgd_step {
    float rate, decay, momentum, ahead; /* ahead: momentum with nesterov, else 0 */
};

/* w, v, g [count], count a multiple of LANES; squares [LANES] is added to */
static void momentum_lanes(const struct sgd_step *step, int64_t count, const float *restrict g, float *restrict w,
                           float *restrict v, double *restrict squares)
{
    const struct sgd_step s = *step;
    for (int64_t i = 0; i < count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            const float gradient = g[i + l];
            const float d = gradient + s.decay * w[i + l];
            const float velocity = s.momentum * v[i + l] + d;
            const float direction = s.ahead == 0.0f ? velocity : d + s.ahead * velocity;
            v[i + l] = velocity;
            w[i + l] -= s.rate * direction;
            squares[l] += (double)gradient * (double)gradient;
        }
}

static double sgd_step_run(const void *settings, double learning_rate, int64_t step, int64_t count, const float *g,
                           float *w, float *v)
{
    (void)step;
    const struct sgd_settings *const sgd = settings;
    const struct sgd_step constants = {.rate = (float)learning_rate,
                                       .decay = (float)sgd->weight_decay,
                                       .momentum = (float)sgd->momentum,
                                       .ahead = sgd->nesterov ? (float)sgd->momentum : 0.0f};
    double squares[LANES] = {0}, total = 0;
    const int64_t whole = count / LANES * LANES;
    momentum_lanes(&constants, whole, g, w, v, squares);
    float rest[3][LANES] = {0};
    for (int64_t i = whole; i < count; i++) {
        rest[0][i - whole] = g[i];
        rest[1][i - whole] = w[i];
        rest[2][i - whole] = v[i];
    }
    momentum_lanes(&constants, LANES, rest[0], rest[1], rest[2], squares);
    for (int64_t i = whole; i < count; i++) {
        w[i] = rest[1][i - whole];
        v[i] = rest[2][i - whole];
    }
    for (int l = 0; l < LANES; l++)
        total += squares[l];
    return total;
}

const struct optimizer_ops optimizer_sgd = {.kind = {.name = "sgd",
                                                     .summary = "gradient descent with momentum and weight decay",
                                                     .fields = sgd_fields,
                                                     .check = sgd_check},
                                            .state_per_parameter = 1,
                                            .step = sgd_step_run};
