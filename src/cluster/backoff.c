#include "cluster/backoff.h"

#include "base/clock.h"

static const double shortest_sleep = 1e-6, longest_sleep = 1e-3;

void backoff_reset(struct backoff *backoff)
{
    backoff->seconds = 0;
}

void backoff_sleep(struct backoff *backoff)
{
    const double doubled = 2 * backoff->seconds;
    backoff->seconds = doubled < shortest_sleep ? shortest_sleep : doubled > longest_sleep ? longest_sleep : doubled;
    clock_sleep(backoff->seconds);
}

bool pace_due(struct pace *pace, double interval)
{
    const double now = clock_monotonic();
    if (now < pace->next)
        return false;
    pace->next = now + interval;
    return true;
}
