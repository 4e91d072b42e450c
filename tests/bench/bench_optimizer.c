/* bench_optimizer.c - parameters a second of each optimizer's step, one JSON line each, beside the first one's rate.
 *
 *     bench_optimizer [PARAMETERS [SECONDS]]
 *
 * Optimizers take turns, and the best turn of each counts: other load on the machine only ever slows a turn. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "settings.h"
#include "training/optimizers.h"

enum { TURNS = 10, OPTIMIZERS_MAX = 16 };

struct bench {
    struct optimizer_run run;
    float *block; /* [2 + OPTIMIZER_STATES_MAX, count]: gradient, parameters, state */
    int64_t step;
};

/* Parameters a second over at least `seconds`. */
static double turn(struct bench *bench, const struct choice *choice, double seconds)
{
    const int64_t count = bench->run.count;
    const struct optimizer_block block = {.count = count,
                                          .run_count = 1,
                                          .runs = &bench->run,
                                          .gradient = bench->block,
                                          .parameters = bench->block + count,
                                          .state = bench->block + 2 * count};
    const double start = clock_monotonic();
    double steps = 0, passed = 0;
    do {
        const struct optimizer_step step = {
            .settings = choice->settings, .learning_rate = 1e-3, .step = bench->step++, .gradient_scale = 1};
        optimizer_apply((const struct optimizer_ops *)choice->kind, &step, &block);
        steps++;
        passed = clock_monotonic() - start;
    } while (passed < seconds);
    return steps * (double)count / passed;
}

int main(int argument_count, char **arguments)
{
    const int64_t count = argument_count > 1 ? strtoll(arguments[1], NULL, 10) : 1 << 20;
    const double seconds = (argument_count > 2 ? strtod(arguments[2], NULL) : 4) / TURNS;
    struct bench bench = {.run = {.count = count, .weights = true}};
    void *block = NULL;
    struct error error;
    if (count < 1 || memory_allocate(&block, (size_t)count * (2 + OPTIMIZER_STATES_MAX), sizeof(float), "block",
                                     &error) != STATUS_OK)
        return 1;
    bench.block = block;
    for (int64_t i = 0; i < count; i++)
        bench.block[i] = 1e-3f * (float)(i % 1000 + 1);
    double best[OPTIMIZERS_MAX] = {0};
    for (int at = 0; at < TURNS; at++)
        for (int i = 0; optimizer_table.kinds[i] != NULL && i < OPTIMIZERS_MAX; i++) {
            const struct choice choice = choice_of(&optimizer_table, optimizer_table.kinds[i]->name);
            const double rate = turn(&bench, &choice, seconds);
            best[i] = rate > best[i] ? rate : best[i];
        }
    for (int i = 0; optimizer_table.kinds[i] != NULL && i < OPTIMIZERS_MAX; i++)
        printf("{\"optimizer\": \"%s\", \"parameters\": %lld, \"parameters_per_second\": %.3g, \"of_first\": %.2f}\n",
               optimizer_table.kinds[i]->name, (long long)count, best[i], best[i] / best[0]);
    memory_free(block);
    return 0;
}
