/* delivery.c - three messages a request: its sizes, its bytes, the answer.
 * Rank 0 receives one request at a time, so that it holds one row of others, however many ranks there are; a rank that
 * is lost in the middle of sending is given up. On a communicator of its own: nothing here meets the
 * scheduler's messages. A rank has at most one request on its way. */
#include "cluster/delivery.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cluster/backoff.h"
#include "cluster/communicator.h"
#include "cluster/liveness.h"

enum { SIZES_TAG = 1, BYTES_TAG, ANSWER_TAG };

/* What goes before a request. */
struct sizes {
    uint64_t request, answer;
};

/* An answer on its way to a rank. */
struct answer {
    void *bytes;
    MPI_Request request;
};

struct delivery {
    MPI_Comm communicator;
    int size;
    const struct liveness *liveness; /* lent; NULL: no rank is lost without the others */
    struct results_remote remote;
    struct answer *answers; /* rank 0: [size] */
    void *incoming;         /* rank 0: the request that is being received; NULL: none */
    struct sizes sizes;     /* of it */
    int sender;
    MPI_Request request;
};

static enum status check_size(size_t bytes, struct error *error)
{
    if (bytes <= INT_MAX)
        return STATUS_OK;
    return fail(error, STATUS_NO_MEMORY, "a row of %zu bytes is too large to go through rank 0 (results.writer: root)",
                bytes);
}

static enum status wait_for_answer(MPI_Request requests[3], struct error *error)
{
    struct backoff backoff = {0};
    for (;;) {
        int done = 0;
        TRY(mpi_check(MPI_Testall(3, requests, &done, MPI_STATUSES_IGNORE), "asking rank 0 to write", error));
        if (done)
            return STATUS_OK;
        backoff_sleep(&backoff);
    }
}

static enum status ask(void *context, const void *request, size_t bytes, void *answer, size_t answer_bytes,
                       struct error *error)
{
    const struct delivery *delivery = context;
    const struct sizes sizes = {.request = bytes, .answer = answer_bytes};
    MPI_Request requests[3] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    TRY(check_size(bytes, error));
    TRY(check_size(answer_bytes, error));
    TRY(mpi_check(MPI_Irecv(answer, (int)answer_bytes, MPI_BYTE, 0, ANSWER_TAG, delivery->communicator, &requests[0]),
                  "asking rank 0 to write", error));
    TRY(mpi_check(MPI_Isend(&sizes, (int)sizeof sizes, MPI_BYTE, 0, SIZES_TAG, delivery->communicator, &requests[1]),
                  "asking rank 0 to write", error));
    TRY(mpi_check(MPI_Isend(request, (int)bytes, MPI_BYTE, 0, BYTES_TAG, delivery->communicator, &requests[2]),
                  "asking rank 0 to write", error));
    return wait_for_answer(requests, error);
}

static enum status delivery_create(struct cluster *cluster, struct delivery **out, struct error *error)
{
    struct delivery *delivery = NULL;
    enum status status = memory_allocate((void **)&delivery, 1, sizeof *delivery, "delivery of rows", error);
    if (status == STATUS_OK && cluster->rank == 0)
        status = memory_allocate((void **)&delivery->answers, (size_t)cluster->size, sizeof *delivery->answers,
                                 "delivery of rows", error);
    status = cluster_agree(cluster, status, error);
    if (status == STATUS_OK)
        status =
            mpi_check(MPI_Comm_dup(cluster->world, &delivery->communicator), "duplicating the communicator", error);
    if (status != STATUS_OK) {
        if (delivery != NULL)
            memory_free(delivery->answers);
        memory_free(delivery);
        return status;
    }
    MPI_Comm_set_errhandler(delivery->communicator, MPI_ERRORS_RETURN);
    delivery->size = cluster->size;
    delivery->liveness = cluster->liveness;
    delivery->remote = (struct results_remote){.context = delivery, .call = ask};
    *out = delivery;
    return STATUS_OK;
}

/* Collective. */
static bool root_writes(struct cluster *cluster, const char *path, const char *who)
{
    struct error error = {0};
    if (strcmp(who, "auto") != 0 || cluster->size == 1)
        return strcmp(who, "root") == 0;
    if (results_try_independent(path, &cluster->world, &error) == STATUS_OK)
        return false;
    if (cluster->rank == 0)
        log_warning(
            "%s: ranks cannot write to this file system independently of each other (%s): rank 0 writes for all", path,
            error.text);
    return true;
}

