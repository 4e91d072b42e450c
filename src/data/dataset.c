/* dataset.c - one block: header, then per part the values and the labels, each aligned for vector loads.
 * The digest depends on shape, values and labels, not on where they lie. */
#include "seedbed/dataset.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"

enum { BLOCK_ALIGNMENT = 64 };
static const double BYTES_MAX = 0x1p47;

static size_t value_bytes(enum sample_type type)
{
    return type == SAMPLE_UINT8 ? sizeof(uint8_t) : sizeof(float);
}

static size_t part_values(const struct dataset_shape *shape, int part)
{
    return (size_t)shape->count[part] * (size_t)shape->sample.height * (size_t)shape->sample.width *
           (size_t)shape->sample.channels;
}

static enum status shape_check(const struct dataset_shape *shape, struct error *error)
{
    const struct shape *sample = &shape->sample;
    if (sample->height < 1 || sample->width < 1 || sample->channels < 1)
        return fail(error, STATUS_BAD_DATA, "a sample of %d x %d x %d values is empty", sample->height, sample->width,
                    sample->channels);
    if (shape->classes < 2 || shape->classes > INT16_MAX)
        return fail(error, STATUS_BAD_DATA, "a data set of %d classes: 2 to %d are possible", shape->classes,
                    INT16_MAX);
    if (shape->count[PART_TRAIN] < 1 || shape->count[PART_TEST] < 1)
        return fail(error, STATUS_BAD_DATA, "a data set of %d training and %d test samples: each needs at least one",
                    shape->count[PART_TRAIN], shape->count[PART_TEST]);
    const double values = ((double)shape->count[PART_TRAIN] + shape->count[PART_TEST]) * sample->height *
                          sample->width * sample->channels;
    if (values * (double)value_bytes(shape->type) > BYTES_MAX)
        return fail(error, STATUS_NO_MEMORY, "a data set of %.3g values does not fit in memory", values);
    return STATUS_OK;
}

/* Reserves bytes at *end, aligned; returns where. */
static uint64_t reserve(uint64_t *end, size_t bytes)
{
    const uint64_t start = (*end + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
    *end = start + bytes;
    return start;
}

enum status dataset_allocate(const struct dataset_shape *shape, struct dataset **out, struct error *error)
{
    TRY(shape_check(shape, error));
    struct dataset head = {.shape = *shape};
    uint64_t end = sizeof head;
    for (int part = 0; part < DATASET_PARTS; part++) {
        head.values_offset[part] = reserve(&end, part_values(shape, part) * value_bytes(shape->type));
        head.labels_offset[part] = reserve(&end, (size_t)shape->count[part] * sizeof(int16_t));
    }
    if (shape->superclasses)
        head.superclasses_offset = reserve(&end, (size_t)shape->classes * sizeof(int16_t));
    head.bytes = reserve(&end, 0);
    void *block = NULL;
    TRY(memory_allocate(&block, head.bytes, 1, "data set", error));
    *out = block;
    **out = head;
    for (int i = 0; shape->superclasses && i < shape->classes; i++)
        dataset_superclasses(*out)[i] = -1;
    return STATUS_OK;
}

void dataset_destroy(struct dataset **dataset)
{
    if (dataset == NULL)
        return;
    memory_free(*dataset);
    *dataset = NULL;
}

const void *dataset_values_const(const struct dataset *dataset, int part)
{
    return (const unsigned char *)dataset + dataset->values_offset[part];
}

const int16_t *dataset_labels_const(const struct dataset *dataset, int part)
{
    return (const int16_t *)(const void *)((const unsigned char *)dataset + dataset->labels_offset[part]);
}

void *dataset_values(struct dataset *dataset, int part)
{
    return (unsigned char *)dataset + dataset->values_offset[part];
}

int16_t *dataset_labels(struct dataset *dataset, int part)
{
    return (int16_t *)(void *)((unsigned char *)dataset + dataset->labels_offset[part]);
}

const int16_t *dataset_superclasses_const(const struct dataset *dataset)
{
    if (!dataset->shape.superclasses)
        return NULL;
    return (const int16_t *)(const void *)((const unsigned char *)dataset + dataset->superclasses_offset);
}

int16_t *dataset_superclasses(struct dataset *dataset)
{
    return (int16_t *)(uintptr_t)dataset_superclasses_const(dataset);
}

/* Whether any class is said to be in a super-class. */
static bool has_superclasses(const struct dataset *dataset)
{
    const int16_t *const supers = dataset_superclasses_const(dataset);
    for (int i = 0; supers != NULL && i < dataset->shape.classes; i++)
        if (supers[i] >= 0)
            return true;
    return false;
}

/* A data set without super-classes has the digest that it had before there were any. */
void dataset_seal(struct dataset *dataset)
{
    const struct dataset_shape *shape = &dataset->shape;
    struct {
        int64_t shape[7];
        struct hash128 values[DATASET_PARTS], labels[DATASET_PARTS];
    } summary = {.shape = {shape->sample.height, shape->sample.width, shape->sample.channels, shape->type,
                           shape->classes, shape->count[PART_TRAIN], shape->count[PART_TEST]}};
    for (int part = 0; part < DATASET_PARTS; part++) {
        for (int i = 0; i < shape->count[part]; i++)
            assert(dataset_labels_const(dataset, part)[i] >= 0 &&
                   dataset_labels_const(dataset, part)[i] < shape->classes);
        summary.values[part] =
            hash_bytes128(dataset_values_const(dataset, part), part_values(shape, part) * value_bytes(shape->type));
        summary.labels[part] =
            hash_bytes128(dataset_labels_const(dataset, part), (size_t)shape->count[part] * sizeof(int16_t));
    }
    struct hash128 digest = hash_bytes128(&summary, sizeof summary);
    if (has_superclasses(dataset)) {
        const struct hash128 both[] = {
            digest, hash_bytes128(dataset_superclasses_const(dataset), (size_t)shape->classes * sizeof(int16_t))};
        digest = hash_bytes128(both, sizeof both);
    }
    dataset->digest[0] = digest.high;
    dataset->digest[1] = digest.low;
}
