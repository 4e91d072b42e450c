/* bytes.h - the products of bytes with float weights, in whole numbers: y = ((x - mean) / deviation) W^T for inputs x
 * that are bytes. Each output's weights, over the deviation, are rounded to 24-bit multiples of a unit of that output's
 * own. A multiple is three digits of 8 bits; CPUs that multiply bytes four at a time have all three products sooner
 * than the one of floats, and nothing is converted before. Sums are exact, so that only the weights and the result are
 * rounded: y is off by at most 2^-24 max(|W| / deviation) sum(x), and half a unit in its last place. */
#ifndef SEEDBED_KERNELS_BYTES_H
#define SEEDBED_KERNELS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weights as digits, in memory that the caller lends. */
struct byte_weights {
    int outputs, inputs;
    int8_t *digits;        /* [groups of outputs, inputs / 4, digits, outputs of the group, 4] */
    double *unit, *offset; /* [outputs]: y = unit * sum of multiples * x + offset */
};

/* Whether this build multiplies bytes faster than floats, and can for this shape. */
bool byte_products_fit(int outputs, int inputs);

/* The number of bytes that byte_weights_set takes. inputs: a multiple of 4, 2^16 at most. */
size_t byte_weights_size(int outputs, int inputs);

/* False where the multiples would not do: when a weight is not finite, or an output's largest is more than 32 times the
 * mean of its sizes.   memory [byte_weights_size], aligned as malloc's   w [outputs, inputs]
 * mean, deviation [channels]: of input i those of channel i % channels */
bool byte_weights_set(int outputs, int inputs, int channels, const float *w, const float *mean, const float *deviation,
                      void *memory, struct byte_weights *out);

/* x [n] rows of [inputs]   y [n, outputs] */
void byte_product(const struct byte_weights *weights, int n, const uint8_t *const *x, float *y);

#endif
