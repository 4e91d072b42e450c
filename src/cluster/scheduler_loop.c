/* scheduler_loop.c - feeds the scheduler with what workers say and carries out its actions.
 * Rank 0 is worker 0, unless it only serves: its trials pass through the same events, without messages. It looks for
 * messages from the yield of the trial that it trains, and asleep between looks when it has none. A rank leaves after
 * FINISH (its trial ends first) or STOP (it does not); its last word gives back what it held. */
#include "cluster/scheduler_loop.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/backoff.h"
#include "cluster/communicator.h"
#include "cluster/hands.h"
#include "cluster/liveness.h"
#include "cluster/messages.h"
#include "cluster/outlook.h"
#include "cluster/worker_loop.h"

static const double report_interval = 0.2;
static const double last_words_seconds = 1; /* that messages to ranks which may be gone are given at the end */

struct coordinator {
    struct cluster *cluster;
    const struct cluster_plan *plan;
    const struct work *work;
    struct scheduler *scheduler;
    struct action *actions;
    struct outbox outbox;
    uint8_t *told; /* [size] enum leave */
    int joined_count, left_count, lost_count;
    bool gathering; /* nobody is given work until all have joined */
    bool stopping, finishing;
    struct hands hands;
    struct progress progress;
    struct outlook *outlook;
    double start;
    struct pace poll_pace, report_pace;
    struct backoff backoff;
    double whole_seconds; /* from the start to the time limit */
};

static void count_costs(struct coordinator *c)
{
    const struct scheduler_config *config = &c->plan->scheduler;
    c->progress.trials = config->needs == NULL ? config->trial_count : config->free_count;
    c->progress.pairs = config->trial_count - c->progress.trials;
    c->progress.pairs_ended = c->plan->pairs_ended;
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        c->progress.ended[outcome] = c->plan->ended[outcome];
    for (int64_t trial = 0; trial < config->trial_count; trial++)
        if (config->ended == NULL || !config->ended[trial])
            c->progress.cost_total += config->cost[trial];
}

enum status coordinator_create(struct cluster *cluster, const struct cluster_plan *plan, const struct work *work,
                               struct coordinator **out, struct error *error)
{
    struct coordinator *c = NULL;
    TRY(memory_allocate((void **)&c, 1, sizeof *c, "coordinator", error));
    c->cluster = cluster;
    c->plan = plan;
    c->work = work;
    c->outbox.communicator = cluster->world;
    c->start = clock_monotonic();
    c->whole_seconds = work->time_left == NULL ? 0 : work->time_left(work->context);
    struct scheduler_config config = plan->scheduler;
    config.worker_count = cluster->size;
    config.chunk_seconds = schedule_chunk_seconds;
    enum status status = scheduler_create(&config, &c->scheduler, error);
    if (status == STATUS_OK)
        status = memory_allocate((void **)&c->actions, (size_t)scheduler_actions_max(c->scheduler), sizeof *c->actions,
                                 "actions", error);
    if (status == STATUS_OK)
        status = memory_allocate((void **)&c->told, (size_t)cluster->size, 1, "workers", error);
    if (status == STATUS_OK)
        status = outlook_create(plan, cluster->size, &c->outlook, error);
    if (status != STATUS_OK) {
        coordinator_destroy(&c);
        return status;
    }
    count_costs(c);
    *out = c;
    return STATUS_OK;
}

void coordinator_destroy(struct coordinator **coordinator)
{
    struct coordinator *c = *coordinator;
    if (c == NULL)
        return;
    scheduler_destroy(&c->scheduler);
    outlook_destroy(&c->outlook);
    memory_free(c->actions);
    memory_free(c->told);
    memory_free(c);
    *coordinator = NULL;
}

static void send(struct coordinator *c, int worker, enum message_kind kind, int64_t trial)
{
    struct error error;
    struct message message = message_make(kind);
    message.trial = trial;
    const enum status status = outbox_send(&c->outbox, worker, &message, &error);
    if (!cluster_recovers(c->cluster)) /* else its loss will be noticed */
        cluster_require(c->cluster, status, &error);
}

/* Once told to leave, a worker is told again only what is more urgent; once it has left, nothing. */
static void tell_to_leave(struct coordinator *c, int worker, enum leave how)
{
    if (c->told[worker] >= how)
        return;
    c->told[worker] = (uint8_t)how;
    if (worker == 0)
        c->hands.leave = how;
    else
        send(c, worker, how == LEAVE_NOW ? MESSAGE_STOP : MESSAGE_FINISH, -1);
}

static void tell_all_to_leave(struct coordinator *c, enum leave how)
{
    for (int worker = 0; worker < c->cluster->size; worker++)
        tell_to_leave(c, worker, how);
}

