/* dataset.h - the interface of a data source, and the data set it makes: immutable, whole, without label noise. */
#ifndef SEEDBED_DATASET_H
#define SEEDBED_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/field.h"
#include "seedbed/layer.h"
#include "seedbed/status.h"

/* A data set has DATASET_PARTS parts. A trial sees up to PART_COUNT: it may set aside a validation part, which lies in
 * the data set's training part. */
enum { PART_TRAIN = 0, PART_TEST = 1, DATASET_PARTS = 2, PART_VALIDATION = 2, PART_COUNT = 3 };

enum sample_type { SAMPLE_UINT8, SAMPLE_FLOAT32 };

struct dataset_shape {
    struct shape sample; /* NHWC of one sample */
    enum sample_type type;
    int classes;
    int count[DATASET_PARTS];
    bool superclasses; /* classes come in groups, and the data set says in which */
};

/* One contiguous block of memory starts with this header, so that a node can share it between its processes:
 * values are found by offset, never by pointer. */
struct dataset {
    uint64_t bytes; /* of the whole block */
    struct dataset_shape shape;
    uint64_t values_offset[DATASET_PARTS]; /* [count, height, width, channels] of shape.type */
    uint64_t labels_offset[DATASET_PARTS]; /* int16_t [count] */
    uint64_t superclasses_offset;          /* int16_t [classes], -1: in none; where shape.superclasses */
    uint64_t digest[2];                    /* XXH3-128 of shape, values, labels and super-classes; by dataset_seal */
};

struct dataset_request {
    const void *settings; /* laid out by ops->kind.fields */
    uint64_t data_seed;   /* the `data` stream's seed */
};

struct dataset_ops {
    struct kind kind;
    bool synthetic; /* drawn from the `data` stream: the data seed is part of it */

    /* Makes the whole data set with dataset_allocate. *out is owned by the caller; set on success only. Any rank. */
    enum status (*load)(const struct dataset_request *request, struct dataset **out, struct error *error);
};

/* Allocates one zeroed block with room for the shape. Free with dataset_destroy. */
enum status dataset_allocate(const struct dataset_shape *shape, struct dataset **out, struct error *error);
void dataset_destroy(struct dataset **dataset);

/* Lend the values and labels of one part; writable only until the data set is shared. */
void *dataset_values(struct dataset *dataset, int part);
int16_t *dataset_labels(struct dataset *dataset, int part);
const void *dataset_values_const(const struct dataset *dataset, int part);
const int16_t *dataset_labels_const(const struct dataset *dataset, int part);
/* The same for the super-class of each class [classes]; NULL: the data set has none. */
int16_t *dataset_superclasses(struct dataset *dataset);
const int16_t *dataset_superclasses_const(const struct dataset *dataset);

/* Computes the digest once values and labels are final. Every loader's last call, but for super-classes that follow
 * from the labels: they may be written behind it. */
void dataset_seal(struct dataset *dataset);

#endif
