/* layer_batch_norm.c - y = f(scale (x - mean) / sqrt(variance + epsilon) + shift), by channel.
 * In training mean and variance are the batch's, and the running ones follow: running += momentum (batch - running),
 * with the variance's estimate divided by count - 1, as in PyTorch. In evaluation they are the running ones.
 * Saved: [mean, 1/sqrt(variance + epsilon)], then what the activation keeps. */
#include <math.h>

#include "kernels/channels.h"
#include "network/activation.h"
#include "network/layers.h"
#include "network/network.h"

static const struct field batch_norm_fields[] = {{.name = "momentum",
                                                  .type = FIELD_REAL,
                                                  .offset = offsetof(struct batch_norm_settings, momentum),
                                                  .default_text = "0.1",
                                                  .maximum = 1,
                                                  .summary = "Share of a batch's statistics in the running ones."},
                                                 {.name = "epsilon",
                                                  .type = FIELD_REAL,
                                                  .offset = offsetof(struct batch_norm_settings, epsilon),
                                                  .default_text = "1e-5",
                                                  .maximum = 1,
                                                  .flags = FIELD_ABOVE_MINIMUM,
                                                  .summary = "Added to the variance."},
                                                 {.name = "activation",
                                                  .type = FIELD_NAME,
                                                  .offset = offsetof(struct batch_norm_settings, activation),
                                                  .default_text = "linear",
                                                  .kinds = &activation_table,
                                                  .summary = "The function applied to each output."},
                                                 {.name = NULL}};

enum { SCALE, SHIFT };
enum { RUNNING_MEAN, RUNNING_VARIANCE };

static struct tensor_spec tensor_of(const char *name, enum tensor_role role, int channels, float initial)
{
    struct tensor_spec tensor = {.role = role, .rank = 1, .dimensions = {channels}, .initial = initial};
    for (int i = 0; name[i] != '\0'; i++)
        tensor.name[i] = name[i];
    return tensor;
}

static enum status batch_norm_plan(const void *settings, int input_count, const struct shape *inputs,
                                   struct layer_plan *plan, struct error *error)
{
    const struct batch_norm_settings *const s = settings;
    TRY(layer_single_input("batch_norm", input_count, error));
    const int channels = inputs[0].channels;
    const size_t size = (size_t)inputs[0].height * (size_t)inputs[0].width * (size_t)channels;
    plan->output = inputs[0];
    plan->tensor_count = 2;
    plan->tensors[SCALE] = tensor_of("scale", TENSOR_SCALE, channels, 1);
    plan->tensors[SHIFT] = tensor_of("shift", TENSOR_SHIFT, channels, 0);
    plan->state_count = 2;
    plan->states[RUNNING_MEAN] = tensor_of("running_mean", TENSOR_STATE, channels, 0);
    plan->states[RUNNING_VARIANCE] = tensor_of("running_variance", TENSOR_STATE, channels, 1);
    plan->saved_fixed = 2 * (size_t)channels;
    plan->saved_per_sample = activation_saved(s->activation) * size;
    /* Two sums in double, three factors. */
    plan->scratch_fixed = 7 * (size_t)channels;
    plan->flops_per_sample = 8.0 * (double)size;
    return STATUS_OK;
}

static int rows_of(const struct layer_pass *pass)
{
    return pass->n * pass->output_shape.height * pass->output_shape.width;
}

/* Share of this batch's statistics in the running ones. */
static float batch_share(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    if (pass->mode == PASS_TRAIN)
        return (float)s->momentum;
    return (float)((double)pass->n / (double)(pass->estimated + pass->n));
}

/* The batch's mean and variance into saved, and into the running ones. */
static void batch_statistics(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass), channels = pass->output_shape.channels;
    float *const mean = pass->saved, *const inverse = pass->saved + channels;
    double *const sums = (double *)(void *)pass->scratch;
    const float share = batch_share(pass);
    channel_sums(rows, channels, pass->inputs[0], sums);
    for (int c = 0; c < channels; c++)
        mean[c] = (float)(sums[c] / rows);
    channel_squares(rows, channels, pass->inputs[0], mean, sums);
    for (int c = 0; c < channels; c++) {
        const float unbiased = (float)(sums[c] / (rows > 1 ? rows - 1 : 1));
        inverse[c] = (float)(1.0 / sqrt(sums[c] / rows + s->epsilon));
        pass->states[RUNNING_MEAN][c] += share * (mean[c] - pass->states[RUNNING_MEAN][c]);
        pass->states[RUNNING_VARIANCE][c] += share * (unbiased - pass->states[RUNNING_VARIANCE][c]);
    }
}

static void running_statistics(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int channels = pass->output_shape.channels;
    for (int c = 0; c < channels; c++) {
        pass->saved[c] = pass->states[RUNNING_MEAN][c];
        pass->saved[channels + c] = (float)(1.0 / sqrt((double)pass->states[RUNNING_VARIANCE][c] + s->epsilon));
    }
}

