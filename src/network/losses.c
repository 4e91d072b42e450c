#include "network/losses.h"

#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "network/network.h"

void softmax_residual(int n, int classes, const float *z, const int16_t *labels, float *r)
{
    softmax(n, classes, z, r);
    for (int i = 0; i < n; i++, r += classes) {
        float others = 0.0f;
        r[labels[i]] = 0.0f;
        for (int j = 0; j < classes; j++)
            others += r[j];
        r[labels[i]] = -others;
    }
}

struct softmax_row softmax_row_of(int classes, const float *z)
{
    struct softmax_row row = {.largest = first_maximum(classes, z)};
    row.maximum = (double)z[row.largest];
    for (int j = 0; j < classes; j++)
        row.total += exp((double)z[j] - row.maximum);
    return row;
}

double softmax_at(const struct softmax_row *row, const float *z, int j)
{
    return exp((double)z[j] - row->maximum) / row->total;
}

double softmax_rest(const struct softmax_row *row, int classes, const float *z, int j)
{
    double rest = 0;
    for (int other = 0; other < classes; other++)
        if (other != j)
            rest += exp((double)z[other] - row->maximum);
    return rest / row->total;
}

struct softmax_motion softmax_motion_of(const struct softmax_row *row, int classes, const float *z, const float *t)
{
    struct softmax_motion motion = {.origin = (double)t[row->largest]};
    for (int j = 0; j < classes; j++)
        motion.mean += softmax_at(row, z, j) * ((double)t[j] - motion.origin);
    return motion;
}

double softmax_moved(const struct softmax_row *row, const struct softmax_motion *motion, const float *z, const float *t,
                     int j)
{
    return softmax_at(row, z, j) * ((double)t[j] - motion->origin - motion->mean);
}

void softmax_residual_along(int n, int classes, const float *z, float scale, const float *t, float *d)
{
    for (int i = 0; i < n; i++, z += classes, t += classes, d += classes) {
        const struct softmax_row row = softmax_row_of(classes, z);
        const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
        for (int j = 0; j < classes; j++)
            d[j] = (float)((double)scale * softmax_moved(&row, &motion, z, t, j));
    }
}

void outputs_along(output_move *move, const void *context, int classes, const float *z, float scale, const float *t,
                   float *d)
{
    const struct softmax_row row = softmax_row_of(classes, z);
    const struct softmax_motion motion = softmax_motion_of(&row, classes, z, t);
    double mean = 0, along = 0;
    for (int j = 0; j < classes; j++) {
        const double g = softmax_at(&row, z, j), moved = softmax_moved(&row, &motion, z, t, j);
        const struct output_motion u = move(context, g, moved, j);
        mean += g * u.slope;
        along += moved * u.slope + g * u.along;
    }
    for (int j = 0; j < classes; j++) {
        const double g = softmax_at(&row, z, j), moved = softmax_moved(&row, &motion, z, t, j);
        const struct output_motion u = move(context, g, moved, j);
        d[j] = (float)((double)scale * (moved * (u.slope - mean) + g * (u.along - along)));
    }
}

/* direction [classes] over its largest part, which is returned */
static double take_scale(int classes, float *direction)
{
    float largest = 0.0f;
    for (int j = 0; j < classes; j++)
        largest = fabsf(direction[j]) > largest ? fabsf(direction[j]) : largest;
    for (int j = 0; largest > 0.0f && j < classes; j++)
        direction[j] /= largest;
    return (double)largest;
}

void loss_direction(const struct choice *loss, int n, int classes, const float *logits, const int16_t *labels,
                    double *scale, float *direction)
{
    const struct loss_ops *const ops = (const struct loss_ops *)loss->kind;
    if (ops->direction != NULL) {
        ops->direction(loss->settings, n, classes, logits, labels, scale, direction);
        return;
    }
    ops->gradient(loss->settings, n, classes, logits, labels, 1.0f, direction);
    for (int i = 0; i < n; i++)
        scale[i] = take_scale(classes, direction + (int64_t)i * classes);
}

const struct kind_table loss_table = {
    .what = "loss",
    .plural = "losses",
    .kinds = (const struct kind *const[]){&loss_cross_entropy.kind, &loss_mse.kind, &loss_mse_logits.kind,
                                          &loss_rll.kind, &loss_nmse.kind, &loss_mae.kind, &loss_nce.kind,
                                          &loss_gce.kind, &loss_sce.kind, &loss_focal.kind, &loss_hinge.kind,
                                          &loss_exponential.kind, &loss_label_smoothing.kind, &loss_soft_bootstrap.kind,
                                          &loss_hard_bootstrap.kind, &loss_forward_correction.kind, NULL}};
