/* bench_simulator.c - the schedule of a million trials on up to a hundred thousand ranks, simulated.
 *
 *     bench_simulator [TRIALS] [MEDIAN_SECONDS] [SIGMA]
 *
 * Trials are log-normal about their median. One JSON line for each number of ranks, order and role of rank 0; known is
 * false where the scheduler believes that all trials are equal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/simulator.h"

static const char *const order_names[] = {"lpt", "fifo", "random"};

static void measure(const struct simulation *simulation, int known)
{
    struct simulated r;
    struct error error;
    const double start = clock_monotonic();
    if (simulate(simulation, &r, &error) != STATUS_OK) {
        fprintf(stderr, "bench_simulator: %s\n", error.text);
        exit(1);
    }
    printf("{\"trials\": %lld, \"ranks\": %d, \"order\": \"%s\", \"known\": %s, \"rank0\": \"%s\", \"makespan\": %.6g, "
           "\"bound\": %.6g, \"efficiency\": %.4f, \"busy\": %.4f, \"tail\": %.4g, \"rank0_load\": %.4f, "
           "\"took_seconds\": %.2f}\n",
           (long long)simulation->scheduler.trial_count, simulation->scheduler.worker_count,
           order_names[simulation->scheduler.order], known ? "true" : "false",
           simulation->root_serves ? "serve" : "train", r.makespan, r.bound, r.efficiency, r.busy, r.tail, r.root_load,
           clock_monotonic() - start);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const int64_t trials = argc > 1 ? atoll(argv[1]) : 1000000;
    const double median = argc > 2 ? atof(argv[2]) : 60, sigma = argc > 3 ? atof(argv[3]) : 1;
    double *seconds = calloc((size_t)trials, sizeof *seconds), *equal = calloc((size_t)trials, sizeof *equal);
    if (seconds == NULL || equal == NULL)
        return 1;
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
