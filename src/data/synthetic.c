#include "data/synthetic.h"

#include <assert.h>

enum { BLOCKS_PER_ITEM_LOG2 = 20 };

static struct random random_of_item(uint64_t seed, uint32_t substream, int item)
{
    struct random random = random_start(STREAM_DATA, seed, substream);
    random.block = (uint64_t)item << BLOCKS_PER_ITEM_LOG2;
    return random;
}

struct random synthetic_sample_random(uint64_t data_seed, int part, int position)
{
    return random_of_item(data_seed, (uint32_t)(SUBSTREAM_SAMPLES + part), position);
}

void synthetic_labels(uint64_t data_seed, int part, int classes, int count, int16_t *labels)
{
    assert(classes <= SYNTHETIC_CLASSES_MAX);
    int32_t order[SYNTHETIC_CLASSES_MAX];
    for (int i = 0; i < count; i++) {
        if (i % classes == 0) {
            struct random random = random_of_item(data_seed, (uint32_t)(SUBSTREAM_LABELS + part), i / classes);
            random_permutation(&random, classes, order);
        }
        labels[i] = (int16_t)order[i % classes];
    }
}
