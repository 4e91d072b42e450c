/* scheduler.c - one queue sorted when it is made, and some trials in the hands of each worker.
 * The queue's head moves on as trials go out; lost trials go back before the head; a comparison joins the end when
 * the second of its two trials has ended. Every event is O(1) and what becomes ready, except that the one which ends
 * the sweep releases all idle workers.
 *
 * Holding ahead spares a worker the wait for an answer, but binds the trial to a worker that others may overtake. It is
 * done only while three more rounds wait: cost waiting >= 3 * workers * cost of what the worker holds. Then nobody
 * falls idle before the new trial starts, and in LPT order no trial held ahead exceeds a third of the optimum, so that
 * Graham's bound, makespan <= 4/3 optimum, still holds.
 *
 * One trial ahead is always wanted; more only until what is held should take chunk_seconds. Each end brings at most one
 * trial more than it takes, so a chunk grows as trust in the measured times does, doubling from one to the next. */
#include "sweep/scheduler.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "seedbed/random.h"

enum { ROUNDS_BEFORE_AHEAD = 3, NOT_IDLE = -1, STARTS_AT_ONCE = 2 };
enum { NOTHING_TO_DO = UINT8_MAX };         /* of scheduler.missing: the comparison has ended */
static const double remembered = 0.99;      /* of the measured times, at each further one */
static const double prediction_slack = 1.2; /* a trial may take so much longer than predicted */

enum worker_state { WORKER_ABSENT, WORKER_HERE, WORKER_GONE };

struct worker {
    int32_t first, last; /* held, linked by scheduler.next: the first is being trained */
    int32_t idle_place;  /* in scheduler.idle, or NOT_IDLE */
    int16_t held_count;
    uint8_t state; /* enum worker_state */
    double cost;   /* of what is held */
};

struct scheduler {
    int64_t trial_count, max_failures;
    bool fail_fast, stopped, gave_up;
    const double *cost;
    int32_t *queue; /* queue[head .. queue_end - 1] wait */
    int32_t *next;  /* [trial_count] of a held trial: the one that its worker trains after it */
    int64_t head, queue_end;
    double waiting_cost;
    double chunk_seconds, measured_seconds, measured_cost; /* of late */
    double time_left, time_whole; /* seconds to the time limit, now and when the session started */
    int64_t aside;                /* trials that do not */
    const bool *begun;
    int64_t free_count;  /* trials before it need no others */
    int64_t blocked;     /* comparisons that wait for trials */
    uint8_t *missing;    /* [trial_count - free_count] trials that have yet to end */
    int64_t *first_user; /* [free_count + 1] where in `users` each trial's comparisons stand */
    int32_t *users;      /* [2 * (trial_count - free_count)] */
    struct worker *workers;
    int32_t *idle; /* [idle_count] workers that hold nothing and are not released */
    int worker_count, live_count, idle_count, busy;
    int64_t held, ended, failures;
};

/* Where the actions of one event go. */
struct reply {
    struct action *actions;
    int count;
};

struct ranked {
    double cost;
    int32_t trial;
};

static int costliest_first(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->cost != b->cost)
        return a->cost > b->cost ? -1 : 1;
    return a->trial < b->trial ? -1 : 1;
}

static enum status sort_by_cost(const double *cost, int32_t *trials, size_t n, struct error *error)
{
    struct ranked *ranked = NULL;
    TRY(memory_allocate((void **)&ranked, n, sizeof *ranked, "order of trials", error));
    for (size_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){.cost = cost[trials[i]], .trial = trials[i]};
    if (n > 0)
        qsort(ranked, n, sizeof *ranked, costliest_first);
    for (size_t i = 0; i < n; i++)
        trials[i] = ranked[i].trial;
    memory_free(ranked);
    return STATUS_OK;
}

static void shuffle(int32_t *trials, size_t n)
{
    struct random random = random_start(STREAM_ORDER, 0, UINT32_MAX);
    for (size_t i = n; i > 1; i--) {
        const uint32_t j = random_below(&random, (uint32_t)i);
        const int32_t last = trials[i - 1];
        trials[i - 1] = trials[j];
        trials[j] = last;
    }
}

static bool has_ended(const struct scheduler_config *config, int64_t trial)
{
    return config->ended != NULL && config->ended[trial];
}

