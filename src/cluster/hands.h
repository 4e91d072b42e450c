/* hands.h - the trials in one rank's hands: those it is to train, and those it has trained that do not count yet.
 * What counts is on disk, which takes about a millisecond: tiny trials are settled together, half of what is held at a
 * time, so that the other half is trained while rank 0 answers. */
#ifndef SEEDBED_CLUSTER_HANDS_H
#define SEEDBED_CLUSTER_HANDS_H

#include "cluster/cluster.h"

/* How far a rank has been told to leave. */
enum leave { STAY, LEAVE_AFTER_TRIAL, LEAVE_NOW, LEFT };

/* A trial that was trained. */
struct ended_trial {
    int64_t trial;
    enum trial_outcome outcome;
    double seconds; /* that it took here */
};

/* {0} is ready. */
struct hands {
    int64_t held[SCHEDULER_HELD_MAX]; /* a ring: held[first] is trained first */
    int first, held_count;
    struct ended_trial ended[SCHEDULER_HELD_MAX]; /* not yet settled, in their order */
    int ended_count;
    bool bad;       /* one of them failed or timed out */
    double settled; /* monotonic: when last */
    enum leave leave;
    enum status status; /* STATUS_OK, or why this rank cannot go on */
    struct error error;
};

void hands_take(struct hands *hands, int64_t trial);

/* Trains the first that is held. False: it did not end, and the rank is to leave now. */
bool hands_train(struct hands *hands, const struct work *work, const struct yield *yield);

/* Settles what has ended when it is time: true when trials count now that did not before. The caller says so of
 * ended[0 .. ended_count - 1], then calls hands_told. False also when they cannot be settled: the rank is to leave. */
bool hands_settle(struct hands *hands, const struct work *work);
void hands_told(struct hands *hands);

#endif
