/* scheduler_loop.h - rank 0's loop: it schedules for all and trains too. */
#ifndef SEEDBED_CLUSTER_SCHEDULER_LOOP_H
#define SEEDBED_CLUSTER_SCHEDULER_LOOP_H

#include "cluster/cluster.h"

struct coordinator;

/* *out is owned by the caller. Rank 0. */
enum status coordinator_create(struct cluster *cluster, const struct cluster_plan *plan, const struct work *work,
                               struct coordinator **out, struct error *error);
void coordinator_destroy(struct coordinator **coordinator);

/* Until every worker has left. Returns rank 0's own failure, or STATUS_STOPPED when trials were left undone because of
 * a stop. Rank 0. */
enum status coordinator_run(struct coordinator *coordinator, struct progress *progress, struct error *error);

#endif
