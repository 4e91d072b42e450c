/* liveness.h - who is still there, where MPI lets the ranks go on without one that died.
 *
 * A thread of each rank beats, whatever the rank itself is busy with: workers to rank 0, rank 0 to workers. A beat of
 * rank 0 names the last one that it heard of that worker, by the worker's own clock; for a lease from that moment on
 * the worker holds what it was given. Rank 0 counts a worker as lost a lease after it heard it, which is never earlier:
 * so a unit of work is in the hands of one rank only, however late messages arrive. A worker whose lease is over waits
 * for another one, and ends when none comes.
 * Processes of rank 0's node are watched by the kernel as well: a death is known at once, and one that is silent, such
 * as a stopped one, is killed before it counts as lost. */
#ifndef SEEDBED_CLUSTER_LIVENESS_H
#define SEEDBED_CLUSTER_LIVENESS_H

#include "cluster/communicator.h"

struct liveness;

/* Starts the beating; lease in seconds. Until liveness_part the loss of a rank ends rank 0, and with it the others,
 * since they may wait for each other. *out is lent until the process ends. Needs MPI_THREAD_MULTIPLE. Collective. */
enum status liveness_start(const struct cluster *cluster, double lease, struct liveness **out, struct error *error);

/* From here on nothing is collective. Any rank. */
void liveness_part(struct liveness *liveness);

/* How many ranks are lost so far, and which. A lost rank does nothing more that others could see. Rank 0. */
int liveness_lost_count(const struct liveness *liveness);
bool liveness_is_lost(const struct liveness *liveness, int rank);

/* Before others are to see what this rank does: returns once its lease is sure to last a while. Any rank. */
void liveness_assure(const struct liveness *liveness);

/* Ends this process, which the others do not take for a loss. Rank 0 waits a little for those that are there. */
_Noreturn void liveness_leave(struct liveness *liveness, int code);

#endif
