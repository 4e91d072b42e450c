/* writer.h - the inside of a writer. */
#ifndef SEEDBED_RESULTS_WRITER_H
#define SEEDBED_RESULTS_WRITER_H

#include "results/h5.h"
#include "results/schema.h"
#include "results/watch.h"

/* A dataset that rows are written to: row index = index of its first dimension. */
struct target {
    hid_t dataset, file_space, memory_space, memory_type; /* all 0 for a fixed array */
    int rank;
    hsize_t slab[RESULTS_RANK_MAX]; /* 1, then the sizes of the other dimensions */
};

enum { WRITTEN_MAX = 1024 };

struct results_writer {
    char *path;
    struct layout *layout;
    const void *communicator;
    const struct results_schema *schema;
    bool by_root;                            /* rank 0 alone has the file open, and writes for all */
    const struct results_remote *remote;     /* on the other ranks then; else NULL */
    struct results_row *served[TABLE_COUNT]; /* rows of others on their way through rank 0; NULL until one comes */
    int rank;
    hid_t file;
    struct target *targets;           /* [layout->array_count] */
    int *checksum_order[TABLE_COUNT]; /* reproducible row columns of each table, sorted by path */
    int checksum_count[TABLE_COUNT];
    int descriptor;                      /* this process's own: data to disk, on rank 0 the locks */
    struct watch watch;                  /* of descriptor and path */
    double next_beat;                    /* monotonic */
    int32_t session;                     /* row in /sessions */
    int64_t crashes_offset[TABLE_COUNT]; /* of column `crashes` in the file */
    struct results_flight *flight;       /* lent; NULL: nobody asks */
    int64_t written[WRITTEN_MAX];        /* units that do not count yet */
    int written_count;
    struct results_session before; /* rank 0: the last one when the file was locked; zeros: none */
    bool unsettled; /* bringing rows to disk has failed: which ones are there is not known, and nothing more counts */
};

/* Write or read one row of targets[index]. */
enum status writer_put(struct results_writer *writer, int index, int64_t row, const void *data, struct error *error);
enum status writer_get(struct results_writer *writer, int index, int64_t row, void *data, struct error *error);
/* The same for a column of /sessions, in this session's row. */
enum status writer_put_session(struct results_writer *writer, enum own_column column, const void *data,
                               struct error *error);
/* STATUS_IO when the file was replaced, removed or cut since it was opened. */
enum status writer_check_file(const struct results_writer *writer, struct error *error);
/* Waits until everything written is on disk. */
enum status writer_sync(struct results_writer *writer, struct error *error);

#endif
