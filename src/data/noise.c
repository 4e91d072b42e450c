/* noise.c - label noise. Each sample's draw is the block of random words at its position: no draw depends on another.
 * Kinds with a rate flip the samples whose first number is below it: at the same seed and rate they flip the same
 * samples, and what a low rate flips a higher one flips too. */
#include <stddef.h>

#include "data/noise.h"
#include "seedbed/random.h"

double noise_unit(const struct label_noise_request *request, int i, uint32_t words[4])
{
    random_block(STREAM_NOISE, request->seed, request->substream, (uint64_t)request->index[i], words);
    return (double)(((uint64_t)words[0] << 32 | words[1]) >> 11) * 0x1p-53;
}

/* One of `count` numbers, uniformly to within count / 2^32. */
static int16_t below(const uint32_t words[4], int count)
{
    return (int16_t)((uint64_t)words[2] * (uint32_t)count >> 32);
}

typedef int16_t flip(const uint32_t words[4], int classes, int16_t true_label);

static int16_t symmetric_flip(const uint32_t words[4], int classes, int16_t true_label)
{
    const int16_t other = below(words, classes - 1);
    return (int16_t)(other + (other >= true_label));
}

static int16_t uniform_flip(const uint32_t words[4], int classes, int16_t true_label)
{
    (void)true_label;
    return below(words, classes);
}

static int16_t pair_flip(const uint32_t words[4], int classes, int16_t true_label)
{
    (void)words;
    return (int16_t)((true_label + 1) % classes);
}

static enum status rate_draw(const struct label_noise_request *request, flip *flipped, int16_t *labels)
{
    const double rate = ((const struct rate_settings *)request->settings)->rate;
    for (int i = 0; i < request->n; i++) {
        uint32_t words[4];
        const bool flips = noise_unit(request, i, words) < rate;
        labels[i] = request->true_labels[i];
        if (flips)
            labels[i] = flipped(words, request->classes, labels[i]);
    }
    return STATUS_OK;
}

static enum status none_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    for (int i = 0; i < request->n; i++)
        labels[i] = request->true_labels[i];
    return STATUS_OK;
}

static enum status observed_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    for (int i = 0; i < request->n; i++)
        labels[i] = request->observed_labels[i];
    return STATUS_OK;
}

static enum status symmetric_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    return rate_draw(request, symmetric_flip, labels);
}

static enum status uniform_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    return rate_draw(request, uniform_flip, labels);
}

static enum status pair_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    return rate_draw(request, pair_flip, labels);
}

/* The table of a kind whose only setting is its rate. */
#define RATE_FIELDS(text)                                \
    {                                                    \
        {.name = "rate",                                 \
         .type = FIELD_REAL,                             \
         .offset = offsetof(struct rate_settings, rate), \
         .default_text = "0",                            \
         .maximum = 1,                                   \
         .summary = (text)},                             \
        {                                                \
            .name = NULL                                 \
        }                                                \
    }

static const struct field symmetric_fields[] =
    RATE_FIELDS("Probability that a training label is replaced by one of the other classes.");
static const struct field uniform_fields[] =
    RATE_FIELDS("Probability that a training label is drawn anew; the true class may come again.");
static const struct field pair_fields[] =
    RATE_FIELDS("Probability that a training label is replaced by the next class.");

const struct label_noise_ops label_noise_none = {
    .kind = {.name = "none", .summary = "every sample keeps its true label"}, .draw = none_draw};

const struct label_noise_ops label_noise_observed = {
    .kind = {.name = "observed", .summary = "the labels that data.label_noise gives"}, .draw = observed_draw};

const struct label_noise_ops label_noise_symmetric = {
    .kind = {.name = "symmetric",
             .summary = "with probability `rate` one of the other classes, each equally likely",
             .fields = symmetric_fields},
    .draw = symmetric_draw};

const struct label_noise_ops label_noise_uniform = {
    .kind = {.name = "uniform",
             .summary = "with probability `rate` drawn anew from all classes (Zhang et al. 2017)",
             .fields = uniform_fields},
    .draw = uniform_draw};

const struct label_noise_ops label_noise_pair = {
    .kind = {.name = "pair",
             .summary = "with probability `rate` the next class, of the last one the first",
             .fields = pair_fields},
    .draw = pair_draw};
