/* liveness.c - one thread, the only one that touches this communicator and the peers.
 * Rank 0's peers are all ranks, a worker's only peer is rank 0. A beat is never sent while the one before it is still
 * under way, so that nothing piles up for a rank that is gone. */
#include "cluster/liveness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/crash.h"

enum { BEAT_TAG = 2, BEATS_A_LEASE = 10, NONE = -1 };
static const double goodbye = -1;          /* as beat.sent: the sender leaves by itself */
static const double patience = 5;          /* seconds that rank 0 waits for the others' goodbyes */
static const double leave_interval = 0.01; /* between looks then */

struct beat {
    double sent;  /* by the sender's clock */
    double heard; /* the last beat of the receiver that reached the sender, by the receiver's clock; 0: none */
};

struct peer {
    double heard_at; /* by this rank's clock */
    struct beat out;
    MPI_Request sending;
    int process; /* pidfd of one on this node, else NONE */
    bool killed, left;
    atomic_bool lost;
};

struct liveness {
    MPI_Comm beats;
    int rank, peer_count;
    double lease;
    double looked_at;       /* when the thread last looked around */
    struct peer *peers;     /* [peer_count] by rank */
    struct pollfd *watched; /* [peer_count + 1] the processes, and the end of a pipe that wakes the thread */
    int wake;               /* the pipe's other end */
    atomic_int lost_count;
    _Atomic double lease_end; /* a worker's */
    atomic_bool apart, leaving;
    atomic_int code;
    pthread_t thread;
};

static void lose(struct liveness *l, int rank)
{
    if (!atomic_load(&l->apart)) {
        log_line("error: rank %d was lost before the first trial: start again", rank);
        _exit(EXIT_FAILURE);
    }
    atomic_store(&l->peers[rank].lost, true);
    atomic_fetch_add(&l->lost_count, 1);
}

static bool is_here(const struct liveness *l, int rank)
{
    return rank != l->rank && !l->peers[rank].left && !atomic_load(&l->peers[rank].lost);
}

static void take_beat(struct liveness *l, int rank, const struct beat *beat)
{
    struct peer *peer = &l->peers[rank];
    if (beat->sent == goodbye) {
        peer->left = true;
        return;
    }
    peer->heard_at = clock_monotonic();
    peer->out.heard = beat->sent;
    if (l->rank != 0 && beat->heard + l->lease > atomic_load(&l->lease_end))
        atomic_store(&l->lease_end, beat->heard + l->lease);
}

static void receive_beats(struct liveness *l)
{
    for (;;) {
        int there = 0;
        MPI_Status status;
        struct beat beat;
        if (MPI_Iprobe(MPI_ANY_SOURCE, BEAT_TAG, l->beats, &there, &status) != MPI_SUCCESS || !there)
            return;
        if (MPI_Recv(&beat, sizeof beat, MPI_BYTE, status.MPI_SOURCE, BEAT_TAG, l->beats, MPI_STATUS_IGNORE) !=
            MPI_SUCCESS)
            return;
        if (is_here(l, status.MPI_SOURCE))
            take_beat(l, status.MPI_SOURCE, &beat);
    }
}

/* False: the one before it is still under way. */
static bool send_beat(struct liveness *l, int rank, double sent)
{
    struct peer *peer = &l->peers[rank];
    int gone = 0;
    if (MPI_Test(&peer->sending, &gone, MPI_STATUS_IGNORE) == MPI_SUCCESS && !gone)
        return false;
    peer->out.sent = sent;
    if (MPI_Isend(&peer->out, sizeof peer->out, MPI_BYTE, rank, BEAT_TAG, l->beats, &peer->sending) != MPI_SUCCESS)
        peer->sending = MPI_REQUEST_NULL;
    return true;
}

/* The kernel's word on a process of this node. */
static bool has_died(struct liveness *l, int rank)
{
    struct peer *peer = &l->peers[rank];
    struct pollfd look = {.fd = peer->process, .events = POLLIN};
    if (peer->process == NONE || poll(&look, 1, 0) != 1)
        return false;
    close(peer->process);
    peer->process = l->watched[rank].fd = NONE;
    return true;
}

