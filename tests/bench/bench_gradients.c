/* bench_gradients.c - what the products of single samples' gradients cost on one core.
 *
 *     bench_gradients [WORKLOAD|all] [ROUNDS]
 *
 * 500 samples at random weights: seconds of one forward and backward pass over them, in training mode by blocks of at
 * most 128, and of all products of their gradients; medians of ROUNDS in turn, one JSON line a workload. The PyTorch
 * side is compare_gradients.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/yield.h"
#include "kernels/blas.h"
#include "median.h"
#include "metrics/gram.h"
#include "network/network.h"
#include "settings.h"
#include "toy_samples.h"

enum { SAMPLES = 500, CLASSES = 10, BLOCK = 128, ROUNDS_MAX = 101 };

static const struct workload {
    const char *name, *model;
    struct shape input;
} workloads[] = {{"mlp-500-300-100", "mlp hidden=[500,300,100]", {28, 28, 1}},
                 {"cnn-32-64-128-bn", "cnn channels=[32,64,128] batch_norm=true", {32, 32, 3}},
                 {"resnet20", "resnet", {32, 32, 3}},
                 {0}};

static void ensure(enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_gradients: %s\n", error->text);
    exit(1);
}

static enum status go_on(void *context, struct error *error)
{
    (void)context, (void)error;
    return STATUS_OK;
}

static double time_passes(struct network *network, const struct samples *samples)
{
    static float dlogits[BLOCK * CLASSES];
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    const double start = clock_monotonic();
    for (int first = 0; first < SAMPLES; first += BLOCK) {
        const int n = SAMPLES - first < BLOCK ? SAMPLES - first : BLOCK;
        float *const x = network_input(network);
        samples_gather(samples, NULL, first, n, x);
        const float *const logits = network_forward(network, x, n, PASS_TRAIN);
        ((const struct loss_ops *)loss.kind)
            ->gradient(loss.settings, n, CLASSES, logits, samples->labels + first, 1.0f / (float)n, dlogits);
        network_backward(network, dlogits, n);
    }
    return clock_monotonic() - start;
}

static double time_products(const struct measurement *at, const struct chosen *chosen)
{
    struct gram gram;
    struct error error;
    const double start = clock_monotonic();
    ensure(gram_compute(at, chosen, &gram, NULL, &error), &error);
    const double seconds = clock_monotonic() - start;
    gram_free(&gram);
    return seconds;
}

static void run(const struct workload *workload, int rounds)
{
    static double passes[ROUNDS_MAX], products[ROUNDS_MAX];
    const struct shape input = workload->input;
    struct samples parts[PART_COUNT];
    for (int part = 0; part < PART_COUNT; part++)
        parts[part] = toy_samples(SAMPLES, input.height * input.width * input.channels, CLASSES, 1, (uint64_t)part);
    struct model_config model;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, workload->model);
    struct network *network = NULL;
    struct error error;
    ensure(network_create(&model, input, CLASSES, BLOCK, &network, &error), &error);
    network_initialise(network, 0);
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    const struct yield nobody = {.call = go_on};
    const struct measurement at = {
        .classes = CLASSES, .network = network, .samples = parts, .loss = &loss, .yield = &nobody};
    struct chosen chosen;
    ensure(chosen_draw(&at, SAMPLES, false, &chosen, &error), &error);
    const int flushed = flush_subnormals(1);
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        passes[round < 0 ? 0 : round] = time_passes(network, &parts[PART_TRAIN]);
        products[round < 0 ? 0 : round] = time_products(&at, &chosen);
    }
    flush_subnormals(flushed);
    const double pass = median(rounds, passes), product = median(rounds, products);
    printf("{\"workload\": \"%s\", \"samples\": %d, \"forward_backward_seconds\": %.6f, \"products_seconds\": %.6f, "
           "\"ratio\": %.3f, \"blas_kernel\": \"%s\"}\n",
           workload->name, SAMPLES, pass, product, product / pass, blas_kernel());
    fflush(stdout);
    chosen_free(&chosen);
    network_destroy(&network);
    for (int part = 0; part < PART_COUNT; part++)
        toy_samples_free(&parts[part]);
}

int main(int argument_count, char **arguments)
{
    const char *const name = argument_count > 1 ? arguments[1] : "all";
    int rounds = argument_count > 2 ? atoi(arguments[2]) : 7, done = 0;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    for (const struct workload *workload = workloads; workload->name != NULL; workload++)
        if (strcmp(name, "all") == 0 || strcmp(name, workload->name) == 0) {
            run(workload, rounds);
            done++;
        }
    if (done == 0)
        fprintf(stderr, "bench_gradients: no workload is named '%s'\n", name);
    return done == 0 ? 2 : 0;
}
