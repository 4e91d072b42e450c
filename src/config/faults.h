/* faults.h - everything that is wrong with a sweep file, each fault once, each with its place. */
#ifndef SEEDBED_CONFIG_FAULTS_H
#define SEEDBED_CONFIG_FAULTS_H

#include <stdint.h>

#include "base/text.h"
#include "seedbed/status.h"

struct fault {
    char place[256]; /* "sweep.yaml:12:7", or "--set train.epochs=x" */
    char text[ERROR_TEXT_BYTES];
    uint64_t hash; /* of place and text */
};

/* {0} is empty. Grows; equal faults are kept once. */
struct faults {
    struct fault *items;
    int count, capacity;
    int *slots; /* [2 * capacity] hash table: an index into items + 1, or 0 */
};

/* Adds a fault; without memory the last one says so. */
void faults_add(struct faults *faults, const char *place, const char *format, ...) SEEDBED_PRINTF(3, 4);

/* One line a fault, "place: text", in the file's order; faults without a line first. */
void faults_print(const struct faults *faults, struct text *out);
void faults_free(struct faults *faults);

#endif
