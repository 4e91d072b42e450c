/* toy_samples.h - small data made in the test, seen as a trial sees its training part. */
#ifndef SEEDBED_TESTS_TOY_SAMPLES_H
#define SEEDBED_TESTS_TOY_SAMPLES_H

#include "data/data.h"

/* count samples of `features` normal numbers around a mean that belongs to the label; label = i mod classes.
 * separation 0: pure noise. Free with toy_samples_free. */
struct samples toy_samples(int count, int features, int classes, double separation, uint64_t seed);
/* count samples of random bytes; label = i mod classes. Free with toy_samples_free. */
struct samples toy_bytes(int count, struct shape shape, int classes, uint64_t seed);
void toy_samples_free(struct samples *samples);

#endif
