/* layer_dropout.c - in training each value is left out with probability rate, else divided by 1 - rate.
 * Draws are counter-based: a function of seed, layer, step, the sample's place in the batch and the value's place in
 * the sample, in blocks of four. Saved: the factor of each value. */
#include <string.h>

#include "network/layers.h"
#include "seedbed/random.h"

static const struct field dropout_fields[] = {{.name = "rate",
                                               .type = FIELD_REAL,
                                               .offset = offsetof(struct dropout_settings, rate),
                                               .default_text = "0.5",
                                               .maximum = 1,
                                               .flags = FIELD_BELOW_MAXIMUM,
                                               .summary = "Probability that a value is left out of a training step."},
                                              {.name = NULL}};

enum { WORDS = 4 };

static size_t size_of(const struct layer_pass *pass)
{
    return (size_t)pass->output_shape.height * (size_t)pass->output_shape.width * (size_t)pass->output_shape.channels;
}

static enum status dropout_plan(const void *settings, int input_count, const struct shape *inputs,
                                struct layer_plan *plan, struct error *error)
{
    (void)settings;
    TRY(layer_single_input("dropout", input_count, error));
    plan->output = inputs[0];
    plan->saved_per_sample = (size_t)inputs[0].height * (size_t)inputs[0].width * (size_t)inputs[0].channels;
    plan->flops_per_sample = (double)plan->saved_per_sample;
    return STATUS_OK;
}

/* Factors of the values of the block's sample. Positions: the step, then sample and block, each in its own bits. */
static void draw_sample(const struct layer_pass *pass, int sample, float *factors)
{
    const struct dropout_settings *const s = pass->settings;
    const double words = 0x1p32;
    const uint32_t bound = (uint32_t)(s->rate * words);
    const float kept = (float)(1.0 / (1.0 - s->rate));
    const size_t size = size_of(pass), blocks = (size + WORDS - 1) / WORDS;
    for (size_t block = 0; block < blocks; block++) {
        uint32_t drawn[WORDS];
        const uint64_t within = (uint64_t)(pass->first + sample) * blocks + block;
        random_block(STREAM_DROPOUT, pass->seed, (uint32_t)pass->layer, ((uint64_t)pass->step << 32) + within, drawn);
        for (size_t i = 0; i < WORDS && block * WORDS + i < size; i++)
            factors[block * WORDS + i] = drawn[i] < bound ? 0.0f : kept;
    }
}

static void multiply(size_t count, const float *restrict factors, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = factors[i] * x[i];
}

static void dropout_forward(const struct layer_pass *pass)
{
    const size_t size = size_of(pass), count = size * (size_t)pass->n;
    if (pass->mode != PASS_TRAIN) {
        memcpy(pass->output, pass->inputs[0], count * sizeof(float));
        return;
    }
    for (int i = 0; i < pass->n; i++)
        draw_sample(pass, i, pass->saved + (size_t)i * size);
    multiply(count, pass->saved, pass->inputs[0], pass->output);
}

static void dropout_backward(const struct layer_pass *pass)
{
    const size_t count = size_of(pass) * (size_t)pass->n;
    if (pass->d_inputs[0] == NULL)
        return;
    if (pass->mode == PASS_TRAIN)
        multiply(count, pass->saved, pass->d_output, pass->d_inputs[0]);
    else
        memcpy(pass->d_inputs[0], pass->d_output, count * sizeof(float));
}

const struct layer_ops layer_dropout = {
    .kind = {.name = "dropout",
             .summary = "values left out at random in training (Srivastava et al. 2014)",
             .fields = dropout_fields},
    .linear = true,
    .plan = dropout_plan,
    .forward = dropout_forward,
    .backward = dropout_backward};