/* Who waits for whom: `users` holds the comparisons of each trial, one trial after another. */
static void link_comparisons(struct scheduler *s, const struct scheduler_config *config)
{
    const int64_t count = s->trial_count - s->free_count;
    int64_t *first = s->first_user;
    for (int64_t i = 0; i < count; i++)
        for (int side = 0; side < 2; side++) {
            assert(config->needs[i][side] >= 0 && config->needs[i][side] < s->free_count);
            first[config->needs[i][side] + 1]++;
            if (!has_ended(config, config->needs[i][side]))
                s->missing[i]++;
        }
    for (int64_t trial = 0; trial < s->free_count; trial++)
        first[trial + 1] += first[trial];
    for (int64_t i = 0; i < count; i++)
        for (int side = 0; side < 2; side++)
            s->users[first[config->needs[i][side]]++] = (int32_t)i;
    for (int64_t trial = s->free_count; trial > 0; trial--)
        first[trial] = first[trial - 1];
    first[0] = 0;
}

/* There are few of them, at most as many as there were workers. */
static void move_begun_ahead(struct scheduler *s, const bool *begun)
{
    int64_t front = 0;
    for (int64_t i = 0; i < s->queue_end; i++) {
        const int32_t trial = s->queue[i];
        if (!begun[trial])
            continue;
        memmove(s->queue + front + 1, s->queue + front, (size_t)(i - front) * sizeof *s->queue);
        s->queue[front++] = trial;
    }
}

static enum status fill_queue(struct scheduler *s, const struct scheduler_config *config, struct error *error)
{
    for (int64_t trial = 0; trial < s->trial_count; trial++) {
        uint8_t *missing = trial < s->free_count ? NULL : &s->missing[trial - s->free_count];
        if (has_ended(config, trial)) {
            s->ended++;
            if (missing != NULL)
                *missing = NOTHING_TO_DO;
            continue;
        }
        const double cost = s->cost[trial];
        if (!isfinite(cost) || cost < 0)
            return fail(error, STATUS_INTERNAL, "trial %lld has the predicted cost %g", (long long)trial, cost);
        if (missing != NULL && *missing > 0) {
            s->blocked++;
            continue;
        }
        s->queue[s->queue_end++] = (int32_t)trial;
        s->waiting_cost += cost;
    }
    if (config->order == ORDER_LPT)
        TRY(sort_by_cost(s->cost, s->queue, (size_t)s->queue_end, error));
    if (config->order == ORDER_RANDOM)
        shuffle(s->queue, (size_t)s->queue_end);
    if (config->begun != NULL)
        move_begun_ahead(s, config->begun);
    return STATUS_OK;
}

static enum status allocate(struct scheduler *s, struct error *error)
{
    const size_t workers = (size_t)s->worker_count;
    TRY(memory_allocate((void **)&s->queue, (size_t)s->trial_count, sizeof *s->queue, "queue of trials", error));
    TRY(memory_allocate((void **)&s->next, (size_t)s->trial_count, sizeof *s->next, "trials held", error));
    const size_t comparisons = (size_t)(s->trial_count - s->free_count);
    TRY(memory_allocate((void **)&s->missing, comparisons, 1, "comparisons", error));
    TRY(memory_allocate((void **)&s->users, 2 * comparisons, sizeof *s->users, "comparisons", error));
    TRY(memory_allocate((void **)&s->first_user, (size_t)s->free_count + 1, sizeof *s->first_user, "comparisons",
                        error));
    TRY(memory_allocate((void **)&s->workers, workers, sizeof *s->workers, "workers", error));
    TRY(memory_allocate((void **)&s->idle, workers, sizeof *s->idle, "idle workers", error));
    for (size_t i = 0; i < workers; i++)
        s->workers[i].idle_place = NOT_IDLE;
    return STATUS_OK;
}

enum status scheduler_create(const struct scheduler_config *config, struct scheduler **out, struct error *error)
{
    assert(config->worker_count >= 1 && config->trial_count >= 0);
    if (config->trial_count > INT32_MAX)
        return fail(error, STATUS_BAD_SWEEP, "the sweep has %lld trials; at most %d can be scheduled: split it",
                    (long long)config->trial_count, INT32_MAX);
    struct scheduler *s = NULL;
    TRY(memory_allocate((void **)&s, 1, sizeof *s, "scheduler", error));
    s->trial_count = config->trial_count;
    s->free_count = config->needs == NULL ? config->trial_count : config->free_count;
    s->max_failures = config->max_failures;
    s->fail_fast = config->fail_fast;
    s->chunk_seconds = config->chunk_seconds;
    s->cost = config->cost;
    s->begun = config->begun;
    s->time_left = s->time_whole = INFINITY;
    s->worker_count = s->live_count = config->worker_count;
    enum status status = allocate(s, error);
    if (status == STATUS_OK && config->needs != NULL)
        link_comparisons(s, config);
    if (status == STATUS_OK)
        status = fill_queue(s, config, error);
    if (status == STATUS_OK)
        *out = s;
    else
        scheduler_destroy(&s);
    return status;
}

