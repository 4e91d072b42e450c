/* progress.h - how a run looks to a person: one live line on a terminal, plain lines elsewhere. */
#ifndef SEEDBED_CLI_PROGRESS_H
#define SEEDBED_CLI_PROGRESS_H

#include <stdbool.h>

#include "cluster/cluster.h"

struct progress_view {
    bool terminal;    /* standard error is one */
    bool line_open;   /* a live line stands unfinished */
    double last_line; /* monotonic; of plain lines */
};

void progress_view_start(struct progress_view *view);

/* Both take a struct progress_view as context. */
void progress_announce(void *context, const char *what);
void progress_report(void *context, const struct progress *progress);

/* The last word: counts by outcome, time and the most memory that this rank took, its libraries' not counted. */
void progress_finish(struct progress_view *view, const struct progress *progress);

/* "1:02:03" or "45 s". */
void progress_duration(double seconds, char *text, int bytes);

/* "497 MB" */
void progress_bytes(double amount, char *text, int bytes);

#endif
