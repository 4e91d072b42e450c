/* trial_stages.h - the stages before a trial's main training. */
#ifndef SEEDBED_SWEEP_TRIAL_STAGES_H
#define SEEDBED_SWEEP_TRIAL_STAGES_H

#include "base/yield.h"
#include "results/results.h"
#include "sweep/schema.h"
#include "sweep/trial_checkpoint.h"

/* All lent. */
struct stages_request {
    const struct trial_config *config;
    const struct data_view *view;
    struct network *network; /* initialised; trained on in place */
    const struct yield *yield;
    struct trial_checkpoint *checkpoint; /* its memory says which stage is next */
    const struct schema *schema;
    struct results_row *row;
};

/* Trains every stage that is not behind and records it in the row. STATUS_DIVERGED and what yield says, with a
 * message that names the stage. Any rank, alone. */
enum status trial_stages_run(const struct stages_request *request, struct error *error);

#endif
