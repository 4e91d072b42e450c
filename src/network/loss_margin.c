/* loss_margin.c - losses of the differences between the label's logit and the others: hinge, exponential.
 * hinge: max(0, margin - (z_y - largest other)); the gradient goes to the first of equal others, and is 0 at the kink.
 * exponential: sum over j != y of exp(z_j - z_y). Above EXPONENT_MAX that is beyond what a mean over samples can hold,
 * so there it stays; the gradient is then the largest float. */
#include <float.h>
#include <math.h>
#include <stddef.h>

#include "network/losses.h"

enum { EXPONENT_MAX = 650 };

struct hinge_settings {
    double margin;
};

/* Position of the largest logit but the label's. NaN counts as largest: what it spoils must show. */
static int largest_other(int classes, const float *z, int label)
{
    int largest = label == 0 && classes > 1 ? 1 : 0;
    for (int j = largest + 1; j < classes; j++)
        if (j != label && (z[j] > z[largest] || isnan(z[j])))
            largest = j;
    return largest;
}

static void hinge_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                        double *value)
{
    const double margin = ((const struct hinge_settings *)settings)->margin;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const double lack = margin - ((double)z[labels[i]] - (double)z[largest_other(classes, z, labels[i])]);
        value[i] = lack <= 0 ? 0 : lack;
    }
}

/* 0 times the difference makes logits that are not finite show in the gradient. */
static void hinge_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                           float scale, float *dlogits)
{
    const double margin = ((const struct hinge_settings *)settings)->margin;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        float *const dz = dlogits + (int64_t)i * classes;
        const int other = largest_other(classes, z, labels[i]);
        const double difference = (double)z[labels[i]] - (double)z[other];
        for (int j = 0; j < classes; j++)
            dz[j] = 0.0f;
        dz[other] = (margin > difference ? scale : 0.0f) + (float)(0 * difference);
        dz[labels[i]] = -dz[other];
    }
}

static double exponential_of(double difference)
{
    return exp(difference > EXPONENT_MAX ? EXPONENT_MAX : difference) + 0 * difference;
}

static void exponential_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                              double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        value[i] = 0;
        for (int j = 0; j < classes; j++)
            value[i] += j == labels[i] ? 0 : exponential_of((double)z[j] - (double)z[labels[i]]);
    }
}

/* Straight but for the kink. */
static void hinge_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                 float scale, const float *along, float *d_along)
{
    const int64_t count = (int64_t)n * classes;
    (void)settings;
    (void)logits;
    (void)labels;
    (void)scale;
    (void)along;
    for (int64_t i = 0; i < count; i++)
        d_along[i] = 0.0f;
}

static float float_within(double x)
{
    return x > (double)FLT_MAX ? FLT_MAX : x < -(double)FLT_MAX ? -FLT_MAX : (float)x;
}

static void exponential_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                 float scale, float *dlogits)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        float *const dz = dlogits + (int64_t)i * classes;
        double sum = 0;
        for (int j = 0; j < classes; j++) {
            const double e = j == labels[i] ? 0 : exponential_of((double)z[j] - (double)z[labels[i]]);
            sum += e;
            dz[j] = float_within((double)scale * e);
        }
        dz[labels[i]] = float_within((double)scale * -sum);
    }
}

static void exponential_gradient_along(const void *settings, int n, int classes, const float *logits,
                                       const int16_t *labels, float scale, const float *along, float *d_along)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const float *const t = along + (int64_t)i * classes;
        float *const d = d_along + (int64_t)i * classes;
        const int label = labels[i];
        double sum = 0;
        for (int j = 0; j < classes; j++) {
            const double e = j == label ? 0 : exponential_of((double)z[j] - (double)z[label]);
            const double moved = e * ((double)t[j] - (double)t[label]);
            sum += moved;
            d[j] = float_within((double)scale * moved);
        }
        d[label] = float_within((double)scale * -sum);
    }
}

static const struct field hinge_fields[] = {{.name = "margin",
                                             .type = FIELD_REAL,
                                             .offset = offsetof(struct hinge_settings, margin),
                                             .default_text = "1",
                                             .maximum = 1e6,
                                             .summary = "How far the label's logit is to be above all others."},
                                            {.name = NULL}};

const struct loss_ops loss_hinge = {
    .kind = {.name = "hinge", .summary = "max(0, margin - (z_y - largest other z_j))", .fields = hinge_fields},
    .value = hinge_value,
    .gradient = hinge_gradient,
    .gradient_along = hinge_gradient_along};

const struct loss_ops loss_exponential = {
    .kind = {.name = "exponential", .summary = "sum over the others of exp(z_j - z_y) (Banburski et al. 2021)"},
    .value = exponential_value,
    .gradient = exponential_gradient,
    .gradient_along = exponential_gradient_along};
