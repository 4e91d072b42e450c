/* resume.h - what an existing results file says of a plan's trials. */
#ifndef SEEDBED_SWEEP_RESUME_H
#define SEEDBED_SWEEP_RESUME_H

#include "results/results.h"
#include "sweep/plan.h"

/* Owned; free with resume_free. */
struct resume {
    bool *ended; /* [trials] committed */
    int64_t outcomes[OUTCOME_COUNT];
    int64_t *poisoned; /* trials that took their process down too often, not committed */
    int64_t poisoned_count;
};

/* Reads path. STATUS_BAD_RESULTS with the difference when it was made from another sweep. Rank 0 alone. */
enum status resume_read(const char *path, struct plan *plan, struct resume *out, struct error *error);

/* The same for a new file: nothing has ended. */
enum status resume_none(const struct plan *plan, struct resume *out, struct error *error);
void resume_free(struct resume *resume);

/* "12 of 24 trials have an outcome", for a refusal that asks for --resume. */
enum status resume_describe(const char *path, struct text *out, struct error *error);

#endif
