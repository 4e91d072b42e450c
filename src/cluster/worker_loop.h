/* worker_loop.h - the loop of all ranks but 0. */
#ifndef SEEDBED_CLUSTER_WORKER_LOOP_H
#define SEEDBED_CLUSTER_WORKER_LOOP_H

#include "cluster/cluster.h"

/* Looks for messages every so often while a trial trains: a look costs about a microsecond. */
static const double poll_interval = 150e-6;

/* Whether this rank is to stop: by a signal, or because its time is over. */
bool must_stop(const struct work *work);

/* From JOINED to END. Returns this rank's own failure; a stop asked for is none. */
enum status worker_run(struct cluster *cluster, const struct work *work, struct error *error);

#endif
