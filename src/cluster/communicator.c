/* communicator.c - MPI's start and end, and what ranks say to each other before and after a run.
 * Everything collective waits asleep: a rank may be long in coming, and its core is better used by those who train. */
#include "cluster/communicator.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cluster/backoff.h"
#include "cluster/crash.h"
#include "cluster/liveness.h"
#include "cluster/recovery.h"
#include "cluster/signals.h"

enum { BROADCAST_PIECE_BYTES = 1 << 24 };

enum status mpi_check(int code, const char *what, struct error *error)
{
    if (code == MPI_SUCCESS)
        return STATUS_OK;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, text, &length);
    return fail(error, STATUS_MPI, "%s: %s", what, text);
}

enum status mpi_wait(MPI_Request *request, const char *what, struct error *error)
{
    struct backoff backoff = {0};
    for (;;) {
        int done = 0;
        TRY(mpi_check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what, error));
        if (done)
            return STATUS_OK;
        backoff_sleep(&backoff);
    }
}

enum status mpi_broadcast(MPI_Comm communicator, void *bytes, size_t count, struct error *error)
{
    for (size_t done = 0; done < count; done += BROADCAST_PIECE_BYTES) {
        const size_t left = count - done;
        const int piece = left < BROADCAST_PIECE_BYTES ? (int)left : BROADCAST_PIECE_BYTES;
        MPI_Request request = MPI_REQUEST_NULL;
        TRY(mpi_check(MPI_Ibcast((char *)bytes + done, piece, MPI_BYTE, 0, communicator, &request), "broadcast",
                      error));
        TRY(mpi_wait(&request, "broadcast", error));
    }
    return STATUS_OK;
}

static enum status open_communicators(struct cluster *cluster, struct error *error)
{
    TRY(mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &cluster->world), "duplicating the communicator", error));
    MPI_Comm_set_errhandler(cluster->world, MPI_ERRORS_RETURN);
    MPI_Comm_rank(cluster->world, &cluster->rank);
    MPI_Comm_size(cluster->world, &cluster->size);
    TRY(mpi_check(
        MPI_Comm_split_type(cluster->world, MPI_COMM_TYPE_SHARED, cluster->rank, MPI_INFO_NULL, &cluster->node),
        "finding the ranks of this node", error));
    MPI_Comm_set_errhandler(cluster->node, MPI_ERRORS_RETURN);
    MPI_Comm_rank(cluster->node, &cluster->node_rank);
    MPI_Comm_size(cluster->node, &cluster->node_size);
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    int length = 0;
    MPI_Get_processor_name(host, &length);
    snprintf(cluster->host, sizeof cluster->host, "%.*s", HOST_BYTES - 1, host);
    return STATUS_OK;
}

static enum status start_mpi(struct cluster *cluster, struct error *error)
{
    int provided = 0;
    double lease = 0;
    TRY(recovery_lease(&lease, error));
    cluster->recovers = recovery_wanted();
    const int needed = cluster->recovers ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED;
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0); /* Open MPI, one process without mpirun: no daemon beside it */
    TRY(mpi_check(MPI_Init_thread(NULL, NULL, needed, &provided), "starting MPI", error));
    TRY(open_communicators(cluster, error));
    if (!cluster->recovers || cluster->size == 1)
        return STATUS_OK;
    if (provided < MPI_THREAD_MULTIPLE)
        return fail(error, STATUS_MPI,
                    "this MPI library was built without MPI_THREAD_MULTIPLE, which recovery mode needs: start without "
                    "--enable-recovery and OMPI_MCA_orte_enable_recovery");
    return liveness_start(cluster, lease, &cluster->liveness, error);
}

enum status cluster_create(struct cluster **out, struct error *error)
{
    struct cluster *cluster = NULL;
    TRY(memory_allocate((void **)&cluster, 1, sizeof *cluster, "cluster", error));
    cluster->world = cluster->node = MPI_COMM_NULL;
    signals_install(); /* a rank that dies while MPI starts may leave mpirun waiting for it */
    const enum status status = start_mpi(cluster, error);
    if (status != STATUS_OK) {
        signals_restore();
        memory_free(cluster);
        return status;
    }
    *out = cluster;
    return STATUS_OK;
}

