/* checkpoint.h - a file with what one trial under way can go on from, in a folder beside the results file.
 * Flat, versioned, with a checksum over every byte; made under a temporary name, brought to disk, then renamed. */
#ifndef SEEDBED_SWEEP_CHECKPOINT_H
#define SEEDBED_SWEEP_CHECKPOINT_H

#include <stdbool.h>

#include "base/hash.h"
#include "sweep/plan.h"

enum { CHECKPOINT_PARTS_MAX = 16, CHECKPOINT_FOLDER_BYTES = 4096 };

/* Where one rank keeps them, and how often. */
struct checkpoint_store {
    char folder[CHECKPOINT_FOLDER_BYTES]; /* made with the first file */
    int rank;
    double interval; /* seconds; 0: only when a trial is stopped */
    double slowest;  /* seconds that writing one takes at most, as far as is known */
};

/* The folder of a results file: FILE.checkpoints. Any rank. */
enum status checkpoint_store_of(const char *results_path, int rank, double interval, struct checkpoint_store *out,
                                struct error *error);

/* Only a file with the same numbers is read back. */
struct checkpoint_mark {
    struct hash128 identity; /* of the trial */
    uint64_t build;          /* provenance_build */
    uint64_t layout;         /* of the trial's row */
};

/* A block of memory, written as it is. */
struct checkpoint_part {
    void *data;
    size_t bytes;
};

/* Replaces what the trial had. After a failure that is still there. Any rank. */
enum status checkpoint_write(struct checkpoint_store *store, const struct checkpoint_mark *mark, int count,
                             const struct checkpoint_part *parts, struct error *error);

/* A file in memory. */
struct checkpoint;

/* *out is owned by the caller; NULL: the trial has none. STATUS_BAD_RESULTS with the reason when it has one that cannot
 * be used. Any rank. */
enum status checkpoint_open(const struct checkpoint_store *store, const struct checkpoint_mark *mark,
                            struct checkpoint **out, struct error *error);
void checkpoint_close(struct checkpoint **checkpoint);
/* Copies the parts from number `first` on. STATUS_INTERNAL when they have other sizes. */
enum status checkpoint_read(const struct checkpoint *checkpoint, int first, int count,
                            const struct checkpoint_part *parts, struct error *error);

/* The trial has no further need of its file. Takes one that is not there. */
void checkpoint_remove(const struct checkpoint_store *store, struct hash128 identity);

/* Removes what belongs to no trial that is still to be trained, and the folder if nothing is left. ended, begun
 * [trials]: begun[t] is set where t has a file; *count: how many have. ended NULL: every file goes, and begun may be
 * NULL. Rank 0, while nobody trains. */
enum status checkpoint_sweep(const struct checkpoint_store *store, const struct plan *plan, const bool *ended,
                             bool *begun, int64_t *count, struct error *error);

/* Removes the folder if there is nothing in it, as where a disk was full. Rank 0, when nobody writes any more. */
void checkpoint_store_leave(const struct checkpoint_store *store);

#endif
