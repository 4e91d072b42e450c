/* outlook.h - rank 0's view of when the sweep will be done. */
#ifndef SEEDBED_CLUSTER_OUTLOOK_H
#define SEEDBED_CLUSTER_OUTLOOK_H

#include "cluster/cluster.h"

struct outlook;

/* plan is lent. *out is owned by the caller. */
enum status outlook_create(const struct cluster_plan *plan, int ranks, struct outlook **out, struct error *error);
void outlook_destroy(struct outlook **outlook);

/* A unit has ended on a worker. done: it went as predicted, for all that is known. */
void outlook_ended(struct outlook *outlook, int worker, int64_t unit, bool done, double seconds);
/* A worker that was idle has begun. */
void outlook_begun(struct outlook *outlook, int worker);

/* Simulates the rest, now and then: takes less than a hundredth of the time. *eta stays as it is in between, and where
 * there is no memory. */
void outlook_look(struct outlook *outlook, const struct scheduler *scheduler, struct eta *eta);

#endif
