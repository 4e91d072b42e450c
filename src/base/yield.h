/* yield.h - what long work calls now and then, so that others get their turn. */
#ifndef SEEDBED_BASE_YIELD_H
#define SEEDBED_BASE_YIELD_H

#include "seedbed/status.h"

/* STATUS_OK: go on; STATUS_STOPPED or STATUS_TIMEOUT: end at once with it. Must be cheap. */
struct yield {
    void *context;
    enum status (*call)(void *context, struct error *error);
};

#endif
