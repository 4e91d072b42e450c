/* bench_dispatch.c - null trials a second, and efficiency with trials of a given length: the twin of
 * mpi4py_dispatch.py.
 *
 *     mpirun -n 3 bench_dispatch [TRIALS] [TRIAL_MICROSECONDS] [spin|sleep] [FILE]
 *     mpirun -n 3 bench_dispatch smallest
 *
 * With FILE, which is made anew, each trial commits a row of 20 numbers and 8 curves of 11 epochs. `sleep` trials need
 * no core, so that more ranks than cores can be measured; all look for messages every 100 microseconds, as training
 * does. `smallest` searches the shortest sleep at which ranks are 95 % busy.
 * One JSON line from rank 0; workers counts every rank, since rank 0 trains too. ideal is the time of trials alone,
 * whole rounds on all workers. busy is the share of the time that ranks spent in trials: on a machine shared with
 * others it says more than efficiency. */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/cluster.h"

enum { WARM_UP_TRIALS = 100, DEFAULT_TRIALS = 20000, NUMBERS = 20, CURVES = 8, EPOCHS = 11 };
static const double look_seconds = 100e-6;

struct trials {
    double length; /* seconds */
    bool sleeps;
    double busy; /* seconds that this rank spent in trials, being taken off its core included */
    struct results_writer *writer;
    struct results_row *row; /* NULL: nothing is written */
};

struct measurement {
    double seconds, busy, ideal, rate, efficiency;
};

static void fill(struct results_row *row, int64_t trial)
{
    for (int i = 0; i < NUMBERS + CURVES; i++) {
        double *values = results_row_data(row, i);
        for (int k = 0; k < (i < NUMBERS ? 1 : EPOCHS); k++)
            values[k] = (double)(trial + i + k);
    }
}

static enum status run_trial(void *context, int64_t trial, const struct yield *yield, struct trial_ending *ending,
                             struct error *error)
{
    struct trials *trials = context;
    const double start = clock_monotonic();
    double now = start;
    ending->outcome = OUTCOME_DONE;
    if (trials->row != NULL)
        TRY(results_begin(trials->writer, trial, error));
    while (now - start < trials->length) {
        TRY(yield->call(yield->context, error));
        if (trials->sleeps)
            clock_sleep(fmin(look_seconds, trials->length - (now - start)));
        now = clock_monotonic();
    }
    trials->busy += now - start;
    if (trials->row == NULL)
        return STATUS_OK;
    fill(trials->row, trial);
    return results_write(trials->writer, trial, trials->row, ending, error);
}

static enum status settle(void *context, struct error *error)
{
    const struct trials *trials = context;
    return trials->row != NULL ? results_settle(trials->writer, error) : STATUS_OK;
}

static enum status run(struct cluster *cluster, int64_t count, struct trials *trials, struct measurement *out,
                       struct error *error)
{
    void *cost = NULL;
    struct progress progress = {0};
    const struct work work = {.context = trials, .run = run_trial, .settle = settle};
    TRY(memory_allocate(&cost, (size_t)count, sizeof(double), "costs", error));
    for (int64_t i = 0; i < count; i++)
        ((double *)cost)[i] = 1;
    const struct cluster_plan plan = {.scheduler = {.trial_count = count, .cost = cost}};
    const int workers = cluster_size(cluster);
    trials->busy = 0;
    const double start = clock_monotonic();
    const enum status status = cluster_run(cluster, &plan, &work, &progress, error);
    const double seconds = clock_monotonic() - start;
    double busy = 0;
    MPI_Allreduce(&trials->busy, &busy, 1, MPI_DOUBLE, MPI_SUM, *(const MPI_Comm *)cluster_communicator(cluster));
    memory_free(cost);
    *out = (struct measurement){.seconds = seconds,
                                .busy = busy / (seconds * workers),
                                .ideal = ceil((double)count / workers) * trials->length,
                                .rate = (double)count / seconds,
                                .efficiency = (double)count * trials->length / (seconds * workers)};
    return status;
}

