/* run.c - a run on all ranks: rank 0 coordinates, the others work, and all agree on how it went. */
#include "base/log.h"
#include "cluster/communicator.h"
#include "cluster/scheduler_loop.h"
#include "cluster/worker_loop.h"

static enum status run_own_part(struct cluster *cluster, struct coordinator *coordinator, const struct work *work,
                                struct progress *progress, struct error *error)
{
    return cluster->rank == 0 ? coordinator_run(coordinator, progress, error) : worker_run(cluster, work, error);
}

/* Nothing is collective where ranks may be lost: rank 0 knows how it went, and a worker tells its own failure. */
static enum status run_apart(struct cluster *cluster, struct coordinator *coordinator, const struct work *work,
                             struct progress *progress, struct error *error)
{
    struct error own = {0};
    const enum status status = run_own_part(cluster, coordinator, work, progress, &own);
    if (cluster->rank != 0 && status != STATUS_OK)
        log_line("rank %d on %s: error: %s", cluster->rank, cluster->host, own.text);
    if (error != NULL)
        *error = own;
    return status;
}

static enum status run_and_agree(struct cluster *cluster, struct coordinator *coordinator, const struct work *work,
                                 struct progress *progress, struct error *error)
{
    const enum status status = cluster_agree(cluster, run_own_part(cluster, coordinator, work, progress, error), error);
    const enum status told =
        mpi_broadcast(cluster->world, progress, sizeof *progress, status == STATUS_OK ? error : NULL);
    return status == STATUS_OK ? told : status;
}

enum status cluster_run(struct cluster *cluster, const struct cluster_plan *plan, const struct work *work,
                        struct progress *progress, struct error *error)
{
    struct coordinator *coordinator = NULL;
    enum status status = STATUS_OK;
    if (cluster->rank == 0)
        status = coordinator_create(cluster, plan, work, &coordinator, error);
    status = cluster_agree(cluster, status, error);
    if (status == STATUS_OK)
        status = cluster_recovers(cluster) ? run_apart(cluster, coordinator, work, progress, error)
                                           : run_and_agree(cluster, coordinator, work, progress, error);
    coordinator_destroy(&coordinator);
    return status;
}