static void act(struct coordinator *c, const struct action *action)
{
    if (action->kind == ACTION_START && action->trial == scheduler_first_held(c->scheduler, action->worker))
        outlook_begun(c->outlook, action->worker);
    if (action->kind == ACTION_RELEASE)
        tell_to_leave(c, action->worker, LEAVE_AFTER_TRIAL);
    else if (action->worker == 0)
        hands_take(&c->hands, action->trial);
    else
        send(c, action->worker, MESSAGE_START, action->trial);
}

static void feed(struct coordinator *c, const struct event *event)
{
    if (c->work->time_left != NULL)
        scheduler_set_time(c->scheduler, c->work->time_left(c->work->context), c->whole_seconds);
    const int count = scheduler_handle(c->scheduler, event, c->actions);
    for (int i = 0; i < count; i++)
        act(c, &c->actions[i]);
    if (scheduler_gave_up(c->scheduler) && !c->finishing) {
        c->finishing = true;
        tell_all_to_leave(c, LEAVE_AFTER_TRIAL);
    }
}

static void stop(struct coordinator *c)
{
    if (c->stopping)
        return;
    c->stopping = true;
    feed(c, &(struct event){.kind = EVENT_STOP});
    tell_all_to_leave(c, LEAVE_NOW);
}

static void note_ended(struct coordinator *c, int worker, const struct ended_trial *ended)
{
    const int64_t before = scheduler_ended(c->scheduler), trial = ended->trial;
    const enum trial_outcome outcome = ended->outcome;
    const bool pair = trial >= c->progress.trials;
    feed(c, &(struct event){.kind = EVENT_ENDED,
                            .worker = worker,
                            .trial = trial,
                            .bad = !pair && (outcome == OUTCOME_FAILED || outcome == OUTCOME_TIMEOUT),
                            .seconds = ended->seconds});
    if (scheduler_ended(c->scheduler) == before)
        return;
    outlook_ended(c->outlook, worker, trial, outcome == OUTCOME_DONE, ended->seconds);
    if (pair)
        c->progress.pairs_ended++;
    else
        c->progress.ended[outcome]++;
    c->progress.cost_ended += c->plan->scheduler.cost[trial];
    if (c->plan->samples != NULL)
        c->progress.samples += c->plan->samples[trial];
}

/* Else all ranks agree on it, with that rank's own words, when the run is over. */
static void keep_failure(struct coordinator *c, int worker, enum status status)
{
    struct hands *hands = &c->hands;
    if (cluster_recovers(c->cluster) && worker != 0 && status != STATUS_OK && status != STATUS_STOPPED &&
        (hands->status == STATUS_OK || hands->status == STATUS_STOPPED))
        hands->status = fail(&hands->error, status, "rank %d could not go on: its own message says why", worker);
}

static void note_left(struct coordinator *c, int worker, enum status status)
{
    if (status != STATUS_OK)
        stop(c);
    keep_failure(c, worker, status);
    c->told[worker] = LEFT;
    c->left_count++;
    feed(c, &(struct event){.kind = EVENT_LOST, .worker = worker});
    if (worker != 0)
        send(c, worker, MESSAGE_END, -1);
}

/* What it held goes to others; whoever begins it sees what has become of it. */
static void note_lost(struct coordinator *c, int worker)
{
    log_warning("rank %d was lost: the run goes on without it", worker);
    c->told[worker] = LEFT;
    c->left_count++;
    feed(c, &(struct event){.kind = EVENT_LOST, .worker = worker});
}

static void note_lost_ranks(struct coordinator *c)
{
    for (int worker = 1; worker < c->cluster->size; worker++)
        if (c->told[worker] != LEFT && liveness_is_lost(c->cluster->liveness, worker))
            note_lost(c, worker);
}

static void hear(struct coordinator *c, int worker, const struct message *message)
{
    if (c->told[worker] == LEFT) /* what was on its way when it was lost */
        return;
    switch (message->kind) {
    case MESSAGE_JOINED:
        c->joined_count++;
        if (!c->gathering)
            feed(c, &(struct event){.kind = EVENT_JOINED, .worker = worker});
        break;
    case MESSAGE_ENDED:
        note_ended(c, worker,
                   &(struct ended_trial){message->trial, (enum trial_outcome)message->value, message->seconds});
        break;
    case MESSAGE_STOPPING:
        stop(c);
        break;
    default:
        note_left(c, worker, (enum status)message->value);
    }
}

static void report(struct coordinator *c)
{
    c->progress.seconds = clock_monotonic() - c->start;
    c->progress.running = scheduler_busy(c->scheduler);
    outlook_look(c->outlook, c->scheduler, &c->progress.eta);
    if (c->plan->report != NULL)
        c->plan->report(c->plan->report_context, &c->progress);
}

