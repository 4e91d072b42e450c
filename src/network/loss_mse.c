/* loss_mse.c - squared error, summed over the classes: of the softmax outputs, or of the logits themselves.
 * mse: sum (g_j - e_j)^2, dz_j = g_j (u_j - sum of g_m u_m) with u = 2 (g - e);  mse_logits: sum (z_j - e_j)^2. */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "network/losses.h"

/* Sum of squares of g - e; the label's own residual is minus the sum of the others. */
static double residual_squares(int classes, const float *z, int label)
{
    const double maximum = (double)z[first_maximum(classes, z)];
    double total = 0, others = 0, squares = 0;
    for (int j = 0; j < classes; j++) {
        const double e = exp((double)z[j] - maximum);
        total += e;
        others += j == label ? 0 : e;
        squares += j == label ? 0 : e * e;
    }
    return (others * others + squares) / (total * total);
}

static void mse_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                      double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++)
        value[i] = residual_squares(classes, logits + (int64_t)i * classes, labels[i]);
}

/* g [classes] becomes scale dL/dz. u = 2 r with r_j = g_j, but for the label minus the sum of the others. The largest
 * output's r is taken off all first, and its own dz is minus the sum of the others': no digits are lost, whatever the
 * network is sure of. */
static void mse_row_gradient(int classes, int label, int largest, float scale, float *g)
{
    float r_label = 0.0f, mean = 0.0f, others = 0.0f;
    for (int j = 0; j < classes; j++)
        r_label -= j == label ? 0.0f : g[j];
    const float r_largest = largest == label ? r_label : g[largest];
    for (int j = 0; j < classes; j++)
        mean += g[j] * ((j == label ? r_label : g[j]) - r_largest);
    for (int j = 0; j < classes; j++) {
        const float r = j == label ? r_label : g[j];
        g[j] = j == largest ? 0.0f : 2.0f * scale * g[j] * (r - r_largest - mean);
        others += g[j];
    }
    g[largest] = -others;
}

static void mse_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                         float scale, float *dlogits)
{
    (void)settings;
    softmax(n, classes, logits, dlogits);
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        mse_row_gradient(classes, labels[i], first_maximum(classes, logits + row), scale, dlogits + row);
    }
}

/* u = 2 (g - e). label: an int */
static struct output_motion mse_move(const void *label, double g, double moved, int j)
{
    return (struct output_motion){.slope = 2 * (g - (j == *(const int *)label)), .along = 2 * moved};
}

static void mse_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                               float scale, const float *along, float *d_along)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        const int label = labels[i];
        outputs_along(mse_move, &label, classes, logits + row, scale, along + row, d_along + row);
    }
}

static void mse_logits_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                             double *value)
{
    (void)settings;
    for (int i = 0; i < n; i++) {
        value[i] = 0;
        for (int j = 0; j < classes; j++) {
            const double difference = (double)logits[(int64_t)i * classes + j] - (j == labels[i]);
            value[i] += difference * difference;
        }
    }
}

static void mse_logits_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                float scale, float *dlogits)
{
    (void)settings;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < classes; j++) {
            const int64_t at = (int64_t)i * classes + j;
            dlogits[at] = 2.0f * scale * (logits[at] - (j == labels[i] ? 1.0f : 0.0f));
        }
}

static void mse_logits_gradient_along(const void *settings, int n, int classes, const float *logits,
                                      const int16_t *labels, float scale, const float *along, float *d_along)
{
    const int64_t count = (int64_t)n * classes;
    (void)settings;
    (void)logits;
    (void)labels;
    for (int64_t i = 0; i < count; i++)
        d_along[i] = 2.0f * scale * along[i];
}

const struct loss_ops loss_mse = {
    .kind = {.name = "mse", .summary = "squared error of the softmax outputs, summed over the classes"},
    .value = mse_value,
    .gradient = mse_gradient,
    .gradient_along = mse_gradient_along};

const struct loss_ops loss_mse_logits = {
    .kind = {.name = "mse_logits", .summary = "squared error of the logits themselves, summed over the classes"},
    .value = mse_logits_value,
    .gradient = mse_logits_gradient,
    .gradient_along = mse_logits_gradient_along};
