/* cifar_records.h - the records of CIFAR's binary files: labels, then an image plane by plane, rows first. */
#ifndef SEEDBED_DATA_CIFAR_RECORDS_H
#define SEEDBED_DATA_CIFAR_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

enum { CIFAR_CHANNELS = 3, CIFAR_LABELS_MAX = 2, CIFAR_DISPUTED = -2 };

struct cifar_layout {
    int side;                      /* images are side x side pixels in three channels */
    int label_count;               /* bytes of labels before the image */
    int classes[CIFAR_LABELS_MAX]; /* of each label */
    int label;                     /* the one that is wanted */
    bool grouped;                  /* the other one says the super-class of that */
};

/* Where a pass over files puts what it reads; without values it only counts and checks. */
struct cifar_sink {
    uint8_t *values; /* [room, side, side, 3]; NULL: count only */
    int16_t *labels; /* [room] */
    int16_t *supers; /* [classes] of a grouped layout; -1: not seen yet, CIFAR_DISPUTED: records disagree */
    int room;        /* records */
    int count;       /* records so far */
};

size_t cifar_record_bytes(const struct cifar_layout *layout);

/* Reads every record of a file, raw or gzipped, and checks its labels. STATUS_BAD_DATA with path, byte offset, what was
 * expected and found. */
enum status cifar_read(const char *path, const struct cifar_layout *layout, struct cifar_sink *sink,
                       struct error *error);

#endif
