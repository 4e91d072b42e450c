/* layer_batch_norm.c - y = f(scale (x - mean) / sqrt(variance + epsilon) + shift), by channel.
 * In training mean and variance are the batch's, and the running ones follow: running += momentum (batch - running),
 * with the variance's estimate divided by count - 1, as in PyTorch. In evaluation they are the running ones.
 * Each way the batch is read twice: observed, then mapped. relu belongs to the map; no other pass is needed for it. */
#include <math.h>
#include <string.h>

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
    plan->kept = (2 * sizeof(double) / sizeof(float) + 7) * (size_t)channels; /* struct batch */
    plan->saved_per_sample = activation_saved(s->activation) * size;
    plan->flops_per_sample = 8.0 * (double)size;
    return STATUS_OK;
}

static int rows_of(const struct layer_pass *pass, int samples)
{
    return samples * pass->output_shape.height * pass->output_shape.width;
}

/* What a batch leaves in pass->kept, each [channels]. The sums are those of the direction that the pass goes. */
struct batch {
    double *sums, *products;
    float *mean, *inverse; /* of the deviation */
    float *scale, *shift;  /* y = scale x + shift */
    float *a, *b, *c;      /* dx = a dy + b x + c */
};

static struct batch batch_of(const struct layer_pass *pass)
{
    const size_t channels = (size_t)pass->output_shape.channels;
    double *const sums = (double *)(void *)pass->kept;
    float *const factors = (float *)(void *)(sums + 2 * channels);
    return (struct batch){.sums = sums,
                          .products = sums + channels,
                          .mean = factors,
                          .inverse = factors + channels,
                          .scale = factors + 2 * channels,
                          .shift = factors + 3 * channels,
                          .a = factors + 4 * channels,
                          .b = factors + 5 * channels,
                          .c = factors + 6 * channels};
}

/* relu goes with the map; others have a pass of their own. */
static bool is_relu(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    return activation_is_relu(s->activation);
}

static struct channel_map map_of(const struct layer_pass *pass, const struct batch *batch)
{
    return (struct channel_map){.scale = batch->scale, .shift = batch->shift, .relu = is_relu(pass)};
}

static void set_to_zero(const struct layer_pass *pass, const struct batch *batch)
{
    memset(batch->sums, 0, 2 * (size_t)pass->output_shape.channels * sizeof *batch->sums);
}

/* Share of this batch's statistics in the running ones. */
static float batch_share(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    if (pass->mode == PASS_TRAIN)
        return (float)s->momentum;
    return (float)((double)pass->batch / (double)(pass->estimated + pass->batch));
}

/* The mean of some pixels: near enough to all for squares of the distances from it to lose nothing. */
static void choose_origin(const struct layer_pass *pass, const struct batch *batch)
{
    enum { SOME = 32 };
    const int rows = rows_of(pass, pass->n), channels = pass->output_shape.channels, some = rows < SOME ? rows : SOME;
    memset(batch->mean, 0, (size_t)channels * sizeof *batch->mean);
    set_to_zero(pass, batch);
    channel_moments(some, channels, pass->inputs[0], batch->mean, batch->sums, batch->products);
    for (int c = 0; c < channels; c++)
        batch->mean[c] = (float)(batch->sums[c] / some);
    set_to_zero(pass, batch);
}

static void settle_map(const struct layer_pass *pass, const struct batch *batch)
{
    for (int c = 0; c < pass->output_shape.channels; c++) {
        batch->scale[c] = pass->parameters[SCALE][c] * batch->inverse[c];
        batch->shift[c] = pass->parameters[SHIFT][c] - batch->scale[c] * batch->mean[c];
    }
}

/* The batch's mean and variance from its moments, and the running ones after it. */
static void settle_statistics(const struct layer_pass *pass, const struct batch *batch)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass, pass->batch);
    const float share = batch_share(pass);
    for (int c = 0; c < pass->output_shape.channels; c++) {
        const double away = batch->sums[c] / rows, squares = fmax(batch->products[c] - away * batch->sums[c], 0);
        const float unbiased = (float)(squares / (rows > 1 ? rows - 1 : 1));
        batch->mean[c] = (float)((double)batch->mean[c] + away);
        batch->inverse[c] = (float)(1.0 / sqrt(squares / rows + s->epsilon));
        pass->states[RUNNING_MEAN][c] += share * (batch->mean[c] - pass->states[RUNNING_MEAN][c]);
        pass->states[RUNNING_VARIANCE][c] += share * (unbiased - pass->states[RUNNING_VARIANCE][c]);
    }
    settle_map(pass, batch);
}

