/* random.h - counter-based random numbers (Philox4x32-10, Salmon et al. 2011).
 * Every number is a function of (stream, seed, substream, position): there is no generator state to save. */
#ifndef SEEDBED_RANDOM_H
#define SEEDBED_RANDOM_H

#include <stdint.h>

enum random_stream {
    STREAM_INIT,    /* initial weights; substream: tensor */
    STREAM_ORDER,   /* batches; substream: epoch, and in the high bits the stage */
    STREAM_NOISE,   /* labels; substream: stage, 0 for data.label_noise */
    STREAM_SUBSET,  /* which samples; substream: part */
    STREAM_AUGMENT, /* substream: as of STREAM_ORDER */
    STREAM_DATA,    /* synthetic sources; substream: the source's own */
    STREAM_METRIC,  /* samples chosen for a metric; substream: the metric's own */
    STREAM_DROPOUT, /* outputs left out; substream: layer */
    STREAM_COUNT
};

/* A cursor over one substream. Plain data: copy it to remember a position. */
struct random {
    enum random_stream stream;
    uint64_t seed;
    uint32_t substream;
    uint64_t block; /* next block of four */
    uint32_t words[4];
    int left;
};

struct random random_start(enum random_stream stream, uint64_t seed, uint32_t substream);

/* Four words at a position, without a cursor: for draws indexed by sample. */
void random_block(enum random_stream stream, uint64_t seed, uint32_t substream, uint64_t position, uint32_t words[4]);

uint32_t random_word(struct random *random);

/* Uniform in [0, 1), 53 bits. */
double random_uniform(struct random *random);

/* Standard normal (Box-Muller). */
double random_normal(struct random *random);

/* Uniform in 0..bound-1 without bias; bound >= 1. */
uint32_t random_below(struct random *random, uint32_t bound);

/* A uniform permutation of 0..n-1 (Fisher-Yates). out [n] */
void random_permutation(struct random *random, int n, int32_t *out);

#endif
