/* crash.c - faults are signals that the process itself can handle. The kernel's SIGKILL for lack of memory cannot be,
 * and looks like anybody else's: a witness, forked before there is anything to share with MPI, sees the end of a pipe
 * that this process alone holds, and the kernel's count of such kills. */
#include "cluster/crash.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory_left.h"

enum { LOOK_MILLISECONDS = 1000, DESCRIPTORS = 1024 };
static const double recent_seconds = 2; /* a process may take a while to give back its memory */

struct last_words {
    struct results_flight flight;
    atomic_bool excused;
};

/* A signal handler can be told nothing: the one session of this process, in memory shared with the witness if any. */
static struct last_words own_words;
static struct last_words *words = &own_words;

static void note_and_die(int signal_number)
{
    results_note_crash(&words->flight);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void handle_faults(void (*handler)(int))
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

void crash_watch(struct results_writer *writer)
{
    results_show_flight(writer, &words->flight);
    handle_faults(note_and_die);
}

void crash_unwatch(struct results_writer *writer)
{
    handle_faults(SIG_DFL);
    results_show_flight(writer, NULL);
}

void crash_excuse(void)
{
    atomic_store(&words->excused, true);
}

/* No signal and no launcher's wait for the end of output is meant for the witness. */
static void stand_apart(const int ends[2])
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "seedbed-witness");
    close(ends[1]);
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++)
        if (descriptor != ends[0])
            close(descriptor);
}

static _Noreturn void be_witness(const int ends[2])
{
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    double kills = memory_kills(), seen = -INFINITY;
    stand_apart(ends);
    for (bool ended = false; !ended;) {
        ended = poll(&end, 1, LOOK_MILLISECONDS) > 0;
        const double kills_now = memory_kills();
        if (kills_now > kills && kills >= 0)
            seen = clock_monotonic();
        kills = kills_now >= 0 ? kills_now : kills;
    }
    if (clock_monotonic() - seen < recent_seconds && !atomic_load(&words->excused))
        results_note_crash(&words->flight);
    _exit(0);
}

void crash_witness_start(void)
{
    int ends[2];
    void *shared = mmap(NULL, sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0) {
        log_warning("a trial that the kernel ends for lack of memory will not count a crash: no pipe");
        return;
    }
    words = shared;
    const pid_t witness = fork();
    if (witness == 0)
        be_witness(ends);
    if (witness < 0)
        log_warning("a trial that the kernel ends for lack of memory will not count a crash: no process");
    close(ends[0]); /* the other end closes when this process ends, however it does */
}