static void batch_norm_observe(const struct layer_pass *pass)
{
    const struct batch batch = batch_of(pass);
    if (pass->first == 0)
        choose_origin(pass, &batch);
    channel_moments(rows_of(pass, pass->n), pass->output_shape.channels, pass->inputs[0], batch.mean, batch.sums,
                    batch.products);
    if (pass->first + pass->n == pass->batch)
        settle_statistics(pass, &batch);
}

static bool by_running_statistics(const struct layer_pass *pass)
{
    return pass->mode == PASS_EVALUATE || pass->mode == PASS_DIFFERENTIATE;
}

static void running_statistics(const struct layer_pass *pass, const struct batch *batch)
{
    const struct batch_norm_settings *const s = pass->settings;
    for (int c = 0; c < pass->output_shape.channels; c++) {
        batch->mean[c] = pass->states[RUNNING_MEAN][c];
        batch->inverse[c] = (float)(1.0 / sqrt((double)pass->states[RUNNING_VARIANCE][c] + s->epsilon));
    }
    settle_map(pass, batch);
}

static void batch_norm_forward(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass, pass->n), channels = pass->output_shape.channels;
    const struct batch batch = batch_of(pass);
    const struct channel_map map = map_of(pass, &batch);
    if (by_running_statistics(pass) && pass->first == 0)
        running_statistics(pass, &batch);
    channel_affine(rows, channels, &map, pass->inputs[0], pass->output);
    if (!map.relu)
        activation_forward(s->activation, rows, channels, NULL, pass->output, pass->saved);
}

/* With h = (x - mean) inverse, N rows, and dy after f':
 * dshift = sum of dy   dscale = sum of dy h   dx = scale inverse (dy - dshift / N - h dscale / N)
 * Running statistics do not follow x: in evaluation dx = scale inverse dy. */
static void settle_gradient(const struct layer_pass *pass, const struct batch *batch)
{
    const int rows = rows_of(pass, pass->batch);
    for (int i = 0; i < pass->output_shape.channels; i++) {
        const double inverse = (double)batch->inverse[i], dscale = batch->products[i] * inverse;
        const double factor = (double)pass->parameters[SCALE][i] * inverse;
        pass->d_parameters[SCALE][i] = (float)dscale;
        pass->d_parameters[SHIFT][i] = (float)batch->sums[i];
        batch->a[i] = (float)factor;
        if (by_running_statistics(pass)) {
            batch->b[i] = batch->c[i] = 0;
            continue;
        }
        batch->b[i] = (float)(-factor * inverse * dscale / rows);
        batch->c[i] =
            (float)(-factor * batch->sums[i] / rows + factor * inverse * dscale / rows * (double)batch->mean[i]);
    }
}

static void batch_norm_observe_back(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass, pass->n), channels = pass->output_shape.channels;
    const struct batch batch = batch_of(pass);
    const struct channel_map map = map_of(pass, &batch);
    if (pass->first == 0)
        set_to_zero(pass, &batch);
    if (!map.relu)
        activation_backward(s->activation, rows, channels, pass->output, pass->saved, pass->d_output, NULL);
    channel_products(rows, channels, &map, pass->d_output, pass->inputs[0], batch.mean, batch.sums, batch.products);
    if (pass->first + pass->n == pass->batch)
        settle_gradient(pass, &batch);
}

static void batch_norm_backward(const struct layer_pass *pass)
{
    const struct batch batch = batch_of(pass);
    const struct channel_map map = map_of(pass, &batch);
    if (pass->d_inputs[0] != NULL)
        channel_combine(rows_of(pass, pass->n), pass->output_shape.channels, &map, pass->d_output, pass->inputs[0],
                        batch.a, batch.b, batch.c, pass->d_inputs[0]);
}