static void batch_norm_forward(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass), channels = pass->output_shape.channels;
    if (pass->mode == PASS_EVALUATE || pass->mode == PASS_DIFFERENTIATE)
        running_statistics(pass);
    else
        batch_statistics(pass);
    const float *const mean = pass->saved, *const inverse = pass->saved + channels;
    float *const scale = pass->scratch, *const shift = pass->scratch + channels;
    for (int c = 0; c < channels; c++) {
        scale[c] = pass->parameters[SCALE][c] * inverse[c];
        shift[c] = pass->parameters[SHIFT][c] - scale[c] * mean[c];
    }
    channel_affine(rows, channels, pass->inputs[0], scale, shift, pass->output);
    activation_forward(s->activation, rows, channels, NULL, pass->output, pass->saved + 2 * (size_t)channels);
}

/* With h = (x - mean) inverse, N rows, and dy after f':
 * dshift = sum of dy   dscale = sum of dy h   dx = scale inverse (dy - dshift / N - h dscale / N)
 * Running statistics do not follow x: in evaluation dx = scale inverse dy. */
static void batch_norm_backward(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass), channels = pass->output_shape.channels;
    const float *const mean = pass->saved, *const inverse = pass->saved + channels;
    double *const sums = (double *)(void *)pass->scratch, *const products = sums + channels;
    float *const a = pass->scratch + 4 * (size_t)channels, *const b = a + channels, *const c = b + channels;
    activation_backward(s->activation, rows, channels, pass->output, pass->saved + 2 * (size_t)channels, pass->d_output,
                        NULL);
    channel_products(rows, channels, pass->d_output, pass->inputs[0], mean, sums, products);
    for (int i = 0; i < channels; i++) {
        const double dscale = products[i] * (double)inverse[i];
        const double factor = (double)pass->parameters[SCALE][i] * (double)inverse[i];
        pass->d_parameters[SCALE][i] = (float)dscale;
        pass->d_parameters[SHIFT][i] = (float)sums[i];
        a[i] = (float)factor;
        if (pass->mode == PASS_DIFFERENTIATE) {
            b[i] = c[i] = 0;
            continue;
        }
        b[i] = (float)(-factor * (double)inverse[i] * dscale / rows);
        c[i] = (float)(-factor * sums[i] / rows + factor * (double)inverse[i] * dscale / rows * (double)mean[i]);
    }
    if (pass->d_inputs[0] != NULL)
        channel_combine(rows, channels, pass->d_output, pass->inputs[0], a, b, c, pass->d_inputs[0]);
}

/* By running statistics, which do not follow x: dx = scale inverse dy. */
static void batch_norm_backward_each(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass), channels = pass->output_shape.channels, pixels = rows / pass->n;
    const float *const mean = pass->saved, *const inverse = pass->saved + channels;
    double *const sums = (double *)(void *)pass->scratch, *const products = sums + channels;
    float *const factor = pass->scratch + 4 * (size_t)channels, *const zero = factor + channels;
    activation_backward(s->activation, rows, channels, pass->output, pass->saved + 2 * (size_t)channels, pass->d_output,
                        NULL);
    for (int i = 0; i < pass->n; i++) {
        const size_t place = (size_t)i * (size_t)pixels * (size_t)channels;
        float *const row = pass->rows[0] + (size_t)i * 2 * (size_t)channels;
        channel_products(pixels, channels, pass->d_output + place, pass->inputs[0] + place, mean, sums, products);
        for (int c = 0; c < channels; c++) {
            row[c] = (float)(products[c] * (double)inverse[c]);
            row[channels + c] = (float)sums[c];
        }
    }
    for (int c = 0; c < channels; c++) {
        factor[c] = pass->parameters[SCALE][c] * inverse[c];
        zero[c] = 0;
    }
    if (pass->d_inputs[0] != NULL)
        channel_affine(rows, channels, pass->d_output, factor, zero, pass->d_inputs[0]);
}

static void batch_norm_fold(const struct layer_pass *pass, size_t row, float *weights)
{
    const struct batch_norm_settings *const s = pass->settings;
    for (int c = 0; c < pass->output_shape.channels; c++) {
        const double deviation = sqrt((double)pass->states[RUNNING_VARIANCE][c] + s->epsilon);
        const double factor = (double)pass->parameters[SCALE][c] / deviation;
        for (size_t i = 0; i < row; i++)
            weights[(size_t)c * row + i] = (float)((double)weights[(size_t)c * row + i] * factor);
    }
}

const struct layer_ops layer_batch_norm = {
    .kind = {.name = "batch_norm",
             .summary = "each channel with mean 0 and variance 1, then scaled and shifted (Ioffe and Szegedy 2015)",
             .fields = batch_norm_fields},
    .plan = batch_norm_plan,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
    .backward_each = batch_norm_backward_each,
    .fold = batch_norm_fold};
