/* messages.h - what ranks say during a run: messages of one fixed size, sent without ever blocking.
 *
 * Rank 0 says START; FINISH or STOP when a worker should leave; END once it has left. A worker says JOINED; ENDED for
 * each trial; STOPPING when it saw a signal or its time is over; LEFT as its last word: what it still holds was not
 * trained. Whatever is sent is received: a worker reads on until END, and rank 0 until every worker has left. */
#ifndef SEEDBED_CLUSTER_MESSAGES_H
#define SEEDBED_CLUSTER_MESSAGES_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

/* One table: kind, whether rank 0 says it, which fields it uses. */
#define MESSAGE_TABLE(X)                                                            \
    X(JOINED, false, "")           /* this rank is there */                         \
    X(ENDED, false, "trial value") /* trial; value: enum trial_outcome */           \
    X(STOPPING, false, "")         /* this rank is to stop */                       \
    X(LEFT, false, "value")        /* value: enum status, why it left */            \
    X(START, true, "trial")        /* trial: train it after those already given */  \
    X(FINISH, true, "")            /* train what is begun to its end, then leave */ \
    X(STOP, true, "")              /* save what is begun, and leave */              \
    X(END, true, "")               /* nothing more will come */

#define MESSAGE_KIND(name, from_root, fields) MESSAGE_##name,
enum message_kind { MESSAGE_TABLE(MESSAGE_KIND) MESSAGE_COUNT };
#undef MESSAGE_KIND

/* Sent as its bytes: every byte belongs to a field. */
struct message {
    uint32_t mark; /* MESSAGE_MARK: ours, and of this layout */
    uint16_t kind; /* enum message_kind */
    int16_t value;
    int64_t trial;
    double seconds; /* of the trial */
};

enum { MESSAGE_BYTES_ALL = 24 };
_Static_assert(sizeof(struct message) == MESSAGE_BYTES_ALL && offsetof(struct message, value) == 6 &&
                   offsetof(struct message, trial) == 8 && offsetof(struct message, seconds) == 16,
               "a message has no padding");

struct message message_make(enum message_kind kind);
const char *message_name(uint16_t kind);

/* Whether these bytes are a message that this side may get: mark, kind, sender, range of every field. */
enum status message_check(const struct message *message, bool from_root, int64_t trial_count, struct error *error);

/* Messages under way. {.communicator = c} is ready. */
struct parcel;
struct outbox {
    MPI_Comm communicator;
    struct parcel *sent; /* not yet taken by MPI */
    struct parcel *free;
};

/* Never blocks. */
enum status outbox_send(struct outbox *outbox, int rank, const struct message *message, struct error *error);
/* Looks which messages are gone. */
enum status outbox_progress(struct outbox *outbox, struct error *error);
/* Waits, asleep, until all are gone, but no longer than so many seconds, and frees the buffers of those that are. */
enum status outbox_close(struct outbox *outbox, double patience, struct error *error);

/* *rank = the sender of a message that was there, or -1: none. Never blocks. */
enum status message_receive(MPI_Comm communicator, struct message *message, int *rank, struct error *error);

#endif