/* Handles every message that is there. */
static void poll_messages(struct coordinator *c)
{
    struct error error;
    struct message message;
    int worker = -1;
    if (!c->stopping && must_stop(c->work))
        stop(c);
    if (c->outbox.sent != NULL && outbox_progress(&c->outbox, &error) != STATUS_OK && !cluster_recovers(c->cluster))
        cluster_require(c->cluster, error.status, &error);
    const int lost_count = cluster_recovers(c->cluster) ? liveness_lost_count(c->cluster->liveness) : 0;
    for (;;) {
        cluster_require(c->cluster, message_receive(c->cluster->world, &message, &worker, &error), &error);
        if (worker < 0)
            break;
        cluster_require(c->cluster, message_check(&message, false, c->plan->scheduler.trial_count, &error), &error);
        hear(c, worker, &message);
        backoff_reset(&c->backoff);
    }
    if (c->work->serve != NULL)
        cluster_require(c->cluster, c->work->serve(c->work->context, &error), &error);
    if (lost_count > c->lost_count) { /* after their last messages */
        c->lost_count = lost_count;
        note_lost_ranks(c);
    }
    if (pace_due(&c->report_pace, report_interval))
        report(c);
}

static void settle(struct coordinator *c)
{
    struct hands *hands = &c->hands;
    if (!hands_settle(hands, c->work))
        return;
    struct ended_trial ended[SCHEDULER_HELD_MAX];
    const int count = hands->ended_count;
    memcpy(ended, hands->ended, (size_t)count * sizeof *ended);
    hands_told(hands); /* before the scheduler gives more */
    for (int i = 0; i < count; i++)
        note_ended(c, 0, &ended[i]);
    backoff_reset(&c->backoff);
}

static enum status yield_to_messages(void *context, struct error *error)
{
    struct coordinator *c = context;
    if (pace_due(&c->poll_pace, poll_interval)) {
        poll_messages(c);
        settle(c);
    }
    return c->hands.leave == LEAVE_NOW ? fail(error, STATUS_STOPPED, "stopped before its end") : STATUS_OK;
}

static void train(struct coordinator *c)
{
    const struct yield yield = {.context = c, .call = yield_to_messages};
    hands_train(&c->hands, c->work, &yield);
    settle(c);
}

static void leave(struct coordinator *c)
{
    settle(c);
    note_left(c, 0, c->hands.status);
}

static const char *units_word(const struct coordinator *c)
{
    return c->progress.pairs > 0 ? "trials and pairs" : "trials";
}

static enum status how_it_went(struct coordinator *c, struct error *error)
{
    const struct hands *hands = &c->hands;
    if (hands->status != STATUS_OK && hands->status != STATUS_STOPPED) {
        if (error != NULL)
            *error = hands->error;
        return hands->status;
    }
    const int64_t units = c->progress.trials + c->progress.pairs;
    if (scheduler_ended(c->scheduler) == units)
        return STATUS_OK;
    if (!c->stopping && scheduler_set_aside(c->scheduler) > 0)
        return fail(error, STATUS_STOPPED, "stopped: none of the %lld %s that are left can end before the time limit",
                    (long long)scheduler_waiting(c->scheduler), units_word(c));
    if (!c->stopping && c->lost_count > 0 && !scheduler_gave_up(c->scheduler))
        return fail(error, STATUS_STOPPED, "stopped: every rank that trained was lost; %lld of %lld %s are left",
                    (long long)scheduler_waiting(c->scheduler), (long long)units, units_word(c));
    if (!c->stopping)
        return STATUS_OK;
    return fail(error, STATUS_STOPPED, "stopped before the end: %lld of %lld %s are left",
                (long long)scheduler_waiting(c->scheduler), (long long)units, units_word(c));
}

/* Once a rank has joined it waits for nobody but rank 0. Before, the loss of one could leave another waiting for ever.
 */
static void gather(struct coordinator *c)
{
    c->gathering = true;
    while (c->joined_count < c->cluster->size - 1) {
        poll_messages(c);
        backoff_sleep(&c->backoff);
    }
    c->gathering = false;
    liveness_part(c->cluster->liveness);
}

static void close_outbox(struct coordinator *c)
{
    struct error error;
    const bool recovers = cluster_recovers(c->cluster);
    const enum status status = outbox_close(&c->outbox, recovers ? last_words_seconds : (double)INFINITY, &error);
    if (!recovers)
        cluster_require(c->cluster, status, &error);
}

enum status coordinator_run(struct coordinator *c, struct progress *progress, struct error *error)
{
    if (cluster_recovers(c->cluster))
        gather(c);
    if (c->plan->root_serves)
        note_left(c, 0, STATUS_OK); /* as a worker */
    for (int worker = 0; worker <= c->joined_count; worker++)
        if (c->told[worker] != LEFT)
            feed(c, &(struct event){.kind = EVENT_JOINED, .worker = worker});
    while (c->left_count < c->cluster->size) {
        poll_messages(c);
        if (c->hands.leave == STAY && c->hands.held_count > 0)
            train(c);
        else if (c->hands.leave != STAY && c->told[0] != LEFT)
            leave(c);
        else if (c->left_count < c->cluster->size)
            backoff_sleep(&c->backoff);
    }
    close_outbox(c);
    report(c);
    *progress = c->progress;
    return how_it_went(c, error);
}
