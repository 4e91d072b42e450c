/* bench_dispatch.c - null trials a second, and efficiency with trials of a given length: the twin of
 * mpi4py_dispatch.py.
 *
 *     mpirun -n 3 bench_dispatch [TRIALS] [TRIAL_MICROSECONDS]
 *
 * One JSON line from rank 0; workers counts every rank, since rank 0 trains too. busy is the share of the time that
 * ranks spent in trials: on a machine shared with others it says more than efficiency. */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/cluster.h"

enum { WARM_UP_TRIALS = 100, DEFAULT_TRIALS = 20000 };

struct trials {
    double length; /* seconds */
    double busy;   /* seconds that this rank spent in trials, being taken off its core included */
};

static enum status spin(void *context, int64_t trial, const struct yield *yield, struct trial_ending *ending,
                        struct error *error)
{
    (void)trial;
    struct trials *trials = context;
    const double start = clock_monotonic();
    double now = start;
    ending->outcome = OUTCOME_DONE;
    while (now - start < trials->length) {
        TRY(yield->call(yield->context, error));
        now = clock_monotonic();
    }
    trials->busy += now - start;
    return STATUS_OK;
}

static enum status run(struct cluster *cluster, int64_t count, struct trials *trials, double *seconds,
                       struct error *error)
{
    void *cost = NULL;
    struct progress progress = {0};
    const struct work work = {.context = trials, .run = spin};
    TRY(memory_allocate(&cost, (size_t)count, sizeof(double), "costs", error));
    for (int64_t i = 0; i < count; i++)
        ((double *)cost)[i] = 1;
    const struct cluster_plan plan = {.scheduler = {.trial_count = count, .cost = cost}};
    const double start = clock_monotonic();
    const enum status status = cluster_run(cluster, &plan, &work, &progress, error);
    *seconds = clock_monotonic() - start;
    memory_free(cost);
    return status;
}

static enum status measure(struct cluster *cluster, int64_t count, double length, struct error *error)
{
    double seconds = 0, busy = 0;
    struct trials trials = {.length = length};
    TRY(run(cluster, WARM_UP_TRIALS, &trials, &seconds, error));
    trials.busy = 0;
    TRY(run(cluster, count, &trials, &seconds, error));
    MPI_Allreduce(&trials.busy, &busy, 1, MPI_DOUBLE, MPI_SUM, *(const MPI_Comm *)cluster_communicator(cluster));
    const int workers = cluster_size(cluster);
    if (cluster_rank(cluster) == 0)
        printf("{\"tasks\": %lld, \"workers\": %d, \"task_microseconds\": %g, \"seconds\": %.3f, "
               "\"tasks_per_second\": %.0f, \"efficiency\": %.4f, \"busy\": %.4f}\n",
               (long long)count, workers, length * 1e6, seconds, (double)count / seconds,
               (double)count * length / (seconds * workers), busy / (seconds * workers));
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct cluster *cluster = NULL;
    struct error error;
    const int64_t count = argc > 1 ? atoll(argv[1]) : DEFAULT_TRIALS;
    const double length = argc > 2 ? atof(argv[2]) * 1e-6 : 0;
    enum status status = cluster_create(&cluster, &error);
    if (status == STATUS_OK)
        status = measure(cluster, count, length, &error);
    if (status != STATUS_OK)
        log_error(&error);
    cluster_destroy(&cluster);
    return status != STATUS_OK;
}
