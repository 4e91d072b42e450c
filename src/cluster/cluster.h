/* cluster.h - the ranks of a run: start, shared data, the scheduler's loop on rank 0 and the workers' loop. */
#ifndef SEEDBED_CLUSTER_CLUSTER_H
#define SEEDBED_CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/yield.h"
#include "results/results.h"
#include "seedbed/dataset.h"
#include "sweep/eta.h"
#include "sweep/scheduler.h"

struct cluster;

/* Starts MPI (also without mpirun: one rank) on a duplicated communicator that returns errors. Collective. */
enum status cluster_create(struct cluster **out, struct error *error);
/* Ends MPI. Collective; after a failure that others cannot know of use cluster_abort. */
void cluster_destroy(struct cluster **cluster);
/* Ends every rank at once with this exit code; in recovery mode this one, and the others when it is rank 0. */
void cluster_abort(struct cluster *cluster, int code);

/* Whether the run goes on without a rank that is lost: Open MPI's recovery mode, with more than one rank. Then
 * cluster_run and what follows it are collective no longer, and cluster_leave ends the process. */
bool cluster_recovers(const struct cluster *cluster);
/* In recovery mode: returns once this rank is sure to count as present for a while, which is asked before each change
 * that others could see; a rank that does not is ended. */
void cluster_assure(const struct cluster *cluster);
/* The same as cluster_destroy, but in recovery mode rank 0 writes the code into FILE.exit beside output_path (lent;
 * NULL: not), since mpirun does not pass it on, and with more than one rank the process ends here. opened: the run had
 * the file to itself; one that had not leaves no code that a run which has could be taken to have left. */
void cluster_leave(struct cluster **cluster, int code, const char *output_path, bool opened);
/* For a process that ends with this code before there is a cluster: leaves it as cluster_leave does. Any rank. */
void cluster_refuse(int code, const char *output_path);
/* Removes an older FILE.exit. */
void cluster_forget_code(const struct cluster *cluster, const char *output_path);

int cluster_rank(const struct cluster *cluster);
int cluster_size(const struct cluster *cluster);
const char *cluster_host(const struct cluster *cluster);
/* The address of the MPI_Comm, for results_open. */
const void *cluster_communicator(const struct cluster *cluster);

/* All ranks get the worst status, of which a stop is the least bad; a rank that was well gets the first bad rank's
 * message. Collective. */
enum status cluster_agree(struct cluster *cluster, enum status mine, struct error *error);

/* Rank 0's bytes to all: *bytes is owned by the caller on the other ranks (memory_free). Collective. */
enum status cluster_broadcast(struct cluster *cluster, void **bytes, size_t *count, struct error *error);

/* Each node holds one copy: one rank of the node calls load, the others see its block (a file in the node's temporary
 * folder, mapped read-only, without a name once all have it). Release with cluster_unshare. Collective. */
typedef enum status dataset_load_function(void *context, struct dataset **out, struct error *error);
enum status cluster_share_dataset(struct cluster *cluster, dataset_load_function *load, void *context,
                                  const struct dataset **out, struct error *error);
void cluster_unshare_dataset(struct cluster *cluster, const struct dataset **dataset);

/* run: trains one unit, a trial or from scheduler.free_count on a comparison of two, and writes its row. STATUS_OK
 * whatever the trial's outcome; STATUS_STOPPED when yield said so; anything else means that this rank cannot go on
 * (disk full, file gone) and ends the sweep in good order.
 * settle: makes the units that were run count; called within half a second of their end, also within a yield. NULL:
 * they count when they have run.
 * serve: does what other ranks ask rank 0 for; called whenever it looks for messages. NULL: they ask for nothing. */
struct work {
    void *context;
    enum status (*settle)(void *context, struct error *error);
    enum status (*run)(void *context, int64_t trial, const struct yield *yield, struct trial_ending *ending,
                       struct error *error);
    /* Seconds until this rank has to stop, less what it needs for stopping. NULL: there is no limit. */
    double (*time_left)(void *context);
    enum status (*serve)(void *context, struct error *error);
};

struct progress {
    int64_t trials, pairs;        /* of the sweep */
    int64_t ended[OUTCOME_COUNT]; /* trials by outcome, earlier sessions included */
    int64_t pairs_ended;
    int64_t running;
    double seconds;                /* since the start */
    double cost_total, cost_ended; /* predicted cost of this session's trials */
    double samples;                /* trained in this session */
    struct eta eta;                /* of the rest */
};

struct cluster_plan {
    struct scheduler_config scheduler; /* worker_count is set by cluster_run; read on rank 0 only */
    int64_t ended[OUTCOME_COUNT];      /* trials before this session */
    int64_t pairs_ended;               /* before this session */
    bool root_serves;                  /* rank 0 trains nothing; not with one rank */
    const double *samples;             /* [trial_count] samples that each unit trains on, for progress; lent */
    void (*report)(void *context, const struct progress *progress); /* rank 0, at most some times a second */
    void *report_context;
};

/* Runs all trials. progress: rank 0's final count, on every rank. STATUS_STOPPED when a signal, the time limit, or
 * work->run on some rank, stopped it before the last trial's end; STATUS_OK also when the scheduler gave up
 * (max_failures, fail_fast: what runs is trained to its end). Any other status and its message are those of the first
 * rank that could not go on. Collective; in recovery mode rank 0's result is the run's, and the others' their own. */
enum status cluster_run(struct cluster *cluster, const struct cluster_plan *plan, const struct work *work,
                        struct progress *progress, struct error *error);

/* Set by SIGTERM, SIGINT and SIGUSR1 from cluster_create on; a SIGTERM or SIGINT that comes more than 0.2 s
 * after the first signal ends the process at once (batch systems and mpirun deliver one request twice). */
bool cluster_stop_requested(void);

#endif