void cluster_destroy(struct cluster **cluster)
{
    if (*cluster == NULL)
        return;
    shares_release(*cluster);
    MPI_Comm_free(&(*cluster)->node);
    MPI_Comm_free(&(*cluster)->world);
    MPI_Finalize();
    signals_restore();
    memory_free(*cluster);
    *cluster = NULL;
}

void cluster_abort(struct cluster *cluster, int code)
{
    crash_excuse();
    if (cluster == NULL || !cluster->recovers)
        MPI_Abort(cluster != NULL ? cluster->world : MPI_COMM_WORLD, code);
    _Exit(code);
}

void cluster_require(struct cluster *cluster, enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    log_error(error);
    cluster_abort(cluster, EXIT_FAILURE);
}

int cluster_rank(const struct cluster *cluster)
{
    return cluster->rank;
}

int cluster_size(const struct cluster *cluster)
{
    return cluster->size;
}

const char *cluster_host(const struct cluster *cluster)
{
    return cluster->host;
}

const void *cluster_communicator(const struct cluster *cluster)
{
    return &cluster->world;
}

const char *cluster_mpi_version(void)
{
    static char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (version[0] == '\0') {
        MPI_Get_library_version(version, &length);
        version[strcspn(version, ",\n")] = '\0';
    }
    return version;
}

/* A stop in good order is the least of what can be reported. */
static int severity(enum status status)
{
    return status == STATUS_OK ? 0 : status == STATUS_STOPPED ? 1 : 2;
}

/* The first rank of the worst status. */
static enum status find_worst(const struct cluster *cluster, enum status mine, int *rank, int *worst,
                              struct error *error)
{
    struct {
        int severity, rank;
    } local = {severity(mine), cluster->rank}, found = {0, 0};
    MPI_Request request = MPI_REQUEST_NULL;
    TRY(mpi_check(MPI_Iallreduce(&local, &found, 1, MPI_2INT, MPI_MAXLOC, cluster->world, &request), "agreement",
                  error));
    TRY(mpi_wait(&request, "agreement", error));
    *rank = found.rank;
    *worst = found.severity;
    return STATUS_OK;
}

enum status cluster_agree(struct cluster *cluster, enum status mine, struct error *error)
{
    int rank = 0, worst = 0;
    TRY(find_worst(cluster, mine, &rank, &worst, error));
    if (worst == 0)
        return STATUS_OK;
    struct error told = {.status = mine};
    if (error != NULL && mine != STATUS_OK)
        memcpy(told.text, error->text, sizeof told.text);
    MPI_Request request = MPI_REQUEST_NULL;
    TRY(mpi_check(MPI_Ibcast(&told, (int)sizeof told, MPI_BYTE, rank, cluster->world, &request), "agreement", error));
    TRY(mpi_wait(&request, "agreement", error));
    if (error != NULL && severity(mine) < worst)
        *error = told;
    return told.status;
}

enum status cluster_broadcast(struct cluster *cluster, void **bytes, size_t *count, struct error *error)
{
    uint64_t size = *count;
    TRY(mpi_broadcast(cluster->world, &size, sizeof size, error));
    void *block = cluster->rank == 0 ? *bytes : NULL;
    enum status status = STATUS_OK;
    if (cluster->rank != 0)
        status = memory_allocate(&block, size, 1, "what rank 0 sends", error);
    status = cluster_agree(cluster, status, error);
    if (status == STATUS_OK)
        status = mpi_broadcast(cluster->world, block, size, error);
    if (cluster->rank == 0)
        return status;
    if (status != STATUS_OK) {
        memory_free(block);
        return status;
    }
    *bytes = block;
    *count = size;
    return STATUS_OK;
}
