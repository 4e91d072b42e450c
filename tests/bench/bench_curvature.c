/* bench_curvature.c - what a product with the Hessian costs on one core.
 *
 *     bench_curvature [WORKLOAD|all] [ROUNDS]
 *
 * Samples at random weights: seconds of one training pass over them, forward and backward without a step, and of one
 * product; medians of ROUNDS in turn, one JSON line a workload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "median.h"
#include "network/curvature.h"
#include "settings.h"
#include "toy_samples.h"

enum { CLASSES = 10, BLOCK = 128, ROUNDS_MAX = 101 };

static const struct workload {
    const char *name, *model;
    struct shape input;
    int samples;
} workloads[] = {{"mlp-256x2", "mlp hidden=[256,256]", {28, 28, 1}, 4096},
                 {"cnn-16-32", "cnn channels=[16,32]", {28, 28, 1}, 1024},
                 {"cnn-32-64-128-bn", "cnn channels=[32,64,128] batch_norm=true", {32, 32, 3}, 256},
                 {"resnet20", "resnet", {32, 32, 3}, 128},
                 {0}};

static void ensure(enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_curvature: %s\n", error->text);
    exit(1);
}

static double time_training(struct network *network, const struct choice *loss, const struct samples *samples)
{
    static float dlogits[BLOCK * CLASSES];
    const double start = clock_monotonic();
    for (int first = 0, n; first < samples->count; first += n) {
        n = samples->count - first < BLOCK ? samples->count - first : BLOCK;
        float *const x = network_input(network);
        samples_gather(samples, NULL, first, n, x);
        const float *const logits = network_forward(network, x, n, PASS_TRAIN);
        ((const struct loss_ops *)loss->kind)
            ->gradient(loss->settings, n, CLASSES, logits, samples->labels + first, 1.0f / (float)n, dlogits);
        network_backward(network, dlogits, n);
    }
    return clock_monotonic() - start;
}

static double time_product(struct curvature *curvature, struct network *network, const struct choice *loss,
                           const struct samples *samples)
{
    const int batch = curvature_batch(curvature);
    const double start = clock_monotonic();
    for (int first = 0, n; first < samples->count; first += n) {
        n = samples->count - first < batch ? samples->count - first : batch;
        float *const x = network_input(network);
        samples_gather(samples, NULL, first, n, x);
        curvature_product(curvature, loss, n, x, samples->labels + first, 1.0f, network_parameters(network));
    }
    return clock_monotonic() - start;
}

static void run(const struct workload *workload, int rounds)
{
    static double training[ROUNDS_MAX], product[ROUNDS_MAX];
    const struct shape input = workload->input;
    struct samples samples = toy_samples(workload->samples, input.height * input.width * input.channels, CLASSES, 1, 0);
    struct model_config model;
    struct network *network = NULL;
    struct curvature *curvature = NULL;
    struct error error;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, workload->model);
    ensure(network_create(&model, input, CLASSES, BLOCK, &network, &error), &error);
    network_initialise(network, 0);
    ensure(curvature_create(network, &curvature, &error), &error);
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    const int flushed = flush_subnormals(1);
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        training[round < 0 ? 0 : round] = time_training(network, &loss, &samples);
        product[round < 0 ? 0 : round] = time_product(curvature, network, &loss, &samples);
    }
    flush_subnormals(flushed);
    const double pass = median(rounds, training), one = median(rounds, product);
    printf("{\"workload\": \"%s\", \"samples\": %d, \"batch\": %d, \"training_seconds\": %.6f, \"product_seconds\": "
           "%.6f, \"ratio\": %.3f, \"blas_kernel\": \"%s\"}\n",
           workload->name, workload->samples, curvature_batch(curvature), pass, one, one / pass, blas_kernel());
    fflush(stdout);
    curvature_destroy(&curvature);
    network_destroy(&network);
    toy_samples_free(&samples);
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
        fprintf(stderr, "bench_curvature: no workload is named '%s'\n", name);
    return done == 0 ? 2 : 0;
}
