/* worker_loop.h - what every rank does with the trials it is given, and the loop of all ranks but 0. */
#ifndef SEEDBED_CLUSTER_WORKER_LOOP_H
#define SEEDBED_CLUSTER_WORKER_LOOP_H

#include "cluster/backoff.h"
#include "cluster/cluster.h"

/* How far a rank has been told to leave. */
enum leave { STAY, LEAVE_AFTER_TRIAL, LEAVE_NOW, LEFT };

enum { HELD_TRIALS_MAX = 2 };

/* Looks for messages every so often while a trial trains: a look costs about a microsecond. */
static const double poll_interval = 150e-6;

/* The trials in one rank's hands. */
struct hands {
    int64_t held[HELD_TRIALS_MAX]; /* held[0] is trained first */
    int held_count;
    enum leave leave;
    enum status status; /* STATUS_OK, or why this rank cannot go on */
    struct error error;
};

void hands_take(struct hands *hands, int64_t trial);

/* Trains held[0]. True: it ended as *ending says, and is no longer held. False: the rank is to leave now. */
bool hands_train(struct hands *hands, const struct work *work, const struct yield *yield, struct trial_ending *ending);

/* From JOINED to END. Returns this rank's own failure; a stop asked for is none. */
enum status worker_run(struct cluster *cluster, const struct work *work, struct error *error);

#endif
