/* trial_stages.h - the stages before a trial's main training. */
#ifndef SEEDBED_SWEEP_TRIAL_STAGES_H
#define SEEDBED_SWEEP_TRIAL_STAGES_H

#include "base/yield.h"
#include "results/results.h"
#include "sweep/schema.h"

/* All lent. */
struct stages_request {
    const struct trial_config *config;
    const struct data_view *view;
    struct network *network; /* initialised; trained on in place */
    const struct yield *yield;
    const struct schema *schema;
    struct results_row *row;
};

/* Trains every stage and records it in the row; *samples_seen counts on. STATUS_DIVERGED and what yield says, with a
 * message that names the stage. Any rank, alone. */
enum status trial_stages_run(const struct stages_request *request, int64_t *samples_seen, struct error *error);

#endif
