/* worker_loop.c - train what is held, tell rank 0, go on with what was held ahead; asleep when there is nothing.
 * Without its connection to rank 0 a worker is of no use and nobody can be told: it ends the job. */
#include "cluster/worker_loop.h"

#include <math.h>

#include "cluster/backoff.h"
#include "cluster/communicator.h"
#include "cluster/hands.h"
#include "cluster/messages.h"

struct worker {
    struct cluster *cluster;
    const struct work *work;
    struct outbox outbox;
    struct hands hands;
    struct pace pace;
    struct backoff backoff;
    bool stop_told, over;
};

bool must_stop(const struct work *work)
{
    return cluster_stop_requested() || (work->time_left != NULL && work->time_left(work->context) <= 0);
}

static void tell(struct worker *worker, const struct message *message)
{
    struct error error;
    cluster_require(worker->cluster, outbox_send(&worker->outbox, 0, message, &error), &error);
}

static void obey(struct worker *worker, const struct message *message)
{
    struct hands *hands = &worker->hands;
    switch (message->kind) {
    case MESSAGE_START:
        if (hands->leave == STAY)
            hands_take(hands, message->trial);
        break;
    case MESSAGE_FINISH:
        if (hands->leave == STAY)
            hands->leave = LEAVE_AFTER_TRIAL;
        break;
    case MESSAGE_STOP:
        hands->leave = LEAVE_NOW;
        break;
    default:
        worker->over = true;
    }
}

static void notice_stop(struct worker *worker)
{
    if (worker->stop_told || !must_stop(worker->work))
        return;
    const struct message stopping = message_make(MESSAGE_STOPPING);
    worker->stop_told = true;
    worker->hands.leave = LEAVE_NOW;
    tell(worker, &stopping);
}

/* Handles every message that is there. */
static void poll_messages(struct worker *worker)
{
    struct error error;
    struct message message;
    int rank = -1;
    if (worker->outbox.sent != NULL)
        cluster_require(worker->cluster, outbox_progress(&worker->outbox, &error), &error);
    for (;;) {
        cluster_require(worker->cluster, message_receive(worker->cluster->world, &message, &rank, &error), &error);
        if (rank < 0)
            return;
        cluster_require(worker->cluster, message_check(&message, true, INT64_MAX, &error), &error);
        obey(worker, &message);
        backoff_reset(&worker->backoff);
    }
}

static void settle(struct worker *worker)
{
    struct hands *hands = &worker->hands;
    if (!hands_settle(hands, worker->work))
        return;
    for (int i = 0; i < hands->ended_count; i++) {
        struct message ended = message_make(MESSAGE_ENDED);
        ended.trial = hands->ended[i].trial;
        ended.value = (int16_t)hands->ended[i].outcome;
        ended.seconds = hands->ended[i].seconds;
        tell(worker, &ended);
    }
    hands_told(hands);
    backoff_reset(&worker->backoff);
}

static enum status yield_to_messages(void *context, struct error *error)
{
    struct worker *worker = context;
    if (pace_due(&worker->pace, poll_interval)) {
        notice_stop(worker);
        poll_messages(worker);
        settle(worker);
    }
    return worker->hands.leave == LEAVE_NOW ? fail(error, STATUS_STOPPED, "stopped before its end") : STATUS_OK;
}

static void train(struct worker *worker)
{
    const struct yield yield = {.context = worker, .call = yield_to_messages};
    hands_train(&worker->hands, worker->work, &yield);
    settle(worker);
}

static void leave(struct worker *worker)
{
    struct message left = message_make(MESSAGE_LEFT);
    settle(worker);
    left.value = (int16_t)worker->hands.status;
    tell(worker, &left);
    while (!worker->over) {
        poll_messages(worker);
        if (!worker->over)
            backoff_sleep(&worker->backoff);
    }
}

enum status worker_run(struct cluster *cluster, const struct work *work, struct error *error)
{
    struct worker worker = {.cluster = cluster, .work = work, .outbox = {.communicator = cluster->world}};
    const struct message joined = message_make(MESSAGE_JOINED);
    tell(&worker, &joined);
    while (worker.hands.leave == STAY) {
        notice_stop(&worker);
        poll_messages(&worker);
        if (worker.hands.leave != STAY)
            break;
        if (worker.hands.held_count > 0)
            train(&worker);
        else
            backoff_sleep(&worker.backoff);
    }
    leave(&worker);
    cluster_require(worker.cluster, outbox_close(&worker.outbox, (double)INFINITY, &worker.hands.error),
                    &worker.hands.error);
    if (worker.hands.status == STATUS_OK || worker.hands.status == STATUS_STOPPED)
        return STATUS_OK;
    if (error != NULL)
        *error = worker.hands.error;
    return worker.hands.status;
}
