/* reader.h - the inside of a reader: the file and a table of its datasets. */
#ifndef SEEDBED_RESULTS_READER_H
#define SEEDBED_RESULTS_READER_H

#include "results/h5.h"
#include "results/schema.h"

/* One dataset below a group. */
struct reader_array {
    char path[PATH_BYTES];
    hid_t dataset;
    int rank;
    hsize_t sizes[RESULTS_RANK_MAX];
    bool row;                 /* written by the run, one unit at a time: covered by the checksum if reproducible */
    bool per_trial, per_pair; /* first dimension is `trial`, `pair` */
    bool reproducible;
};

struct results_reader {
    char *path;
    hid_t file;
    int64_t trials, pairs;
    int array_count, array_capacity;
    struct reader_array *arrays; /* sorted by path */
};

/* results_reader_open for a file that this run has opened before: in the process itself, without trying it first. */
enum status reader_open_sound(const char *path, struct results_reader **out, struct error *error);

/* NULL when there is none. */
const struct reader_array *reader_find(const struct results_reader *reader, const char *path);

/* Items of one row's slab, or of the whole array when it is neither per trial nor per pair. */
int64_t reader_slab_items(const struct reader_array *array);

/* Reads one row's slab as memory_type into out. */
herr_t reader_read_slab(const struct reader_array *array, int64_t row, hid_t memory_type, void *out);

#endif
