/* bench_interpolation.c - what a path of interpolation costs beside evaluating its networks: one JSON line a network.
 *
 *     bench_interpolation [SAMPLES [TURNS]]
 *
 * In turn: `points` evaluations of the training part, and the metric's whole work with as many points. The best turn of
 * each counts: other load on the machine only ever slows a turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kernels/blas.h"
#include "metrics/metrics.h"
#include "network/models.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

enum { FEATURES = 784, CLASSES = 10, POINTS = 50, COLUMN_MAX = 64, NUMBERS = POINTS * CLASSES };

struct bench {
    struct network *network;
    struct samples samples;
    struct evaluator *evaluator;
    struct choice loss, metric;
    struct metric_sizes sizes;
    float *start;
};

static void check(enum status status)
{
    if (status != STATUS_OK)
        abort();
}

static double evaluate(struct bench *bench)
{
    struct evaluation part;
    const double start = clock_monotonic();
    for (int i = 0; i < POINTS; i++)
        check(evaluator_run(bench->evaluator, bench->network, &bench->loss, NULL, &part, NULL));
    return clock_monotonic() - start;
}

static double interpolate(struct bench *bench)
{
    static double numbers[COLUMN_MAX][NUMBERS];
    const struct metric_ops *const ops = (const struct metric_ops *)(const void *)bench->metric.kind;
    void *row[COLUMN_MAX];
    for (int c = 0; c < ops->column_count; c++)
        row[c] = ops->records(bench->metric.settings, &bench->sizes, c) ? numbers[c] : NULL;
    const struct measurement at = {.epoch = 1,
                                   .classes = CLASSES,
                                   .sizes = &bench->sizes,
                                   .parts = {{.count = bench->samples.count}},
                                   .parameter_count = network_parameter_count(bench->network),
                                   .parameters = network_parameters(bench->network),
                                   .tensor_count = network_tensor_count(bench->network),
                                   .tensors = network_tensors(bench->network),
                                   .network = bench->network,
                                   .samples = &bench->samples,
                                   .loss = &bench->loss};
    const double start = clock_monotonic();
    check(ops->measure(bench->metric.settings, &at, bench->start, row, NULL));
    return clock_monotonic() - start;
}

static void run(int count, int turns, int width)
{
    struct bench bench = {.sizes = {.classes = CLASSES}};
    struct model_config model;
    settings_default(model_fields, &model);
    model.kind = choice_of(&model_table, "mlp");
    choice_integers(&model.kind, "hidden", 2, (const int64_t[]){width, width});
    bench.samples = toy_samples(count, FEATURES, CLASSES, 1, 1);
    bench.loss = choice_of(&loss_table, "cross_entropy");
    bench.metric = choice_of(&metric_table, "interpolation");
    choice_names(&bench.metric, "modes", 1, (const char *const[]){"linear"});
    choice_names(&bench.metric, "parts", 1, (const char *const[]){"train"});
    check(network_create(&model, (struct shape){1, FEATURES, 1}, CLASSES, 256, &bench.network, NULL));
    network_initialise(bench.network, 1);
    const size_t bytes = (size_t)network_parameter_count(bench.network) * sizeof(float);
    bench.start = malloc(bytes);
    if (bench.start == NULL)
        abort();
    memcpy(bench.start, network_parameters(bench.network), bytes);
    network_initialise(bench.network, 2);
    check(evaluator_create(&bench.samples, CLASSES, &bench.evaluator, NULL));
    double evaluated = 1e30, interpolated = 1e30;
    for (int i = 0; i < turns; i++) {
        const double plain = evaluate(&bench), whole = interpolate(&bench);
        evaluated = plain < evaluated ? plain : evaluated;
        interpolated = whole < interpolated ? whole : interpolated;
    }
    printf("{\"network\": \"mlp 784-%d-%d-10\", \"samples\": %d, \"points\": %d, \"forward_seconds\": %.4g, "
           "\"interpolation_seconds\": %.4g, \"ratio\": %.3f}\n",
           width, width, count, POINTS, evaluated, interpolated, interpolated / evaluated);
    evaluator_destroy(&bench.evaluator);
    network_destroy(&bench.network);
    toy_samples_free(&bench.samples);
    free(bench.start);
}

int main(int argument_count, char **arguments)
{
    const int count = argument_count > 1 ? atoi(arguments[1]) : 4000;
    const int turns = argument_count > 2 ? atoi(arguments[2]) : 5;
    blas_setup();
    for (int width = 64; width <= 512; width *= 2)
        run(count, turns, width);
    return 0;
}