void scheduler_destroy(struct scheduler **scheduler)
{
    struct scheduler *s = *scheduler;
    if (s == NULL)
        return;
    memory_free(s->queue);
    memory_free(s->next);
    memory_free(s->missing);
    memory_free(s->users);
    memory_free(s->first_user);
    memory_free(s->workers);
    memory_free(s->idle);
    memory_free(s);
    *scheduler = NULL;
}

static void add_idle(struct scheduler *s, int worker)
{
    s->workers[worker].idle_place = s->idle_count;
    s->idle[s->idle_count++] = worker;
}

static void remove_idle(struct scheduler *s, int worker)
{
    const int place = s->workers[worker].idle_place;
    const int last = s->idle[--s->idle_count];
    s->idle[place] = last;
    s->workers[last].idle_place = place;
    s->workers[worker].idle_place = NOT_IDLE;
}

static void start_next(struct scheduler *s, int worker, struct reply *reply)
{
    struct worker *w = &s->workers[worker];
    const int32_t trial = s->queue[s->head++];
    s->waiting_cost -= s->cost[trial];
    s->busy += w->held_count == 0;
    s->held++;
    if (w->held_count++ == 0)
        w->first = trial;
    else
        s->next[w->last] = trial;
    w->last = trial;
    w->cost += s->cost[trial];
    reply->actions[reply->count++] = (struct action){.kind = ACTION_START, .worker = worker, .trial = trial};
}

static void release_idle(struct scheduler *s, struct reply *reply)
{
    while (s->idle_count > 0) {
        const int worker = s->idle[s->idle_count - 1];
        remove_idle(s, worker);
        s->workers[worker].state = WORKER_GONE;
        reply->actions[reply->count++] = (struct action){.kind = ACTION_RELEASE, .worker = worker, .trial = -1};
    }
}

/* By what was measured; 0 before that. */
static double predicted_seconds(const struct scheduler *s, double cost)
{
    return s->measured_cost > 0 ? prediction_slack * cost * s->measured_seconds / s->measured_cost : 0;
}

/* Whether the trial can end before the time limit, or never could otherwise. */
static bool is_in_time(const struct scheduler *s, int32_t trial)
{
    const double seconds = predicted_seconds(s, s->cost[trial]);
    return seconds <= s->time_left || seconds > s->time_whole || (s->begun != NULL && s->begun[trial]);
}

static bool may_start(struct scheduler *s)
{
    while (!s->stopped && s->head < s->queue_end && !is_in_time(s, s->queue[s->head])) {
        s->waiting_cost -= s->cost[s->queue[s->head++]];
        s->aside++;
    }
    return !s->stopped && s->head < s->queue_end;
}

/* The worker's first trial, taken out of its hands. */
static int32_t take_first(struct scheduler *s, struct worker *w)
{
    const int32_t trial = w->first;
    w->first = s->next[trial];
    w->held_count--;
    w->cost = w->held_count == 0 ? 0 : w->cost - s->cost[trial];
    s->busy -= w->held_count == 0;
    s->held--;
    return trial;
}

static bool is_chunk(const struct scheduler *s, const struct worker *w)
{
    return w->held_count >= SCHEDULER_HELD_MAX || s->measured_cost <= 0 ||
           w->cost * s->measured_seconds >= s->chunk_seconds * s->measured_cost;
}

static bool may_hold_ahead(struct scheduler *s, const struct worker *w)
{
    if (!may_start(s) || (w->held_count > 1 && is_chunk(s, w)))
        return false;
    return scheduler_waiting(s) >= (int64_t)s->live_count * w->held_count &&
           s->waiting_cost >= ROUNDS_BEFORE_AHEAD * (s->live_count * w->cost) &&
           predicted_seconds(s, w->cost + s->cost[s->queue[s->head]]) <= s->time_left;
}

/* Gives a worker that is here what it can have. */
static void serve(struct scheduler *s, int worker, struct reply *reply)
{
    const struct worker *w = &s->workers[worker];
    if (w->held_count == 0 && may_start(s))
        start_next(s, worker, reply);
    if (w->held_count == 0)
        add_idle(s, worker);
    for (int i = 0; i < STARTS_AT_ONCE && w->held_count > 0 && may_hold_ahead(s, w); i++)
        start_next(s, worker, reply);
}

