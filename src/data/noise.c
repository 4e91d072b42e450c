/* noise.c - label noise. Each sample's draw is the block of random words at its position: no draw depends on another.
 */
#include <stddef.h>

#include "data/kinds.h"
#include "seedbed/random.h"

static void none_draw(const void *settings, uint64_t seed, int classes, int n, const int32_t *index,
                      const int16_t *true_labels, int16_t *labels)
{
    (void)settings, (void)seed, (void)classes, (void)index;
    for (int i = 0; i < n; i++)
        labels[i] = true_labels[i];
}

struct symmetric_settings {
    double rate;
};

static double unit_of_words(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

/* y with probability 1 - rate, else one of the other classes uniformly (to within classes / 2^32). */
static void symmetric_draw(const void *settings, uint64_t seed, int classes, int n, const int32_t *index,
                           const int16_t *true_labels, int16_t *labels)
{
    const struct symmetric_settings *symmetric = settings;
    for (int i = 0; i < n; i++) {
        uint32_t words[4];
        random_block(STREAM_NOISE, seed, 0, (uint64_t)index[i], words);
        const int16_t other = (int16_t)((uint64_t)words[2] * (uint32_t)(classes - 1) >> 32);
        const bool flipped = unit_of_words(words[0], words[1]) < symmetric->rate;
        labels[i] = flipped ? (int16_t)(other + (other >= true_labels[i])) : true_labels[i];
    }
}

static const struct field symmetric_fields[] = {
    {.name = "rate",
     .type = FIELD_REAL,
     .offset = offsetof(struct symmetric_settings, rate),
     .default_text = "0",
     .maximum = 1,
     .summary = "Probability that a training label is replaced by one of the other classes."},
    {0}};

const struct label_noise_ops label_noise_none = {
    .kind = {.name = "none", .summary = "every sample keeps its true label"}, .draw = none_draw};

const struct label_noise_ops label_noise_symmetric = {
    .kind = {.name = "symmetric",
             .summary = "with probability `rate` one of the other classes, each equally likely",
             .fields = symmetric_fields},
    .draw = symmetric_draw};
