/* backoff.h - waiting without spinning: a spinning rank costs a core, which on a full machine halves another rank. */
#ifndef SEEDBED_CLUSTER_BACKOFF_H
#define SEEDBED_CLUSTER_BACKOFF_H

#include <stdbool.h>

/* {0} is ready. Sleeps from 1 microsecond, doubling to 1 millisecond. */
struct backoff {
    double seconds;
};

/* Something happened: the next sleep is short again. */
void backoff_reset(struct backoff *backoff);
void backoff_sleep(struct backoff *backoff);

/* {0} is ready. True at most once in an interval (seconds): for what must not be done at every mini-batch. */
struct pace {
    double next;
};

bool pace_due(struct pace *pace, double interval);

#endif
