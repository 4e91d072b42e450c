/* noise.h - what the kinds of label noise share. */
#ifndef SEEDBED_DATA_NOISE_H
#define SEEDBED_DATA_NOISE_H

#include "data/kinds.h"

struct rate_settings {
    double rate;
};

/* The number in [0, 1) of sample i, by its position, and the block of words that it is made of. */
double noise_unit(const struct label_noise_request *request, int i, uint32_t words[4]);

#endif