static void kill_process(const struct peer *peer)
{
#ifdef SYS_pidfd_send_signal
    syscall(SYS_pidfd_send_signal, peer->process, SIGKILL, NULL, 0);
#else
    (void)peer;
#endif
}

/* One that does not even die when it is killed (it may hang in the file system) is given another lease. */
static bool is_silent_too_long(struct liveness *l, int rank)
{
    struct peer *peer = &l->peers[rank];
    const double silent = clock_monotonic() - peer->heard_at;
    const bool here = peer->process != NONE;
    if (silent > l->lease && here && !peer->killed) {
        log_warning("rank %d has been silent for %.3g s: it is ended", rank, silent);
        kill_process(peer);
        peer->killed = true;
    }
    return silent > (here ? 2 : 1) * l->lease;
}

static bool is_gone(struct liveness *l, int rank)
{
    if (!has_died(l, rank))
        return is_silent_too_long(l, rank);
    receive_beats(l); /* its goodbye may be there */
    return !l->peers[rank].left;
}

/* A job may be suspended whole: what this rank slept through is nobody's silence. */
static void forgive_own_sleep(struct liveness *l)
{
    const double now = clock_monotonic();
    const double slept = now - l->looked_at - 2 * l->lease / BEATS_A_LEASE;
    for (int rank = 0; slept > 0 && rank < l->peer_count; rank++)
        l->peers[rank].heard_at += slept;
    l->looked_at = now;
}

static void look_after_workers(struct liveness *l)
{
    forgive_own_sleep(l);
    receive_beats(l);
    for (int rank = 1; rank < l->peer_count; rank++) {
        if (is_here(l, rank) && is_gone(l, rank))
            lose(l, rank);
        if (is_here(l, rank))
            send_beat(l, rank, clock_monotonic());
        else
            l->watched[rank].fd = NONE;
    }
}

/* After its lease a worker does nothing more that others could see, until rank 0 still counts on it or another lease
 * has passed: rank 0 may have slept as well. */
static void look_after_rank_0(struct liveness *l)
{
    receive_beats(l);
    const double now = clock_monotonic();
    const bool died = has_died(l, 0);
    if (died || now > atomic_load(&l->lease_end) + l->lease) {
        log_line("rank %d: %s: leaving", l->rank,
                 died ? "rank 0 has died" : "out of touch with rank 0 for too long, which counts on it no longer");
        crash_excuse();
        _exit(EXIT_FAILURE);
    }
    send_beat(l, 0, now);
}

static bool anyone_is_here(struct liveness *l)
{
    receive_beats(l);
    for (int rank = 1; rank < l->peer_count; rank++)
        if (!has_died(l, rank) && (l->peers[rank].process != NONE || is_here(l, rank)))
            return true;
    return false;
}

/* One that is stopped would keep the launcher for ever. */
static _Noreturn void see_workers_off(struct liveness *l)
{
    const double end = clock_monotonic() + patience;
    while (anyone_is_here(l) && clock_monotonic() < end)
        clock_sleep(leave_interval);
    for (int rank = 1; rank < l->peer_count; rank++)
        if (l->peers[rank].process != NONE)
            kill_process(&l->peers[rank]);
    _exit(atomic_load(&l->code));
}

static _Noreturn void say_goodbye(struct liveness *l)
{
    const double end = clock_monotonic() + patience;
    int gone = 0;
    while (!send_beat(l, 0, goodbye) && clock_monotonic() < end)
        clock_sleep(leave_interval);
    while (MPI_Test(&l->peers[0].sending, &gone, MPI_STATUS_IGNORE) == MPI_SUCCESS && !gone && clock_monotonic() < end)
        clock_sleep(leave_interval);
    _exit(atomic_load(&l->code));
}

static void *beat_on(void *context)
{
    struct liveness *l = context;
    const int milliseconds = (int)(1e3 * l->lease / BEATS_A_LEASE);
    while (!atomic_load(&l->leaving)) {
        if (l->rank == 0)
            look_after_workers(l);
        else
            look_after_rank_0(l);
        poll(l->watched, (nfds_t)l->peer_count + 1, milliseconds);
    }
    if (l->rank == 0)
        see_workers_off(l);
    say_goodbye(l);
}

/* What a rank tells the others of its node. */
struct process {
    int64_t id, id_space; /* the space that the id is valid in */
    int rank;
};

