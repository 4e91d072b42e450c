#include "toy_samples.h"

#include <stdlib.h>

#include "base/memory.h"
#include "seedbed/random.h"

static void *allocate_or_abort(size_t count, size_t size)
{
    void *block = NULL;
    if (memory_allocate(&block, count, size, "toy samples", NULL) != STATUS_OK)
        abort();
    return block;
}

/* Without values, means and deviations. */
static struct samples labelled(const struct dataset_shape *shape)
{
    const int count = shape->count[PART_TRAIN];
    struct dataset *dataset = NULL;
    if (dataset_allocate(shape, &dataset, NULL) != STATUS_OK)
        abort();
    struct samples samples = {.dataset = dataset, .count = count};
    samples.index = allocate_or_abort((size_t)count, sizeof *samples.index);
    samples.labels = allocate_or_abort((size_t)count, sizeof *samples.labels);
    samples.true_labels = samples.labels;
    for (int i = 0; i < count; i++) {
        samples.index[i] = i;
        samples.labels[i] = (int16_t)(i % shape->classes);
    }
    return samples;
}

static void *values_of(const struct samples *samples)
{
    return dataset_values((struct dataset *)(uintptr_t)samples->dataset, PART_TRAIN);
}

struct samples toy_samples(int count, int features, int classes, double separation, uint64_t seed)
{
    const struct dataset_shape shape = {.sample = {.height = 1, .width = features, .channels = 1},
                                        .type = SAMPLE_FLOAT32,
                                        .classes = classes,
                                        .count = {count, 1}};
    struct samples samples = labelled(&shape);
    for (int channel = 0; channel < CHANNELS_MAX; channel++)
        samples.deviation[channel] = 1.0f;
    float *const values = values_of(&samples);
    struct random random = random_start(STREAM_DATA, seed, 0);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < features; j++)
            values[i * features + j] = (float)(random_normal(&random) + (j % classes == i % classes ? separation : 0));
    return samples;
}

struct samples toy_bytes(int count, struct shape shape, int classes, uint64_t seed)
{
    const struct dataset_shape all = {.sample = shape, .type = SAMPLE_UINT8, .classes = classes, .count = {count, 1}};
    struct samples samples = labelled(&all);
    for (int channel = 0; channel < CHANNELS_MAX; channel++) {
        samples.mean[channel] = 33.3f + (float)channel;
        samples.deviation[channel] = 78.6f;
    }
    uint8_t *const values = values_of(&samples);
    struct random random = random_start(STREAM_DATA, seed, 0);
    for (int i = 0; i < count * shape.height * shape.width * shape.channels; i++)
        values[i] = (uint8_t)random_below(&random, 256);
    return samples;
}

void toy_samples_free(struct samples *samples)
{
    struct dataset *dataset = (struct dataset *)(uintptr_t)samples->dataset;
    dataset_destroy(&dataset);
    memory_free(samples->index);
    memory_free(samples->labels);
    *samples = (struct samples){0};
}
