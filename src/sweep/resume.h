/* resume.h - what an existing results file says of a plan's trials. */
#ifndef SEEDBED_SWEEP_RESUME_H
#define SEEDBED_SWEEP_RESUME_H

#include "results/results.h"
#include "sweep/plan.h"

/* Owned; free with resume_free. */
struct resume {
    bool *ended;                     /* [trials + pairs] committed */
    int64_t outcomes[OUTCOME_COUNT]; /* of trials */
    int64_t pairs_ended;
    int64_t *poisoned; /* units that took their process down too often, not committed */
    int64_t poisoned_count;
    int64_t *damaged; /* units whose committed rows are no longer what they were: they have to be revoked */
    int64_t damaged_count;
    struct results_session before; /* the file's last one then; zeros: none */
    struct text provenance;        /* lines: what differs between what made the file and this engine */
};

/* Committed trials that are to be trained again all the same. */
enum retry { RETRY_FAILED = 1 << 0, RETRY_TIMEOUT = 1 << 1, RETRY_DAMAGED = 1 << 2 };

/* Reads path; retry: of enum retry, 0 for none. A trial that is retried is neither ended nor poisoned. The checksums of
 * rows that a session committed which did not end in order are checked; with RETRY_DAMAGED those of all rows.
 * STATUS_BAD_RESULTS with the difference when it was made from another sweep. Rank 0 alone. */
enum status resume_read(const char *path, struct plan *plan, unsigned retry, struct resume *out, struct error *error);

/* STATUS_BUSY when another run wrote to the file after it was read and before the writer locked it. Rank 0. */
enum status resume_recheck(const char *path, const struct resume *resume, const struct results_writer *writer,
                           struct error *error);

/* STATUS_BAD_RESULTS with the difference when the open file was not made from the plan (resolved). Any process. */
enum status resume_check(const char *path, struct plan *plan, const struct results_reader *reader, struct error *error);

/* The same as resume_read for a new file: nothing has ended. */
enum status resume_none(const struct plan *plan, struct resume *out, struct error *error);
void resume_free(struct resume *resume);

/* "12 of 24 trials have an outcome", for a refusal that asks for --resume. */
enum status resume_describe(const char *path, struct text *out, struct error *error);

#endif