static void handle_joined(struct scheduler *s, const struct event *event, struct reply *reply)
{
    struct worker *w = &s->workers[event->worker];
    if (w->state != WORKER_ABSENT)
        return;
    w->state = WORKER_HERE;
    serve(s, event->worker, reply);
}

static void count_failure(struct scheduler *s)
{
    s->failures++;
    if (s->fail_fast || (s->max_failures > 0 && s->failures >= s->max_failures))
        s->stopped = s->gave_up = true;
}

static void serve_idle(struct scheduler *s, struct reply *reply)
{
    while (may_start(s) && s->idle_count > 0) {
        const int worker = s->idle[s->idle_count - 1];
        remove_idle(s, worker);
        serve(s, worker, reply);
    }
}

/* Comparisons whose other trial has ended too join the queue. */
static void unblock_users(struct scheduler *s, int64_t trial)
{
    if (trial >= s->free_count)
        return;
    for (int64_t i = s->first_user[trial]; i < s->first_user[trial + 1]; i++) {
        const int32_t comparison = s->users[i];
        if (s->missing[comparison] == NOTHING_TO_DO || --s->missing[comparison] > 0)
            continue;
        s->blocked--;
        s->queue[s->queue_end++] = (int32_t)(s->free_count + comparison);
        s->waiting_cost += s->cost[s->free_count + comparison];
    }
}

/* What an earlier session began did not take all its time now. */
static void measure(struct scheduler *s, const struct event *event)
{
    if (s->begun != NULL && s->begun[event->trial])
        return;
    s->measured_seconds = remembered * s->measured_seconds + event->seconds;
    s->measured_cost = remembered * s->measured_cost + s->cost[event->trial];
}

static void handle_ended(struct scheduler *s, const struct event *event, struct reply *reply)
{
    struct worker *w = &s->workers[event->worker];
    if (w->state != WORKER_HERE || w->held_count == 0 || w->first != event->trial)
        return;
    take_first(s, w);
    s->ended++;
    measure(s, event);
    if (event->bad)
        count_failure(s);
    unblock_users(s, event->trial);
    serve(s, event->worker, reply);
    serve_idle(s, reply);
}

static void handle_lost(struct scheduler *s, const struct event *event, struct reply *reply)
{
    struct worker *w = &s->workers[event->worker];
    if (w->state == WORKER_GONE)
        return;
    if (w->idle_place != NOT_IDLE)
        remove_idle(s, event->worker);
    w->state = WORKER_GONE;
    s->live_count--;
    const int64_t place = s->head - w->held_count;
    s->head = place;
    for (int64_t i = place; w->held_count > 0; i++) {
        s->queue[i] = take_first(s, w);
        s->waiting_cost += s->cost[s->queue[i]];
    }
    serve_idle(s, reply);
}

int scheduler_handle(struct scheduler *s, const struct event *event, struct action *actions)
{
    struct reply reply = {.actions = actions};
    assert(event->kind == EVENT_STOP || (event->worker >= 0 && event->worker < s->worker_count));
    switch (event->kind) {
    case EVENT_JOINED:
        handle_joined(s, event, &reply);
        break;
    case EVENT_ENDED:
        handle_ended(s, event, &reply);
        break;
    case EVENT_LOST:
        handle_lost(s, event, &reply);
        break;
    case EVENT_STOP:
        s->stopped = true;
        break;
    }
    /* Idle workers stay while a trial is held: its worker may be lost. */
    if (s->stopped || scheduler_finished(s))
        release_idle(s, &reply);
    return reply.count;
}

int scheduler_actions_max(const struct scheduler *s)
{
    return (1 + STARTS_AT_ONCE) * s->worker_count;
}

bool scheduler_finished(const struct scheduler *s)
{
    return s->held == 0 && (s->stopped || (s->head == s->queue_end && (s->blocked == 0 || s->aside > 0)));
}

bool scheduler_gave_up(const struct scheduler *s)
{
    return s->gave_up;
}

int64_t scheduler_waiting(const struct scheduler *s)
{
    return s->queue_end - s->head + s->blocked + s->aside;
}

void scheduler_set_time(struct scheduler *s, double left, double whole)
{
    s->time_left = left;
    s->time_whole = whole;
}

int64_t scheduler_set_aside(const struct scheduler *s)
{
    return s->aside;
}

int scheduler_busy(const struct scheduler *s)
{
    return s->busy;
}

int64_t scheduler_ended(const struct scheduler *s)
{
    return s->ended;
}

int64_t scheduler_first_held(const struct scheduler *s, int worker)
{
    return s->workers[worker].held_count > 0 ? s->workers[worker].first : -1;
}
