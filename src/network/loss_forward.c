/* loss_forward.c - forward correction for known label noise: -log(sum over true classes i of g_i T_iy), where T_iy is
 * the probability that class i is labelled y. T belongs to the label noise of the same name and rate, or is given. With
 * h the softmax of z_i + log T_iy, dL/dz = g - h. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/transition.h"
#include "kernels/logsumexp.h"
#include "network/losses.h"

struct forward_settings {
    const struct kind *noise; /* struct transition_kind */
    double rate;
    struct real_matrix matrix;
};

typedef double transition(const struct forward_settings *settings, int classes, int from, int to);

static double symmetric_transition(const struct forward_settings *settings, int classes, int from, int to)
{
    return from == to ? 1 - settings->rate : settings->rate / (classes - 1);
}

static double uniform_transition(const struct forward_settings *settings, int classes, int from, int to)
{
    return (from == to ? 1 - settings->rate : 0) + settings->rate / classes;
}

static double pair_transition(const struct forward_settings *settings, int classes, int from, int to)
{
    return (from == to ? 1 - settings->rate : 0) + ((from + 1) % classes == to ? settings->rate : 0);
}

static double matrix_transition(const struct forward_settings *settings, int classes, int from, int to)
{
    return settings->matrix.values[(int64_t)from * classes + to];
}

struct transition_kind {
    struct kind kind;
    transition *of;
};

static const struct transition_kind symmetric = {{.name = "symmetric"}, symmetric_transition};
static const struct transition_kind uniform = {{.name = "uniform"}, uniform_transition};
static const struct transition_kind pair = {{.name = "pair"}, pair_transition};
static const struct transition_kind class_conditional = {{.name = "class_conditional"}, matrix_transition};

static const struct kind_table transition_table = {
    .what = "noise",
    .kinds = (const struct kind *const[]){&symmetric.kind, &uniform.kind, &pair.kind, &class_conditional.kind, NULL}};

static double transition_of(const struct forward_settings *settings, int classes, int from, int to)
{
    return ((const struct transition_kind *)(const void *)settings->noise)->of(settings, classes, from, to);
}

/* A label that no class can have would have an infinite loss. */
static enum status check_labels(const struct real_matrix *matrix, struct error *error)
{
    for (int label = 0; label < matrix->columns; label++) {
        double sum = 0;
        for (int i = 0; i < matrix->rows; i++)
            sum += matrix->values[i * matrix->columns + label];
        if (!(sum > 0))
            return fail(
                error, STATUS_BAD_SWEEP,
                "column %d of matrix is 0: no sample could be labelled %d, and the loss of one that is would be "
                "infinite; give some class a probability above 0",
                label, label);
    }
    return STATUS_OK;
}

static enum status forward_check(const void *settings, struct error *error)
{
    const struct forward_settings *const forward = settings;
    const bool given = forward->matrix.rows > 0;
    if (forward->noise != &class_conditional.kind)
        return given ? fail(error, STATUS_BAD_SWEEP,
                            "a matrix is given, but noise is %s; write noise: class_conditional, or leave out matrix",
                            forward->noise->name)
                     : STATUS_OK;
    if (!given)
        return fail(error, STATUS_BAD_SWEEP, "noise: class_conditional needs a matrix");
    TRY(transition_check(&forward->matrix, error));
    return check_labels(&forward->matrix, error);
}

static int forward_classes(const void *settings)
{
    return ((const struct forward_settings *)settings)->matrix.rows;
}

/* The labelled class as seen through T: sum of T_iy exp(z_i - maximum), maximum over the i with T_iy above 0. */
struct seen {
    double maximum, total;
};

static struct seen seen_of(const struct forward_settings *settings, int classes, const float *z, int label)
{
    struct seen seen = {.maximum = -INFINITY};
    for (int i = 0; i < classes; i++)
        if (transition_of(settings, classes, i, label) > 0 && (double)z[i] > seen.maximum)
            seen.maximum = (double)z[i];
    for (int i = 0; i < classes; i++) {
        const double t = transition_of(settings, classes, i, label);
        seen.total += t > 0 ? t * exp((double)z[i] - seen.maximum) : 0;
    }
    return seen;
}

