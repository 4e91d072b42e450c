/* noise.h - what the kinds of label noise share. */
#ifndef SEEDBED_DATA_NOISE_H
#define SEEDBED_DATA_NOISE_H

#include "data/kinds.h"

struct rate_settings {
    double rate;
};

/* The number in [0, 1) at a position of the `noise` stream, and the block of words that it is made of. */
double noise_unit(uint64_t seed, int32_t position, uint32_t words[4]);

#endif
