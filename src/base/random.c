/* random.c - Philox4x32-10 from the Random123 headers.
 * key = seed (64 bits); counter = position (64 bits), substream, stream. */
#include "seedbed/random.h"

#include <Random123/philox.h>
#include <math.h>

void random_block(enum random_stream stream, uint64_t seed, uint32_t substream, uint64_t position, uint32_t words[4])
{
    const philox4x32_ctr_t counter = {{(uint32_t)position, (uint32_t)(position >> 32), substream, (uint32_t)stream}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    const philox4x32_ctr_t block = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
        words[i] = block.v[i];
}

struct random random_start(enum random_stream stream, uint64_t seed, uint32_t substream)
{
    return (struct random){.stream = stream, .seed = seed, .substream = substream};
}

uint32_t random_word(struct random *random)
{
    if (random->left == 0) {
        random_block(random->stream, random->seed, random->substream, random->block++, random->words);
        random->left = 4;
    }
    return random->words[4 - random->left--];
}

double random_uniform(struct random *random)
{
    const uint64_t high = random_word(random);
    const uint64_t low = random_word(random);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    const double radius = sqrt(-2.0 * log(1.0 - random_uniform(random)));
    return radius * cos(6.283185307179586476925 * random_uniform(random));
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    /* Lemire's multiply-shift: words below the threshold would favour small results. */
    const uint32_t threshold = (0u - bound) % bound;
    for (;;) {
        const uint64_t product = (uint64_t)random_word(random) * bound;
        if ((uint32_t)product >= threshold)
            return (uint32_t)(product >> 32);
    }
}

void random_permutation(struct random *random, int n, int32_t *out)
{
    for (int i = 0; i < n; i++) {
        const int j = (int)random_below(random, (uint32_t)i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}
