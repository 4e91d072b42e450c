/* scheduler.h - which worker trains which trial next.
 * Pure: no MPI, no clock, no I/O. Events go in, actions come out.
 * Comparisons of two trials are scheduled as trials that start only when both have ended, whatever their outcome.
 * Invariant: a trial is WAITING, HELD by exactly one worker, or ENDED.
 * A worker trains what it is given in the order given, and is released once it holds nothing and nothing can come.
 * It holds one trial ahead, or a chunk of tiny ones, so that it seldom waits for an answer.
 * When the sweep stops, a trial held ahead stays held: the transport tells the worker to drop it and, once it has left,
 * says EVENT_LOST, which makes the trial wait again. */
#ifndef SEEDBED_SWEEP_SCHEDULER_H
#define SEEDBED_SWEEP_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/status.h"

enum schedule_order { ORDER_LPT, ORDER_FIFO, ORDER_RANDOM };

struct scheduler_config {
    int64_t trial_count;
    int64_t free_count;        /* trials from here on are comparisons: each waits for the end of two others before */
    const int32_t (*needs)[2]; /* [trial_count - free_count] the two; lent for the call */
    int worker_count;
    enum schedule_order order;
    const double *cost;   /* [trial_count] predicted, any unit, finite, >= 0; lent for the scheduler's life */
    const bool *ended;    /* [trial_count] already have an outcome; lent for the call; NULL: none */
    const bool *begun;    /* [trial_count] go out before all others; lent for the scheduler's life; NULL: none */
    int64_t max_failures; /* stop at this many bad trials; 0: no limit */
    bool fail_fast;       /* stop at the first failure */
    double chunk_seconds; /* what a worker should hold, while many wait, by the times measured; 0: one trial ahead */
};

enum { SCHEDULER_HELD_MAX = 1024 }; /* trials that one worker holds at most */

/* A worker should hold what takes it so long; what it has trained is on disk, and said to have ended, after half of
 * that. */
static const double schedule_chunk_seconds = 1, schedule_settle_seconds = 0.5;

/* Whether a worker should bring to disk what has ended, now that it holds so many more: `since` seconds after the last
 * time. */
static inline bool schedule_settles(int64_t ended, int64_t held, double since)
{
    return ended > 0 && (ended >= held || since >= schedule_settle_seconds);
}

enum event_kind {
    EVENT_JOINED, /* a worker is there, idle */
    EVENT_ENDED,  /* a worker ended a trial; bad: failed or timed out */
    EVENT_LOST,   /* a worker is gone: what it held waits again */
    EVENT_STOP    /* start nothing more */
};

struct event {
    enum event_kind kind;
    int worker;
    int64_t trial;
    bool bad;
    double seconds; /* that the ended trial took */
};

enum action_kind {
    ACTION_START,  /* give the trial to the worker, after those that it holds */
    ACTION_RELEASE /* nothing more will come for this worker */
};

struct action {
    enum action_kind kind;
    int worker;
    int64_t trial;
};

struct scheduler;

/* At most 2^31 - 1 trials. *out is owned by the caller. */
enum status scheduler_create(const struct scheduler_config *config, struct scheduler **out, struct error *error);
void scheduler_destroy(struct scheduler **scheduler);

/* Feeds one event. actions: room for scheduler_actions_max; returns how many were written. An event that does not fit,
 * such as the end of a trial that the worker does not train, changes nothing. */
int scheduler_handle(struct scheduler *scheduler, const struct event *event, struct action *actions);
int scheduler_actions_max(const struct scheduler *scheduler);

/* Before an event: seconds to the time limit, and those that there were at the start. A trial that is predicted to take
 * longer than is left is set aside until the next session, unless it is begun or would take longer than there ever was.
 * Before any time was measured all are in time. */
void scheduler_set_time(struct scheduler *scheduler, double left, double whole);
int64_t scheduler_set_aside(const struct scheduler *scheduler);

/* Every trial has ended, or the sweep was stopped and no worker holds one. */
bool scheduler_finished(const struct scheduler *scheduler);
/* Stopped by max_failures or fail_fast. */
bool scheduler_gave_up(const struct scheduler *scheduler);
int64_t scheduler_waiting(const struct scheduler *scheduler);
/* Workers that hold something. */
int scheduler_busy(const struct scheduler *scheduler);
int64_t scheduler_ended(const struct scheduler *scheduler);
/* The first of the trials that a worker holds; -1: none. */
int64_t scheduler_first_held(const struct scheduler *scheduler, int worker);

#endif
