#include "cluster/crash.h"

#include <signal.h>

/* A signal handler can be told nothing: the writer of the one session of this process. */
static struct results_writer *volatile watched;

static void note_and_die(int signal_number)
{
    results_note_crash(watched);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void crash_watch(struct results_writer *writer)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    watched = writer;
    struct sigaction action = {.sa_handler = writer == NULL ? SIG_DFL : note_and_die, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}