/* Where the label is likely, -log1p of minus what is missing keeps its digits. */
static void forward_value(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                          double *value)
{
    for (int i = 0; i < n; i++) {
        const float *const z = logits + (int64_t)i * classes;
        const struct softmax_row row = softmax_row_of(classes, z);
        const struct seen seen = seen_of(settings, classes, z, labels[i]);
        double missing = 0;
        for (int j = 0; j < classes; j++)
            missing += softmax_at(&row, z, j) * (1 - transition_of(settings, classes, j, labels[i]));
        value[i] = missing < 0.5
                       ? -log1p(-missing)
                       : logsumexp_minus(classes, z, row.largest) + (row.maximum - seen.maximum) - log(seen.total);
    }
}

/* Sum of g_i (T_iy - T_ky) for the largest logit k: what the label is likelier than from k alone. */
static double excess_of(const struct forward_settings *settings, const struct softmax_row *row, int classes,
                        const float *z, int label)
{
    const double t_largest = transition_of(settings, classes, row->largest, label);
    double excess = 0;
    for (int i = 0; i < classes; i++)
        excess += softmax_at(row, z, i) * (transition_of(settings, classes, i, label) - t_largest);
    return excess;
}

/* g_j - h_j = g_j (T_ky - T_jy + excess) / (T_ky + excess), where equal T cancel to nothing; but where the largest
 * logit cannot be labelled so, that divisor may vanish, and h_j stands for itself. */
static void forward_row_gradient(const struct forward_settings *settings, int classes, const float *z, int label,
                                 float scale, float *dz)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct seen seen = seen_of(settings, classes, z, label);
    const double t_largest = transition_of(settings, classes, row.largest, label);
    const double excess = excess_of(settings, &row, classes, z, label);
    double others = 0;
    for (int j = 0; j < classes; j++)
        if (j != row.largest) {
            const double t = transition_of(settings, classes, j, label), g = softmax_at(&row, z, j);
            const double h = t > 0 ? t * exp((double)z[j] - seen.maximum) / seen.total : 0;
            const double d = t_largest > 0 ? g * (t_largest - t + excess) / (t_largest + excess) : g - h;
            others += d;
            dz[j] = (float)((double)scale * d);
        }
    dz[row.largest] = (float)((double)scale * -others);
}

static void forward_gradient(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                             float scale, float *dlogits)
{
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        forward_row_gradient(settings, classes, logits + row, labels[i], scale, dlogits + row);
    }
}

/* The gradient is g - h, h the softmax among the classes that may be labelled so, weighed by T. */
static void forward_row_along(const struct forward_settings *settings, int classes, const float *z, int label,
                              float scale, const float *t, float *d)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
    const struct seen seen = seen_of(settings, classes, z, label);
    double mean = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int j = 0; j < classes; j++) {
            const double likely = transition_of(settings, classes, j, label);
            const double h = likely > 0 ? likely * exp((double)z[j] - seen.maximum) / seen.total : 0;
            const double away = (double)t[j] - motion.origin;
            if (pass == 0)
                mean += h * away;
            else
                d[j] = (float)((double)scale * (softmax_moved(&row, &motion, z, t, j) - h * (away - mean)));
        }
}

static void forward_gradient_along(const void *settings, int n, int classes, const float *logits, const int16_t *labels,
                                   float scale, const float *along, float *d_along)
{
    for (int i = 0; i < n; i++) {
        const int64_t row = (int64_t)i * classes;
        forward_row_along(settings, classes, logits + row, labels[i], scale, along + row, d_along + row);
    }
}

static const struct field forward_fields[] = {
    {.name = "noise",
     .type = FIELD_NAME,
     .offset = offsetof(struct forward_settings, noise),
     .default_text = "symmetric",
     .kinds = &transition_table,
     .summary = "The label noise to correct for; data.label_noise need not be the same."},
    {.name = "rate",
     .type = FIELD_REAL,
     .offset = offsetof(struct forward_settings, rate),
     .default_text = "0.2",
     .maximum = 1,
     .summary = "The noise rate to correct for; 0 is cross-entropy. Of class_conditional the matrix says all."},
    {.name = "matrix",
     .type = FIELD_MATRIX,
     .offset = offsetof(struct forward_settings, matrix),
     .default_text = "[]",
     .maximum = 1,
     .summary = "Of class_conditional: a row for each true class with the probability of each label."},
    {.name = NULL}};

const struct loss_ops loss_forward_correction = {
    .kind = {.name = "forward_correction",
             .summary = "-log(sum of g_i P(labelled y if i is true)), for known label noise (Patrini et al. 2017)",
             .fields = forward_fields,
             .check = forward_check},
    .classes = forward_classes,
    .value = forward_value,
    .gradient = forward_gradient,
    .gradient_along = forward_gradient_along};
