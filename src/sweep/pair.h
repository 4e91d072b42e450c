/* pair.h - two ended trials compared in one process: by their weights at the end, on the data that both have seen. */
#ifndef SEEDBED_SWEEP_PAIR_H
#define SEEDBED_SWEEP_PAIR_H

#include "sweep/trial.h"

struct pair_runner;

/* Where the trials' rows are read from: one of both, the other NULL. */
struct pair_rows {
    struct results_writer *writer;
    const struct results_reader *reader; /* of a file made from the plan */
};

/* plan (resolved), schema, trials (for their data) and what rows names are lent. *out is owned
 * by the caller. Any rank; only for a plan that has pairs. */
enum status pair_runner_create(struct plan *plan, const struct schema *schema, struct trial_runner *trials,
                               struct pair_rows rows, struct pair_runner **out, struct error *error);
void pair_runner_destroy(struct pair_runner **runner);

/* Compares; *row is lent until the next call. STATUS_OK whatever the outcome: done; diverged or failed where one of the
 * trials was not done. STATUS_STOPPED when yield said so: then there is no row. ending as of trial_run. */
enum status pair_run(struct pair_runner *runner, int64_t pair, const struct yield *yield, struct trial_ending *ending,
                     const struct results_row **row, struct error *error);

#endif
