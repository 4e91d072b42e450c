/* verify.h - whether a results file still holds what was committed, and whether its trials and pairs come out the same
 * again.
 * One process, without MPI; also while a run writes the file. */
#ifndef SEEDBED_SWEEP_VERIFY_H
#define SEEDBED_SWEEP_VERIFY_H

#include "config/faults.h"
#include "results/results.h"

enum { VERIFY_LISTED_MAX = 20 };

struct verify_request {
    const char *path;
    const char *folder; /* where relative paths of the sweep start */
    int64_t repeat;     /* trials to train again, and pairs to compare again; 0: none */
};

/* What was made again of a table. */
struct verify_repeats {
    int64_t repeatable; /* sound rows of done trials and pairs, and of diverged trials: what is over its time may end
                         * elsewhere */
    int64_t repeated, different; /* made again; with other bits */
};

/* Owned; free with verify_free. */
struct verify_result {
    int64_t trials, committed, pairs, pairs_committed;
    int64_t damaged;                            /* committed rows whose checksum is not that of their values */
    int64_t listed[VERIFY_LISTED_MAX];          /* the first of them: trials, then trials + pair */
    struct verify_repeats repeats[TABLE_COUNT]; /* of pairs only where trials were repeated */
    struct text differences;                    /* which trial or pair, which datasets */
    struct text provenance;                     /* lines: what made the file and differs here */
    struct faults faults;                       /* of the sweep in the file, should this engine refuse it */
};

/* STATUS_OK whatever was found wrong with rows; STATUS_BAD_RESULTS when the file cannot be read, or was made from other
 * data than those at its paths now; STATUS_STOPPED when a trial was stopped. */
enum status sweep_verify(const struct verify_request *request, struct verify_result *out, struct error *error);
void verify_free(struct verify_result *result);

#endif
