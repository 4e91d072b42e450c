/* delivery.h - requests to rank 0 about the results file, where rank 0 writes for all: a rank asks and waits, asleep,
 * for the answer; rank 0 answers between its own mini-batches and never waits. */
#ifndef SEEDBED_CLUSTER_DELIVERY_H
#define SEEDBED_CLUSTER_DELIVERY_H

#include "cluster/cluster.h"

struct delivery;

/* Collective, as is destroying it, which every request must have been answered before. In recovery mode, where a rank
 * may be gone, it is left to the end of the process instead. */
enum status delivery_create(struct cluster *cluster, struct delivery **out, struct error *error);
void delivery_destroy(struct delivery **delivery);

/* For results_open_by_root; valid until delivery_destroy. */
const struct results_remote *delivery_remote(struct delivery *delivery);

/* Answers what has come. Never blocks. Rank 0. */
enum status delivery_serve(struct delivery *delivery, struct results_writer *writer, struct error *error);

#endif