/* By running statistics: no sample depends on another, and none has been observed. */
static void batch_norm_backward_each(const struct layer_pass *pass)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int pixels = rows_of(pass, 1), channels = pass->output_shape.channels;
    const struct batch batch = batch_of(pass);
    const struct channel_map map = map_of(pass, &batch);
    if (!map.relu)
        activation_backward(s->activation, pass->n * pixels, channels, pass->output, pass->saved, pass->d_output, NULL);
    for (int i = 0; i < pass->n; i++) {
        const size_t place = (size_t)i * (size_t)pixels * (size_t)channels;
        float *const row = pass->rows[0] + (size_t)i * 2 * (size_t)channels;
        set_to_zero(pass, &batch);
        channel_products(pixels, channels, &map, pass->d_output + place, pass->inputs[0] + place, batch.mean,
                         batch.sums, batch.products);
        for (int c = 0; c < channels; c++) {
            row[c] = (float)(batch.products[c] * (double)batch.inverse[c]);
            row[channels + c] = (float)batch.sums[c];
        }
    }
    for (int c = 0; c < channels; c++) {
        batch.a[c] = batch.scale[c];
        batch.b[c] = batch.c[c] = 0;
    }
    batch_norm_backward(pass);
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

/* With v and c the direction of scale and shift, h = (x - mean) inverse:
 * ty = f'(scale h + shift) (scale inverse tx + v h + c) */
static void batch_norm_forward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass, pass->n), channels = pass->output_shape.channels;
    const struct batch batch = batch_of(pass);
    const struct channel_map all = {.scale = batch.scale, .shift = batch.shift};
    const bool moves = along->inputs[0] != NULL;
    for (int c = 0; c < channels; c++) {
        batch.a[c] = moves ? batch.scale[c] : 0;
        batch.b[c] = along->parameters[SCALE][c] * batch.inverse[c];
        batch.c[c] = along->parameters[SHIFT][c] - batch.b[c] * batch.mean[c];
    }
    channel_combine(rows, channels, &all, moves ? along->inputs[0] : pass->inputs[0], pass->inputs[0], batch.a, batch.b,
                    batch.c, along->output);
    activation_forward_along(s->activation, rows, channels, pass->output, pass->saved, along->output, along->saved);
}

/* tdscale = sum of tdy h + dy tx inverse   tdshift = sum of tdy   tdx = scale inverse tdy + v inverse dy */
static void batch_norm_backward_along(const struct layer_pass *pass, const struct layer_pass *along)
{
    const struct batch_norm_settings *const s = pass->settings;
    const int rows = rows_of(pass, pass->n), channels = pass->output_shape.channels;
    const struct batch batch = batch_of(pass), other = batch_of(along);
    const struct channel_map all = {.scale = batch.scale, .shift = batch.shift};
    activation_backward_along(s->activation, rows, channels, pass->output, pass->saved, along->output, along->saved,
                              pass->d_output, along->d_output);
    set_to_zero(pass, &batch);
    set_to_zero(along, &other);
    memset(other.mean, 0, (size_t)channels * sizeof *other.mean);
    channel_products(rows, channels, &all, along->d_output, pass->inputs[0], batch.mean, batch.sums, batch.products);
    if (along->inputs[0] != NULL)
        channel_products(rows, channels, &all, pass->d_output, along->inputs[0], other.mean, other.sums,
                         other.products);
    for (int c = 0; c < channels; c++) {
        const double products = batch.products[c] + other.products[c];
        along->d_parameters[SCALE][c] = (float)(products * (double)batch.inverse[c]);
        along->d_parameters[SHIFT][c] = (float)batch.sums[c];
        batch.b[c] = along->parameters[SCALE][c] * batch.inverse[c];
        batch.c[c] = 0;
    }
    if (pass->d_inputs[0] == NULL)
        return;
    channel_combine(rows, channels, &all, along->d_output, pass->d_output, batch.scale, batch.b, batch.c,
                    along->d_inputs[0]);
    channel_combine(rows, channels, &all, pass->d_output, pass->d_output, batch.scale, batch.c, batch.c,
                    pass->d_inputs[0]);
}

const struct layer_ops layer_batch_norm = {
    .kind = {.name = "batch_norm",
             .summary = "each channel with mean 0 and variance 1, then scaled and shifted (Ioffe and Szegedy 2015)",
             .fields = batch_norm_fields},
    .plan = batch_norm_plan,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
    .observe = batch_norm_observe,
    .observe_back = batch_norm_observe_back,
    .backward_each = batch_norm_backward_each,
    .fold = batch_norm_fold,
    .forward_along = batch_norm_forward_along,
    .backward_along = batch_norm_backward_along};
