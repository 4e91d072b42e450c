/* second_run.h - whether another run writes to a file, also where locks do not say so.
 * A run's row in /sessions says `running` until it ends, and rank 0 touches the file every few seconds. */
#ifndef SEEDBED_RESULTS_SECOND_RUN_H
#define SEEDBED_RESULTS_SECOND_RUN_H

#include <stdbool.h>

#include "seedbed/status.h"

/* Between two touches, and how long a file that nobody touches is watched: seconds. */
static const double beat_interval = 10;
static const double beat_patience = 30;

/* STATUS_BUSY with the host and process that the file's last session names. */
enum status second_run_refuse(const char *path, struct error *error);

/* Watches a file whose last session did not say how it ended, and refuses it when somebody touches it meanwhile.
 * locked: this process has the locks, so that no run on this host has it. Whatever the file's last session cannot
 * tell, others will: STATUS_OK. Rank 0. */
enum status second_run_check(const char *path, bool locked, double patience, struct error *error);

#endif
