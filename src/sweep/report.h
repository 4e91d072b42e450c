/* report.h - what a results file says of its sweep's progress. Any process, also while a run writes. */
#ifndef SEEDBED_SWEEP_REPORT_H
#define SEEDBED_SWEEP_REPORT_H

#include "results/results.h"

struct sweep_status {
    int64_t trials;
    int64_t waiting, running;
    int64_t outcomes[OUTCOME_COUNT]; /* of committed trials */
    int64_t pairs, pairs_ended;
    int64_t crashes;          /* starts that took their process down */
    double busy_seconds;      /* trained in committed trials, all ranks */
    double eta_seconds;       /* at the last session's number of ranks; NaN: unknown; 0: nothing is left */
    double eta_low, eta_high; /* two standard errors about it */
    int64_t sessions;
    struct results_session last; /* the latest session */
};

enum status sweep_status_read(const char *path, struct sweep_status *out, struct error *error);

/* One trial whole: its configuration as resolved from the sweep that the file holds, then every array. The data is not
 * needed. */
enum status sweep_show_trial(const char *path, int64_t trial, struct text *out, struct error *error);

#endif
