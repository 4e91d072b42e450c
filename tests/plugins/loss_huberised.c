/* loss_huberised.c - a loss as a user would write it, from the public headers alone.
 * sum over classes of h(z_j - e_j), h(d) = d^2 / 2 where abs(d) <= delta, else delta (abs(d) - delta / 2) */
#include <math.h>
#include <stddef.h>

#include "seedbed/loss.h"

extern const struct loss_ops loss_huberised;

struct huberised_settings {
    double delta;
};

static const struct field huberised_fields[] = {{.name = "delta",
                                                 .type = FIELD_REAL,
                                                 .offset = offsetof(struct huberised_settings, delta),
                                                 .default_text = "1",
                                                 .maximum = 1e6,
                                                 .flags = FIELD_ABOVE_MINIMUM,
                                                 .summary = "Where the square turns into a line."},
                                                {.name = NULL}};

static void huberised_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                            double *value)
{
    const double delta = ((const struct huberised_settings *)settings)->delta;
    for (int i = 0; i < n; i++) {
        value[i] = 0;
        for (int j = 0; j < classes; j++) {
            const double d = fabs((double)logits[i * classes + j] - (j == labels[i]));
            value[i] += d <= delta ? d * d / 2 : delta * (d - delta / 2);
        }
    }
}

static void huberised_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                               float scale, float *dlogits)
{
    const float delta = (float)((const struct huberised_settings *)settings)->delta;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < classes; j++) {
            const float d = logits[i * classes + j] - (j == labels[i] ? 1.0f : 0.0f);
            dlogits[i * classes + j] = scale * (d > delta ? delta : d < -delta ? -delta : d);
        }
}

const struct loss_ops loss_huberised = {
    .kind = {.name = "huberised", .summary = "Squared error with linear tails.", .fields = huberised_fields},
    .value = huberised_value,
    .gradient = huberised_gradient};
