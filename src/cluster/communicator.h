/* communicator.h - what the files of this folder know of a cluster, and the calls on MPI that they share. */
#ifndef SEEDBED_CLUSTER_COMMUNICATOR_H
#define SEEDBED_CLUSTER_COMMUNICATOR_H

#include <mpi.h>

#include "cluster/cluster.h"

struct share;
struct liveness;

struct cluster {
    MPI_Comm world;
    MPI_Comm node; /* the ranks that share memory with this one */
    int rank, size;
    int node_rank, node_size;
    char host[HOST_BYTES];
    bool recovers;             /* the launcher lets ranks go on without one that died */
    struct liveness *liveness; /* then, with more than one rank; else NULL */
    struct share *shares;      /* data sets that this rank has from cluster_share_dataset */
};

/* "Open MPI v4.1.4 ...", static. */
const char *cluster_mpi_version(void);

/* STATUS_MPI with MPI's own words unless code is MPI_SUCCESS. */
enum status mpi_check(int code, const char *what, struct error *error);

/* Ends the job, with the message, unless status is STATUS_OK: for a failure that the others cannot be told of. */
void cluster_require(struct cluster *cluster, enum status status, const struct error *error);

/* Waits for a request, asleep between looks. */
enum status mpi_wait(MPI_Request *request, const char *what, struct error *error);

/* The first of the ranks gives its bytes to the others, who have room for them. Asleep while waiting. Collective. */
enum status mpi_broadcast(MPI_Comm communicator, void *bytes, size_t count, struct error *error);

/* Releases what cluster_unshare_dataset was not called for. */
void shares_release(struct cluster *cluster);

#endif
