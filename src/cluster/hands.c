#include "cluster/hands.h"

#include <assert.h>

#include "base/clock.h"

void hands_take(struct hands *hands, int64_t trial)
{
    assert(hands->held_count + hands->ended_count < SCHEDULER_HELD_MAX);
    hands->held[(hands->first + hands->held_count++) % SCHEDULER_HELD_MAX] = trial;
}

/* The first failure is the one to report. */
static void give_up(struct hands *hands, enum status status, const struct error *error)
{
    hands->leave = LEAVE_NOW;
    if (hands->status != STATUS_OK && hands->status != STATUS_STOPPED)
        return;
    hands->status = status;
    hands->error = *error;
}

bool hands_train(struct hands *hands, const struct work *work, const struct yield *yield)
{
    const int64_t trial = hands->held[hands->first];
    const double start = clock_monotonic();
    struct trial_ending ending = {0};
    struct error error = {0};
    const enum status status = work->run(work->context, trial, yield, &ending, &error);
    if (status != STATUS_OK) {
        give_up(hands, status, &error);
        return false;
    }
    hands->first = (hands->first + 1) % SCHEDULER_HELD_MAX;
    hands->held_count--;
    hands->bad = hands->bad || ending.outcome == OUTCOME_FAILED || ending.outcome == OUTCOME_TIMEOUT;
    hands->ended[hands->ended_count++] =
        (struct ended_trial){.trial = trial, .outcome = ending.outcome, .seconds = clock_monotonic() - start};
    return true;
}

static bool is_time_to_settle(const struct hands *hands)
{
    const bool at_once = hands->bad || hands->leave != STAY;
    return schedule_settles(hands->ended_count, at_once ? 0 : hands->held_count, clock_monotonic() - hands->settled);
}

bool hands_settle(struct hands *hands, const struct work *work)
{
    struct error error = {0};
    if (!is_time_to_settle(hands))
        return false;
    const enum status status = work->settle != NULL ? work->settle(work->context, &error) : STATUS_OK;
    hands->settled = clock_monotonic();
    if (status == STATUS_OK)
        return true;
    hands->ended_count = 0;
    give_up(hands, status, &error);
    return false;
}

void hands_told(struct hands *hands)
{
    hands->ended_count = 0;
    hands->bad = false;
}
