/* bench_simulator.c - the schedule of a million trials on up to a hundred thousand ranks, simulated.
 *
 *     bench_simulator [TRIALS] [MEDIAN_SECONDS] [SIGMA]
 *     bench_simulator FILE.h5
 *
 * Trials are log-normal about their median. One JSON line for each number of ranks, order and role of rank 0; known is
 * false where the scheduler believes that all trials are equal.
 * With FILE, the results of one session without pairs: what its trials took, scheduled on its ranks, beside what it
 * took. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "results/results.h"
#include "seedbed/random.h"
#include "sweep/simulator.h"

static const char *const order_names[] = {"lpt", "fifo", "random"};

static void ensure(enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_simulator: %s\n", error->text);
    exit(1);
}

static void measure(const struct simulation *simulation, int known)
{
    struct simulated r;
    struct error error;
    const double start = clock_monotonic();
    ensure(simulate(simulation, &r, &error), &error);
    printf("{\"trials\": %lld, \"ranks\": %d, \"order\": \"%s\", \"known\": %s, \"rank0\": \"%s\", \"makespan\": %.6g, "
           "\"bound\": %.6g, \"efficiency\": %.4f, \"busy\": %.4f, \"tail\": %.4g, \"rank0_load\": %.4f, "
           "\"took_seconds\": %.2f}\n",
           (long long)simulation->scheduler.trial_count, simulation->scheduler.worker_count,
           order_names[simulation->scheduler.order], known ? "true" : "false",
           simulation->root_serves ? "serve" : "train", r.makespan, r.bound, r.efficiency, r.busy, r.tail, r.root_load,
           clock_monotonic() - start);
    fflush(stdout);
}

static int compare_file(const char *path)
{
    struct results_reader *reader = NULL;
    struct results_session session;
    struct simulated r;
    struct error error;
    void *seconds = NULL, *flops = NULL;
    int64_t count = 0;
    int last = 0;
    ensure(results_reader_open(path, &reader, &error), &error);
    ensure(results_read_last_session(reader, &session, &last, &error), &error);
    ensure(results_read(reader, "/trials/seconds", RESULTS_FLOAT64, &seconds, &count, &error), &error);
    ensure(results_read(reader, "/trials/predicted_flops", RESULTS_FLOAT64, &flops, &count, &error), &error);
    const struct simulation simulation = {
        .scheduler = {.trial_count = count, .worker_count = session.ranks, .cost = flops},
        .seconds = seconds,
        .costs = simulator_costs_measured};
    ensure(simulate(&simulation, &r, &error), &error);
    const double took = session.ended - session.started;
    printf("{\"trials\": %lld, \"ranks\": %d, \"took\": %.3f, \"simulated\": %.3f, \"ratio\": %.4f, \"bound\": %.3f}\n",
           (long long)count, session.ranks, took, r.makespan, took / r.makespan, r.bound);
    memory_free(seconds);
    memory_free(flops);
    results_reader_close(&reader);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strstr(argv[1], ".h5") != NULL)
        return compare_file(argv[1]);
    const int64_t trials = argc > 1 ? atoll(argv[1]) : 1000000;
    const double median = argc > 2 ? atof(argv[2]) : 60, sigma = argc > 3 ? atof(argv[3]) : 1;
    double *seconds = calloc((size_t)trials, sizeof *seconds), *equal = calloc((size_t)trials, sizeof *equal);
    if (seconds == NULL || equal == NULL) {
        free(seconds);
        free(equal);
        return 1;
    }
    struct random random = random_start(STREAM_METRIC, 0, 0);
    for (int64_t i = 0; i < trials; i++) {
        seconds[i] = median * exp(sigma * random_normal(&random));
        equal[i] = median;
    }
    for (int ranks = 10; ranks <= 100000; ranks *= 10)
        for (int order = ORDER_LPT; order <= ORDER_RANDOM; order++)
            for (int serves = 0; serves < 2; serves++) {
                const struct simulation simulation = {.scheduler = {.trial_count = trials,
                                                                    .worker_count = ranks,
                                                                    .order = (enum schedule_order)order,
                                                                    .cost = seconds},
                                                      .seconds = seconds,
                                                      .root_serves = serves,
                                                      .costs = simulator_costs_measured};
                measure(&simulation, 1);
                if (order == ORDER_LPT) {
                    struct simulation blind = simulation;
                    blind.scheduler.cost = equal;
                    measure(&blind, 0);
                }
            }
    free(seconds);
    free(equal);
    return 0;
}