static void print(const struct cluster *cluster, int64_t count, const struct trials *trials,
                  const struct measurement *m)
{
    if (cluster_rank(cluster) == 0)
        printf("{\"tasks\": %lld, \"workers\": %d, \"rows\": %s, \"task_microseconds\": %g, \"seconds\": %.3f, "
               "\"tasks_per_second\": %.0f, \"efficiency\": %.4f, \"over_ideal\": %.4f, \"busy\": %.4f}\n",
               (long long)count, cluster_size(cluster), trials->row != NULL ? "true" : "false", trials->length * 1e6,
               m->seconds, m->rate, m->efficiency, m->ideal > 0 ? m->seconds / m->ideal : 0, m->busy);
}

static void name_array(struct results_array *array, int i)
{
    *array = (struct results_array){.type = RESULTS_FLOAT64,
                                    .rank = i < NUMBERS ? 1 : 2,
                                    .dimensions = {0, 1},
                                    .units = "1",
                                    .long_name = "number",
                                    .reproducible = true};
    snprintf(array->group, sizeof array->group, "%s", i < NUMBERS ? "trials" : "curves");
    snprintf(array->name, sizeof array->name, "number_%d", i);
}

static enum status open_rows(struct cluster *cluster, const char *path, int64_t count, struct trials *trials,
                             struct error *error)
{
    static struct results_dimension dimensions[2] = {
        {.name = "trial", .units = "1", .long_name = "trial"},
        {.name = "epoch", .size = EPOCHS, .units = "1", .long_name = "epoch"}};
    static struct results_array arrays[NUMBERS + CURVES];
    const struct results_schema schema = {
        .dimensions = dimensions, .dimension_count = 2, .arrays = arrays, .array_count = NUMBERS + CURVES};
    dimensions[0].size = count;
    for (int i = 0; i < NUMBERS + CURVES; i++)
        name_array(&arrays[i], i);
    enum status status = STATUS_OK;
    if (cluster_rank(cluster) == 0) {
        unlink(path);
        status = results_create(path, &schema, error);
    }
    TRY(cluster_agree(cluster, status, error));
    TRY(results_open(path, &schema, cluster_communicator(cluster), &trials->writer, error));
    return results_row_create(&schema, TABLE_TRIALS, &trials->row, error);
}

static enum status measure(struct cluster *cluster, int64_t count, struct trials *trials, const char *path,
                           struct error *error)
{
    struct measurement measurement;
    TRY(run(cluster, WARM_UP_TRIALS, trials, &measurement, error));
    if (path != NULL)
        TRY(open_rows(cluster, path, count, trials, error));
    TRY(run(cluster, count, trials, &measurement, error));
    print(cluster, count, trials, &measurement);
    results_row_destroy(&trials->row);
    return results_close(&trials->writer, error);
}

/* Trials of each length for some two seconds, halving from 0.1 s until ranks are less busy than that. */
static enum status find_smallest(struct cluster *cluster, struct error *error)
{
    const int workers = cluster_size(cluster);
    struct trials trials = {.length = 0.1, .sleeps = true};
    double smallest = 0, efficiency = 1;
    while (efficiency >= 0.95 && trials.length > 1e-5) {
        struct measurement m;
        const int64_t count = (int64_t)ceil(2 / trials.length) * workers;
        TRY(run(cluster, count, &trials, &m, error));
        print(cluster, count, &trials, &m);
        efficiency = m.efficiency;
        MPI_Bcast(&efficiency, 1, MPI_DOUBLE, 0, *(const MPI_Comm *)cluster_communicator(cluster));
        if (efficiency >= 0.95)
            smallest = trials.length;
        trials.length /= 2;
    }
    if (cluster_rank(cluster) == 0)
        printf("{\"workers\": %d, \"smallest_microseconds_at_95_percent\": %g}\n", workers, smallest * 1e6);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct cluster *cluster = NULL;
    struct error error;
    const int64_t count = argc > 1 ? atoll(argv[1]) : DEFAULT_TRIALS;
    struct trials trials = {.length = argc > 2 ? atof(argv[2]) * 1e-6 : 0,
                            .sleeps = argc > 3 && strcmp(argv[3], "sleep") == 0};
    enum status status = cluster_create(&cluster, &error);
    if (status == STATUS_OK)
        status = argc > 1 && strcmp(argv[1], "smallest") == 0
                     ? find_smallest(cluster, &error)
                     : measure(cluster, count, &trials, argc > 4 ? argv[4] : NULL, &error);
    if (status != STATUS_OK)
        log_error(&error);
    cluster_destroy(&cluster);
    return status != STATUS_OK;
}
