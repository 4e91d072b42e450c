/* signals.c - the first signal sets a flag, a later SIGTERM or SIGINT ends the process at once.
 * Batch systems and mpirun may each deliver the same request: what comes right after the first signal, and SIGUSR1
 * however often, only repeats it. */
#include "cluster/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster/cluster.h"
#include "cluster/crash.h"

enum { SIGNAL_COUNT = 3, EXIT_BY_SIGNAL = 128 };

static const int handled[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGUSR1};
static const double repeat_seconds = 0.2;

/* A handler has no other way to leave word. */
static struct sigaction previous[SIGNAL_COUNT];
static volatile sig_atomic_t stop_requested;
static double first_time; /* only the handler touches it, and it masks all signals */

static void handle_signal(int number)
{
    const double now = clock_monotonic();
    if (!stop_requested) {
        first_time = now;
        stop_requested = 1;
        crash_excuse();
    } else if (number != SIGUSR1 && now - first_time > repeat_seconds) {
        _exit(EXIT_BY_SIGNAL + number);
    }
}

void signals_install(void)
{
    struct sigaction action = {.sa_handler = handle_signal, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(handled[i], &action, &previous[i]);
}

void signals_restore(void)
{
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaction(handled[i], &previous[i], NULL);
}

bool cluster_stop_requested(void)
{
    return stop_requested != 0;
}
