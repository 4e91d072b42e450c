/* bench_dispatch.c - null trials a second, and efficiency with trials of a given length: the twin of
 * mpi4py_dispatch.py.
 *
 *     mpirun -n 3 bench_dispatch [TRIALS] [TRIAL_MICROSECONDS] [spin|sleep] [FILE]
 *     mpirun -n 3 bench_dispatch smallest
 *     mpirun -n 3 bench_dispatch mixed [FILE]
 *
 * With FILE, which is made anew, each trial commits a row of 20 numbers and 8 curves of 11 epochs. `sleep` trials need
 * no core, so that more ranks than cores can be measured; all look for messages every 100 microseconds, as training
 * does. `smallest` searches the shortest sleep at which ranks are 95 % busy. `mixed` runs three sweeps of sleeps of
 * different lengths, and says beside the time that each took what the simulator makes of these lengths, and of those
 * that the sleeps really had: on a busy machine they wake late.
 * One JSON line from rank 0; workers counts every rank, since rank 0 trains too. ideal is the time of trials alone,
 * whole rounds on all workers. processor_microseconds is what all ranks' processors did for a trial. busy is the share
 * of the time that ranks spent in trials: on a machine shared with others it says more than efficiency. */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cluster/cluster.h"
#include "seedbed/random.h"
#include "sweep/simulator.h"

enum { WARM_UP_TRIALS = 100, DEFAULT_TRIALS = 20000, NUMBERS = 20, CURVES = 8, EPOCHS = 11 };
static const double look_seconds = 100e-6;

struct trials {
    double length;         /* seconds */
    const double *lengths; /* of each trial; NULL: all the same */
    double *took;          /* by each trial on this rank; NULL: not asked */
    bool sleeps;
    double busy; /* seconds that this rank spent in trials, being taken off its core included */
    struct results_writer *writer;
    struct results_row *row; /* NULL: nothing is written */
};

struct measurement {
    double seconds, busy, ideal, rate, efficiency;
    double processor; /* seconds of a processor, all ranks together */
};

static double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

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
    const double length = trials->lengths != NULL ? trials->lengths[trial] : trials->length;
    while (now - start < length) {
        TRY(yield->call(yield->context, error));
        if (trials->sleeps)
            clock_sleep(fmin(look_seconds, length - (now - start)));
        now = clock_monotonic();
    }
    trials->busy += now - start;
    if (trials->took != NULL)
        trials->took[trial] = now - start;
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
        ((double *)cost)[i] = trials->lengths != NULL ? trials->lengths[i] : 1;
    const struct cluster_plan plan = {.scheduler = {.trial_count = count, .cost = cost}};
    const int workers = cluster_size(cluster);
    trials->busy = 0;
    const double start = clock_monotonic(), processor = processor_seconds();
    const enum status status = cluster_run(cluster, &plan, &work, &progress, error);
    const double seconds = clock_monotonic() - start;
    double sums[] = {trials->busy, processor_seconds() - processor};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, *(const MPI_Comm *)cluster_communicator(cluster));
    memory_free(cost);
    *out = (struct measurement){.seconds = seconds,
                                .busy = sums[0] / (seconds * workers),
                                .processor = sums[1],
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
               "\"tasks_per_second\": %.0f, \"efficiency\": %.4f, \"over_ideal\": %.4f, \"busy\": %.4f, "
               "\"processor_microseconds\": %.3g}\n",
               (long long)count, cluster_size(cluster), trials->row != NULL ? "true" : "false", trials->length * 1e6,
               m->seconds, m->rate, m->efficiency, m->ideal > 0 ? m->seconds / m->ideal : 0, m->busy,
               m->processor / (double)count * 1e6);
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

enum { MIXED_MAX = 4000 };

/* Log-normal lengths; few long ones beside many short ones; tiny ones. */
static int64_t make_mix(int mix, int workers, double *lengths)
{
    struct random random = random_start(STREAM_METRIC, (uint64_t)mix, 0);
    const int64_t count = mix == 0 ? 40 * workers : mix == 1 ? 60 * workers : MIXED_MAX;
    for (int64_t i = 0; i < count; i++) {
        const double spread = random_normal(&random);
        lengths[i] = mix == 0 ? 0.2 * exp(0.8 * spread) : mix == 1 ? (i % 30 == 0 ? 2 : 0.05) : 5e-3 * exp(spread);
    }
    return count;
}

static enum status compare(struct cluster *cluster, int mix, const char *path, struct error *error)
{
    static double lengths[MIXED_MAX], took[MIXED_MAX];
    const int workers = cluster_size(cluster);
    struct trials trials = {.sleeps = true, .lengths = lengths, .took = took};
    const int64_t count = make_mix(mix, workers, lengths);
    struct simulation simulation = {.scheduler = {.trial_count = count, .worker_count = workers, .cost = lengths},
                                    .seconds = lengths,
                                    .costs = simulator_costs_measured};
    struct simulated simulated, afterwards;
    struct measurement m;
    if (path != NULL)
        TRY(open_rows(cluster, path, count, &trials, error));
    else
        simulation.costs.write = simulation.costs.sync = 0;
    memset(took, 0, sizeof took);
    TRY(simulate(&simulation, &simulated, error));
    TRY(run(cluster, count, &trials, &m, error));
    MPI_Allreduce(MPI_IN_PLACE, took, MIXED_MAX, MPI_DOUBLE, MPI_SUM, *(const MPI_Comm *)cluster_communicator(cluster));
    simulation.seconds = took;
    TRY(simulate(&simulation, &afterwards, error));
    if (cluster_rank(cluster) == 0)
        printf("{\"mix\": %d, \"tasks\": %lld, \"workers\": %d, \"rows\": %s, \"seconds\": %.3f, \"simulated\": %.3f, "
               "\"ratio\": %.4f, \"simulated_with_real_lengths\": %.3f, \"ratio_then\": %.4f}\n",
               mix, (long long)count, workers, path != NULL ? "true" : "false", m.seconds, simulated.makespan,
               m.seconds / simulated.makespan, afterwards.makespan, m.seconds / afterwards.makespan);
    results_row_destroy(&trials.row);
    return results_close(&trials.writer, error);
}

static enum status compare_mixes(struct cluster *cluster, const char *path, struct error *error)
{
    for (int mix = 0; mix < 3; mix++)
        TRY(compare(cluster, mix, path, error));
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
    const char *mode = argc > 1 ? argv[1] : "";
    if (status == STATUS_OK && strcmp(mode, "smallest") == 0)
        status = find_smallest(cluster, &error);
    else if (status == STATUS_OK && strcmp(mode, "mixed") == 0)
        status = compare_mixes(cluster, argc > 2 ? argv[2] : NULL, &error);
    else if (status == STATUS_OK)
        status = measure(cluster, count, &trials, argc > 4 ? argv[4] : NULL, &error);
    if (status != STATUS_OK)
        log_error(&error);
    cluster_destroy(&cluster);
    return status != STATUS_OK;
}