enum status delivery_open(struct cluster *cluster, const char *path, const struct results_schema *schema,
                          const char *who, struct delivery **delivery, struct results_writer **writer,
                          struct error *error)
{
    if (!root_writes(cluster, path, who))
        return results_open(path, schema, &cluster->world, writer, error);
    TRY(delivery_create(cluster, delivery, error));
    return results_open_by_root(path, schema, &cluster->world, &(*delivery)->remote, writer, error);
}

/* The last answer to a rank is gone once the rank asks again, or at the end. */
static void release_answer(struct answer *answer)
{
    if (answer->bytes == NULL)
        return;
    MPI_Wait(&answer->request, MPI_STATUS_IGNORE);
    memory_free(answer->bytes);
    answer->bytes = NULL;
}

void delivery_destroy(struct delivery **delivery)
{
    struct delivery *it = *delivery;
    *delivery = NULL;
    if (it == NULL || it->liveness != NULL)
        return;
    for (int rank = 0; it->answers != NULL && rank < it->size; rank++)
        release_answer(&it->answers[rank]);
    memory_free(it->incoming);
    memory_free(it->answers);
    MPI_Comm_free(&it->communicator);
    memory_free(it);
}

/* *there: a request has begun to come in. */
static enum status look(struct delivery *delivery, bool *there, struct error *error)
{
    int found = 0;
    MPI_Status from;
    *there = false;
    TRY(mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, SIZES_TAG, delivery->communicator, &found, &from), "looking for a row",
                  error));
    if (!found)
        return STATUS_OK;
    delivery->sender = from.MPI_SOURCE;
    TRY(mpi_check(MPI_Recv(&delivery->sizes, (int)sizeof delivery->sizes, MPI_BYTE, delivery->sender, SIZES_TAG,
                           delivery->communicator, MPI_STATUS_IGNORE),
                  "receiving a row", error));
    TRY(check_size(delivery->sizes.request, error));
    TRY(check_size(delivery->sizes.answer, error));
    TRY(memory_allocate(&delivery->incoming, delivery->sizes.request, 1, "row of another rank", error));
    *there = true;
    return mpi_check(MPI_Irecv(delivery->incoming, (int)delivery->sizes.request, MPI_BYTE, delivery->sender, BYTES_TAG,
                               delivery->communicator, &delivery->request),
                     "receiving a row", error);
}

/* *whole: all bytes of the request are here. What a lost rank asked for is left: its trials may be others' by now. */
static enum status receive(struct delivery *delivery, bool *whole, struct error *error)
{
    int done = 0;
    TRY(mpi_check(MPI_Test(&delivery->request, &done, MPI_STATUS_IGNORE), "receiving a row", error));
    const bool lost = delivery->liveness != NULL && liveness_is_lost(delivery->liveness, delivery->sender);
    *whole = done && !lost;
    if (!lost)
        return STATUS_OK;
    if (!done)
        MPI_Request_free(&delivery->request); /* and its room stays: MPI may still write to it */
    else
        memory_free(delivery->incoming);
    delivery->incoming = NULL;
    return STATUS_OK;
}

static enum status reply(struct delivery *delivery, struct results_writer *writer, struct error *error)
{
    struct answer *answer = &delivery->answers[delivery->sender];
    const size_t bytes = delivery->sizes.answer;
    release_answer(answer);
    TRY(memory_allocate(&answer->bytes, bytes, 1, "answer to another rank", error));
    results_serve(writer, delivery->incoming, delivery->sizes.request, answer->bytes, bytes);
    memory_free(delivery->incoming);
    delivery->incoming = NULL;
    return mpi_check(MPI_Isend(answer->bytes, (int)bytes, MPI_BYTE, delivery->sender, ANSWER_TAG,
                               delivery->communicator, &answer->request),
                     "answering another rank", error);
}

enum status delivery_serve(struct delivery *delivery, struct results_writer *writer, struct error *error)
{
    for (;;) {
        bool there = delivery->incoming != NULL, whole = false;
        if (!there)
            TRY(look(delivery, &there, error));
        if (there)
            TRY(receive(delivery, &whole, error));
        if (!whole)
            return STATUS_OK;
        TRY(reply(delivery, writer, error));
    }
}
