/* fake_work.h - trials that only take time, and a record of which this rank trained. */
#ifndef SEEDBED_TESTS_FAKE_WORK_H
#define SEEDBED_TESTS_FAKE_WORK_H

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cluster/cluster.h"

enum { FAKE_TRIALS_MAX = 4096, NONE = -1 };

struct fake_work {
    double seconds, failing_seconds; /* of each trial, spent between yields */
    int64_t failing_trial, erring_trial;
    int errors;
    int runs, signalling_run; /* raises `signal` in this rank's n-th run */
    int signal;
    int trained[FAKE_TRIALS_MAX]; /* how often it ended here */
    int64_t order[FAKE_TRIALS_MAX];
    int count, settled; /* of order: how many ended here, and count */
    int settles;
    int erring_settle; /* the n-th has no room */
    double longest_wait, unsettled_since;
};

static inline enum status fake_settle(void *context, struct error *error)
{
    struct fake_work *fake = context;
    const double waited = clock_monotonic() - fake->unsettled_since;
    if (fake->settles++ == fake->erring_settle)
        return fail(error, STATUS_NO_SPACE, "no room for %d trials", fake->count - fake->settled);
    fake->longest_wait = waited > fake->longest_wait ? waited : fake->longest_wait;
    fake->settled = fake->count;
    return STATUS_OK;
}

static inline enum status fake_run(void *context, int64_t trial, const struct yield *yield, struct trial_ending *ending,
                                   struct error *error)
{
    struct fake_work *fake = context;
    const double end = clock_monotonic() + (trial == fake->failing_trial ? fake->failing_seconds : fake->seconds);
    if (fake->runs++ == fake->signalling_run)
        raise(fake->signal);
    while (clock_monotonic() < end)
        TRY(yield->call(yield->context, error));
    if (trial == fake->erring_trial && ++fake->errors)
        return fail(error, STATUS_NO_SPACE, "no room for trial %lld", (long long)trial);
    ending->outcome = trial == fake->failing_trial ? OUTCOME_FAILED : OUTCOME_DONE;
    ending->seconds = fake->seconds;
    if (fake->settled == fake->count)
        fake->unsettled_since = clock_monotonic();
    fake->trained[trial]++;
    fake->order[fake->count++] = trial;
    return STATUS_OK;
}

static inline struct fake_work fake_work(double seconds)
{
    return (struct fake_work){
        .seconds = seconds, .failing_trial = NONE, .erring_trial = NONE, .signalling_run = NONE, .erring_settle = NONE};
}

#endif
