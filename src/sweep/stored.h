/* stored.h - the sweep that a results file was made from, as text in the file. Any process. */
#ifndef SEEDBED_SWEEP_STORED_H
#define SEEDBED_SWEEP_STORED_H

#include "results/results.h"
#include "sweep/plan.h"

enum { STORED_SETS_MAX = 64 };

/* Owned; free with stored_sweep_free. */
struct stored_sweep {
    char *yaml, *lines;                /* lines: the `--set` values */
    const char *sets[STORED_SETS_MAX]; /* within lines */
    int set_count;
};

enum status stored_sweep_read(const struct results_reader *reader, struct stored_sweep *out, struct error *error);
void stored_sweep_free(struct stored_sweep *stored);

/* A request that lends the texts. folder: where relative paths of the sweep start. */
struct plan_request stored_sweep_request(const struct stored_sweep *stored, const char *folder);

#endif