static struct process this_process(int rank)
{
    struct stat space;
    const int known = stat("/proc/self/ns/pid", &space);
    return (struct process){.id = getpid(), .id_space = known == 0 ? (int64_t)space.st_ino : NONE, .rank = rank};
}

static int watch(const struct process *process)
{
#ifdef SYS_pidfd_open
    if (process->id_space != NONE && process->id_space == this_process(0).id_space)
        return (int)syscall(SYS_pidfd_open, (pid_t)process->id, 0);
#endif
    return NONE;
}

static enum status watch_node(struct liveness *l, const struct cluster *cluster, struct error *error)
{
    struct process mine = this_process(cluster->rank), *all = NULL;
    TRY(memory_allocate((void **)&all, (size_t)cluster->node_size, sizeof *all, "processes of this node", error));
    const enum status status = mpi_check(
        MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, cluster->node), "gathering", error);
    for (int i = 0; status == STATUS_OK && i < cluster->node_size; i++)
        if (all[i].rank < l->peer_count && all[i].rank != l->rank)
            l->peers[all[i].rank].process = l->watched[all[i].rank].fd = watch(&all[i]);
    memory_free(all);
    return status;
}

static enum status prepare_peers(struct liveness *l, struct error *error)
{
    const size_t count = (size_t)l->peer_count;
    int ends[2];
    TRY(memory_allocate((void **)&l->peers, count, sizeof *l->peers, "ranks", error));
    TRY(memory_allocate((void **)&l->watched, count + 1, sizeof *l->watched, "ranks", error));
    if (pipe(ends) != 0)
        return fail(error, STATUS_IO, "no pipe to a thread: %s", strerror(errno));
    for (int rank = 0; rank < l->peer_count; rank++) {
        l->peers[rank].process = NONE;
        l->peers[rank].sending = MPI_REQUEST_NULL;
        l->watched[rank] = (struct pollfd){.fd = NONE, .events = POLLIN};
    }
    l->watched[count] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    l->wake = ends[1];
    return STATUS_OK;
}

/* Signals are for the rank's own thread. */
static enum status start_thread(struct liveness *l, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int code = pthread_create(&l->thread, NULL, beat_on, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? STATUS_OK : fail(error, STATUS_IO, "no thread to watch the ranks by: %s", strerror(code));
}

static enum status prepare(struct liveness *l, const struct cluster *cluster, struct error *error)
{
    l->rank = cluster->rank;
    l->peer_count = cluster->rank == 0 ? cluster->size : 1;
    TRY(mpi_check(MPI_Comm_dup(cluster->world, &l->beats), "duplicating the communicator", error));
    TRY(prepare_peers(l, error));
    TRY(watch_node(l, cluster, error));
    const double now = l->looked_at = clock_monotonic();
    atomic_init(&l->lease_end, now + l->lease);
    for (int rank = 0; rank < l->peer_count; rank++)
        l->peers[rank].heard_at = now + l->lease; /* some start later */
    return start_thread(l, error);
}

enum status liveness_start(const struct cluster *cluster, double lease, struct liveness **out, struct error *error)
{
    struct liveness *l = NULL;
    TRY(memory_allocate((void **)&l, 1, sizeof *l, "watch over the ranks", error));
    l->lease = lease;
    const enum status status = prepare(l, cluster, error);
    if (status == STATUS_OK)
        *out = l;
    return status;
}

void liveness_part(struct liveness *liveness)
{
    atomic_store(&liveness->apart, true);
}

int liveness_lost_count(const struct liveness *liveness)
{
    return atomic_load(&liveness->lost_count);
}

bool liveness_is_lost(const struct liveness *liveness, int rank)
{
    return atomic_load(&liveness->peers[rank].lost);
}

void liveness_assure(const struct liveness *liveness)
{
    while (liveness->rank != 0 && clock_monotonic() > atomic_load(&liveness->lease_end) - liveness->lease / 4)
        clock_sleep(leave_interval);
}

void liveness_leave(struct liveness *liveness, int code)
{
    fflush(NULL);
    atomic_store(&liveness->code, code);
    atomic_store(&liveness->leaving, true);
    close(liveness->wake); /* the other end wakes the thread, which ends the process */
    for (;;)
        pause();
}
