/* rehearsal.c - the copy has the default reaction to signals, so that it crashes in silence and for itself alone. */
#include "data/rehearsal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void act_alone(void (*work)(const void *context), const void *context)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT};
    const struct rlimit no_core = {0};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    work(context);
    _exit(0);
}

enum status rehearse(void (*work)(const void *context), const void *context, bool *survived, struct error *error)
{
    int ending = 0;
    const pid_t copy = fork();
    if (copy < 0)
        return fail(error, STATUS_IO, "no process to read a file with: %s", strerror(errno));
    if (copy == 0)
        act_alone(work, context);
    while (waitpid(copy, &ending, 0) < 0)
        if (errno != EINTR)
            return fail(error, STATUS_IO, "a process that reads a file is lost: %s", strerror(errno));
    *survived = ending == 0;
    return STATUS_OK;
}
