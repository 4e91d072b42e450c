/* trial.h - one trial in one process: its data, network, training and metrics, into one row. */
#ifndef SEEDBED_SWEEP_TRIAL_H
#define SEEDBED_SWEEP_TRIAL_H

#include "base/yield.h"
#include "results/results.h"
#include "sweep/checkpoint.h"
#include "sweep/plan.h"
#include "sweep/schema.h"

/* Keeps from trial to trial what the next one can use again. */
struct trial_runner;

/* plan (resolved) and schema are lent. *out is owned by the caller. Any rank. */
enum status trial_runner_create(struct plan *plan, const struct schema *schema, struct trial_runner **out,
                                struct error *error);
void trial_runner_destroy(struct trial_runner **runner);

/* The data of one of the plan's variants, and the evaluator of each of its parts [PART_COUNT]: lent until the runner
 * turns to another variant. */
enum status trial_runner_data(struct trial_runner *runner, int variant, const struct data_view **view,
                              struct evaluator *const **evaluators, struct error *error);

/* From here on a trial that is predicted to need more memory than this rank may have is not trained: its outcome is
 * failed. ranks: of the node, for the message. 0 bytes: no limit. */
void trial_runner_limit_memory(struct trial_runner *runner, double bytes, int ranks);

/* From here on a trial that is stopped leaves a checkpoint, and one that has a checkpoint goes on from it. store is
 * lent. */
void trial_runner_keep_checkpoints(struct trial_runner *runner, struct checkpoint_store *store);
/* Whether the trial of the last trial_run may have left a checkpoint. */
bool trial_runner_has_checkpoint(const struct trial_runner *runner);
/* That trial is committed: its checkpoint goes. */
void trial_runner_drop_checkpoint(struct trial_runner *runner);

/* Trains and measures; *row is lent until the next call. STATUS_OK whatever the outcome, STATUS_STOPPED when yield said
 * so: then there is no row, but a checkpoint. ending gets outcome, message and times; not host and rank. */
enum status trial_run(struct trial_runner *runner, int64_t trial, const struct yield *yield,
                      struct trial_ending *ending, const struct results_row **row, struct error *error);

#endif
