/* bench_metrics.c - what measuring adds to an evaluation pass over the same samples, on one core.
 *
 *     bench_metrics [SAMPLES] [TURNS]
 *
 * Each turn evaluates once and measures once with each metric; the least times count. One JSON line a network and
 * metric: `added` is the metric's time over the evaluation's. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/yield.h"
#include "kernels/blas.h"
#include "metrics/metrics.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

enum { CLASSES = 10, PIXELS = 784, COLUMNS_MAX = 128, NETWORKS = 3, METRICS = 4 };

static const struct {
    const char *name;
    int count;
    int64_t widths[3];
} networks[NETWORKS] = {{"mlp-16", 1, {16}}, {"mlp-256x2", 2, {256, 256}}, {"mlp-1024x3", 3, {1024, 1024, 1024}}};

static const char *const metrics[METRICS] = {"sample_loss scale=false", "sample_loss scale=true", "memorization",
                                             "margins"};

static void ensure(enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_metrics: %s\n", error->text);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *block = NULL;
    struct error error;
    ensure(memory_allocate(&block, count, size, "columns", &error), &error);
    return block;
}

static double measure(const struct choice *choice, struct measurement *at, void *state, void *const *row)
{
    const struct metric_ops *const metric = (const struct metric_ops *)choice->kind;
    struct error error;
    const double start = clock_monotonic();
    if (metric->epoch != NULL)
        ensure(metric->epoch(choice->settings, at, state, row, &error), &error);
    ensure(metric->measure(choice->settings, at, state, row, &error), &error);
    return clock_monotonic() - start;
}

/* Each metric sees the samples both as the training and as the test part. */
static enum status go_on(void *context, struct error *error)
{
    (void)context, (void)error;
    return STATUS_OK;
}

static void time_network(int number, const struct samples *samples, int turns)
{
    struct model_config model;
    struct network *network = NULL;
    struct evaluator *evaluator = NULL;
    struct evaluation part;
    struct error error;
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", networks[number].count, networks[number].widths);
    ensure(network_create(&model, samples->dataset->shape.sample, CLASSES, 256, &network, &error), &error);
    network_initialise(network, 0);
    ensure(evaluator_create(samples, CLASSES, &evaluator, &error), &error);
    const struct metric_sizes sizes = {.train_samples = samples->count,
                                       .test_samples = samples->count,
                                       .points = 1,
                                       .epochs = 1,
                                       .classes = CLASSES,
                                       .parameters = network_parameter_count(network),
                                       .tensors = network_tensor_count(network)};
    void *columns[COLUMNS_MAX];
    for (int c = 0; c < COLUMNS_MAX; c++)
        columns[c] = room((size_t)samples->count, sizeof(double));
    const struct samples views[PART_COUNT] = {*samples, *samples};
    const struct yield nobody = {.call = go_on};
    double evaluation = 1e9, added[METRICS];
    for (int m = 0; m < METRICS; m++)
        added[m] = 1e9;
    for (int turn = 0; turn < turns; turn++) {
        const double start = clock_monotonic();
        ensure(evaluator_run(evaluator, network, &loss, NULL, &part, &error), &error);
        const double seconds = clock_monotonic() - start;
        evaluation = seconds < evaluation ? seconds : evaluation;
        struct measurement at = {.epoch = 1,
                                 .classes = CLASSES,
                                 .parts = {part, part},
                                 .parameter_count = network_parameter_count(network),
                                 .parameters = network_parameters(network),
                                 .tensor_count = network_tensor_count(network),
                                 .tensors = network_tensors(network),
                                 .network = network,
                                 .samples = views,
                                 .loss = &loss,
                                 .yield = &nobody};
        for (int m = 0; m < METRICS; m++) {
            const struct choice choice = choice_spelled(&metric_table, metrics[m]);
            const struct metric_ops *const metric = (const struct metric_ops *)choice.kind;
            void *state = room(1 + (metric->state_bytes == NULL ? 0 : metric->state_bytes(choice.settings, &sizes)), 1);
            const double time = measure(&choice, &at, state, columns);
            added[m] = time < added[m] ? time : added[m];
            memory_free(state);
        }
    }
    for (int m = 0; m < METRICS; m++)
        printf(
            "{\"network\": \"%s\", \"samples\": %d, \"metric\": \"%s\", \"evaluation_ms\": %.2f, \"added_ms\": %.3f, "
            "\"added\": %.4f}\n",
            networks[number].name, samples->count, metrics[m], 1e3 * evaluation, 1e3 * added[m], added[m] / evaluation);
    for (int c = 0; c < COLUMNS_MAX; c++)
        memory_free(columns[c]);
    evaluator_destroy(&evaluator);
    network_destroy(&network);
}

int main(int argument_count, char **arguments)
{
    const int count = argument_count > 1 ? (int)strtol(arguments[1], NULL, 10) : 10000;
    const int turns = argument_count > 2 ? (int)strtol(arguments[2], NULL, 10) : 20;
    if (count < CLASSES || turns < 1)
        return 2;
    blas_setup();
    struct samples samples = toy_samples(count, PIXELS, CLASSES, 1, 1);
    for (int number = 0; number < NETWORKS; number++)
        time_network(number, &samples, turns);
    toy_samples_free(&samples);
    return 0;
}
