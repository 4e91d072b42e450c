#include "results/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far longer than any file takes, which is milliseconds. */
enum { PROBE_SECONDS = 120 };

/* Dies without a word, a core file or what MPI and sanitizers would do. */
static void prepare_to_crash(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    alarm(PROBE_SECONDS);
}

/* What the child said, and how it ended: negative when it could not be found out. */
static ssize_t wait_for_child(pid_t child, int from_child, struct error *said, int *how)
{
    ssize_t got;
    do
        got = read(from_child, said, sizeof *said);
    while (got < 0 && errno == EINTR);
    while (waitpid(child, how, 0) < 0)
        if (errno != EINTR)
            return -1;
    return got;
}

static enum status judge(const char *path, int how, const struct error *said, struct error *error)
{
    if (WIFSIGNALED(how))
        return fail(error, STATUS_BAD_RESULTS,
                    "%s: is damaged: HDF5 cannot read it without crashing (%s); it is left as it is", path,
                    strsignal(WTERMSIG(how)));
    return said->status == STATUS_OK ? STATUS_OK : fail(error, said->status, "%s", said->text);
}

enum status probe_file(const char *path, enum status (*read_file)(const char *path, struct error *error),
                       struct error *error)
{
    int ends[2], how = 0;
    if (pipe(ends) != 0)
        return fail(error, STATUS_IO, "%s: cannot be tried out: no pipe: %s", path, strerror(errno));
    struct error said = {.status = STATUS_INTERNAL, .text = "a results file could not be tried out"};
    const pid_t child = fork();
    if (child == 0) {
        prepare_to_crash();
        said = (struct error){0};
        said.status = read_file(path, &said);
        _exit(write(ends[1], &said, sizeof said) == (ssize_t)sizeof said ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t got = child < 0 ? -1 : wait_for_child(child, ends[0], &said, &how);
    close(ends[0]);
    if (got < 0)
        return fail(error, STATUS_IO, "%s: cannot be tried out: no process: %s", path, strerror(errno));
    return judge(path, how, &said, error);
}
