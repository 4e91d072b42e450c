/* delivery.h - requests to rank 0 about the results file, where rank 0 writes for all: a rank asks and waits, asleep,
 * for the answer; rank 0 answers between its own mini-batches and never waits. */
#ifndef SEEDBED_CLUSTER_DELIVERY_H
#define SEEDBED_CLUSTER_DELIVERY_H

#include "cluster/cluster.h"

struct delivery;

/* Opens the results file: with *delivery where rank 0 writes for all, because who ("root", of the words of
 * results.writer) says so or ("auto") the file system refuses other ranks; else *delivery is NULL, and all write.
 * *delivery is owned by the caller also after a failure, and outlives *writer. Collective. */
enum status delivery_open(struct cluster *cluster, const char *path, const struct results_schema *schema,
                          const char *who, struct delivery **delivery, struct results_writer **writer,
                          struct error *error);

/* Collective; every request must have been answered before. In recovery mode, where a rank may be gone, it is left to
 * the end of the process instead. */
void delivery_destroy(struct delivery **delivery);

/* Answers what has come. Never blocks. Rank 0. */
enum status delivery_serve(struct delivery *delivery, struct results_writer *writer, struct error *error);

#endif
