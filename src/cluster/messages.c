#include "cluster/messages.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cluster/backoff.h"
#include "cluster/communicator.h"

enum { MESSAGE_TAG = 1 };
static const uint32_t message_mark = 0x5eedbed1;

static const struct {
    const char *name, *fields;
    bool from_root;
} kinds[MESSAGE_COUNT] = {
#define MESSAGE_ROW(kind, root, uses) {.name = #kind, .fields = uses, .from_root = root},
    MESSAGE_TABLE(MESSAGE_ROW)
#undef MESSAGE_ROW
};

struct parcel {
    struct message message;
    MPI_Request request;
    struct parcel *next;
};

struct message message_make(enum message_kind kind)
{
    return (struct message){.mark = message_mark, .kind = (uint16_t)kind, .trial = -1};
}

const char *message_name(uint16_t kind)
{
    return kind < MESSAGE_COUNT ? kinds[kind].name : "unknown";
}

enum status message_check(const struct message *message, bool from_root, int64_t trial_count, struct error *error)
{
    if (message->mark != message_mark || message->kind >= MESSAGE_COUNT || kinds[message->kind].from_root != from_root)
        return fail(error, STATUS_MPI, "a message with mark %08x and kind %u (%s) does not belong here", message->mark,
                    message->kind, message_name(message->kind));
    const char *fields = kinds[message->kind].fields;
    if (strstr(fields, "trial") != NULL && (message->trial < 0 || message->trial >= trial_count))
        return fail(error, STATUS_MPI, "message %s names trial %lld of %lld", message_name(message->kind),
                    (long long)message->trial, (long long)trial_count);
    const int limit = message->kind == MESSAGE_ENDED ? (int)OUTCOME_COUNT : (int)STATUS_INTERNAL + 1;
    if (strstr(fields, "value") != NULL && (message->value < 0 || message->value >= limit))
        return fail(error, STATUS_MPI, "message %s has the value %d", message_name(message->kind), message->value);
    return STATUS_OK;
}

static enum status take_parcel(struct outbox *outbox, struct parcel **out, struct error *error)
{
    if (outbox->free == NULL)
        return memory_allocate((void **)out, 1, sizeof **out, "message", error);
    *out = outbox->free;
    outbox->free = (*out)->next;
    return STATUS_OK;
}

enum status outbox_send(struct outbox *outbox, int rank, const struct message *message, struct error *error)
{
    struct parcel *parcel = NULL;
    TRY(take_parcel(outbox, &parcel, error));
    parcel->message = *message;
    parcel->next = outbox->sent;
    outbox->sent = parcel;
    TRY(mpi_check(MPI_Isend(&parcel->message, sizeof parcel->message, MPI_BYTE, rank, MESSAGE_TAG, outbox->communicator,
                            &parcel->request),
                  "sending a message", error));
    return outbox_progress(outbox, error);
}

enum status outbox_progress(struct outbox *outbox, struct error *error)
{
    struct parcel **link = &outbox->sent;
    while (*link != NULL) {
        struct parcel *parcel = *link;
        int gone = 0;
        TRY(mpi_check(MPI_Test(&parcel->request, &gone, MPI_STATUS_IGNORE), "sending a message", error));
        if (!gone) {
            link = &parcel->next;
            continue;
        }
        *link = parcel->next;
        parcel->next = outbox->free;
        outbox->free = parcel;
    }
    return STATUS_OK;
}

enum status outbox_close(struct outbox *outbox, double patience, struct error *error)
{
    struct backoff backoff = {0};
    const double end = clock_monotonic() + patience;
    TRY(outbox_progress(outbox, error));
    while (outbox->sent != NULL && clock_monotonic() < end) {
        backoff_sleep(&backoff);
        TRY(outbox_progress(outbox, error));
    }
    while (outbox->free != NULL) {
        struct parcel *parcel = outbox->free;
        outbox->free = parcel->next;
        memory_free(parcel);
    }
    return STATUS_OK;
}

enum status message_receive(MPI_Comm communicator, struct message *message, int *rank, struct error *error)
{
    int there = 0, bytes = 0;
    MPI_Status status;
    *rank = -1;
    TRY(mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, MESSAGE_TAG, communicator, &there, &status), "looking for a message",
                  error));
    if (!there)
        return STATUS_OK;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    if (bytes != (int)sizeof *message)
        return fail(error, STATUS_MPI, "rank %d sent %d bytes; a message has %zu", status.MPI_SOURCE, bytes,
                    sizeof *message);
    TRY(mpi_check(
        MPI_Recv(message, sizeof *message, MPI_BYTE, status.MPI_SOURCE, MESSAGE_TAG, communicator, MPI_STATUS_IGNORE),
        "receiving a message", error));
    *rank = status.MPI_SOURCE;
    return STATUS_OK;
}
