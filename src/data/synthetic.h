/* synthetic.h - what the drawn data sets share.
 * A sample is a function of (data seed, part, position) alone, so counts may grow without changing what is there. */
#ifndef SEEDBED_DATA_SYNTHETIC_H
#define SEEDBED_DATA_SYNTHETIC_H

#include "seedbed/dataset.h"
#include "seedbed/random.h"

/* Substreams of the `data` stream, each to be added to a part or used alone. */
enum { SUBSTREAM_SAMPLES = 0, SUBSTREAM_LABELS = DATASET_PARTS, SUBSTREAM_SOURCE = 2 * DATASET_PARTS };

enum { SYNTHETIC_CLASSES_MAX = 1000 };

/* A cursor of its own for one sample: 2^20 blocks until the next sample's. */
struct random synthetic_sample_random(uint64_t data_seed, int part, int position);

/* Labels in which each run of `classes` samples holds every class once, in random order.   labels [count] */
void synthetic_labels(uint64_t data_seed, int part, int classes, int count, int16_t *labels);

#endif
