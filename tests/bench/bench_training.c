/* bench_training.c - samples a second of whole training steps on one core, in the format of the PyTorch peer.
 *
 *     bench_training WORKLOAD,...|all SECONDS
 *
 * A step gathers a batch from 4096 samples in random order, then forward, cross-entropy, backward, and SGD with
 * momentum 0.9 and weight decay 5e-4. Beside the rate: the share that its arithmetic has of what the matrix product
 * alone reaches at 1024^3 in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

enum { SAMPLES = 4096, INPUTS = 784, CLASSES = 10, WARM_UP_STEPS = 2 };

struct workload {
    const char *name;
    int hidden_count;
    int64_t hidden[3];
    int batch_size;
};

static const struct workload workloads[] = {
    {"mlp-100", 1, {100}, 64}, {"mlp-256x2", 2, {256, 256}, 64}, {"mlp-1024x3", 3, {1024, 1024, 1024}, 128}, {0}};

struct timing {
    double seconds, start, end;
    int64_t steps;
};

static void ensure(enum status status, const struct error *error)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench_training: %s\n", error->text);
    exit(1);
}

/* GFLOP/s of the product of two 1024 x 1024 matrices: the best of several. */
static double product_peak(void)
{
    enum { SIDE = 1024, TRIES = 8 };
    void *block = NULL;
    struct error error;
    ensure(memory_allocate(&block, 3 * SIDE * SIDE, sizeof(float), "matrices", &error), &error);
    float *const a = block;
    double best = 1e9;
    for (int i = 0; i < TRIES; i++) {
        const double start = clock_monotonic();
        gemm(AS_IS, AS_IS, SIDE, SIDE, SIDE, a, a + SIDE * SIDE, 0.0f, a + 2 * SIDE * SIDE);
        const double seconds = clock_monotonic() - start;
        best = seconds < best ? seconds : best;
    }
    memory_free(block);
    return 2e-9 * SIDE * SIDE * SIDE / best;
}

static enum status count_step(void *context, struct error *error)
{
    struct timing *const timing = context;
    timing->end = clock_monotonic();
    if (timing->steps == WARM_UP_STEPS)
        timing->start = timing->end;
    else if (timing->steps > WARM_UP_STEPS && timing->end - timing->start >= timing->seconds)
        return fail(error, STATUS_STOPPED, "time is over");
    timing->steps++;
    return STATUS_OK;
}

static struct model_config workload_model(const struct workload *workload)
{
    struct model_config model;
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", workload->hidden_count, workload->hidden);
    return model;
}

static struct train_config workload_train(const struct workload *workload)
{
    struct train_config train;
    settings_default(train_fields, &train);
    train.epochs = 1 << 20;
    train.batch_size = workload->batch_size;
    train.learning_rate = 0.01;
    choice_real(&train.optimizer, "weight_decay", 5e-4);
    return train;
}

/* Flops of a sample's step: forward, gradient of the weights, gradient of all inputs but the first. */
static double step_flops(const struct workload *workload)
{
    double flops = 0, in = INPUTS;
    for (int i = 0; i <= workload->hidden_count; i++) {
        const double out = i < workload->hidden_count ? (double)workload->hidden[i] : CLASSES;
        flops += (i == 0 ? 4 : 6) * in * out;
        in = out;
    }
    return flops;
}

static void run(const struct workload *workload, double seconds, const struct samples *samples)
{
    const struct model_config model = workload_model(workload);
    const struct train_config train = workload_train(workload);
    struct network *network = NULL;
    struct error error;
    ensure(network_create(&model, (struct shape){28, 28, 1}, CLASSES, training_max_batch(&train, SAMPLES), &network,
                          &error),
           &error);
    network_initialise(network, 0);
    const double peak = product_peak();
    struct timing timing = {.seconds = seconds};
    const struct training training = {.network = network, .samples = samples, .config = &train};
    const struct training_hooks hooks = {.context = &timing, .yield = count_step};
    const enum status status = training_run(&training, &hooks, &error);
    if (status != STATUS_STOPPED)
        ensure(status, &error);
    const double rate = (double)(timing.steps - WARM_UP_STEPS) * workload->batch_size / (timing.end - timing.start);
    const double gflops = rate * step_flops(workload) * 1e-9;
    printf("{\"workload\": \"%s\", \"batch_size\": %d, \"samples_per_second\": %.0f, \"gflops\": %.1f, "
           "\"sgemm_1024_gflops\": %.1f, \"share_of_sgemm\": %.3f, \"blas_kernel\": \"%s\"}\n",
           workload->name, workload->batch_size, rate, gflops, peak, gflops / peak, blas_kernel());
    fflush(stdout);
    network_destroy(&network);
}

/* Whether the comma-separated list holds the name. */
static int listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ','), at += at != NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return 1;
    return strcmp(list, "all") == 0;
}

int main(int argument_count, char **arguments)
{
    const char *const names = argument_count > 1 ? arguments[1] : "all";
    const double seconds = argument_count > 2 ? strtod(arguments[2], NULL) : 4;
    struct samples samples = toy_samples(SAMPLES, INPUTS, CLASSES, 0, 0);
    int done = 0;
    for (const struct workload *workload = workloads; workload->name != NULL; workload++)
        if (listed(names, workload->name)) {
            run(workload, seconds, &samples);
            done++;
        }
    toy_samples_free(&samples);
    if (done == 0)
        fprintf(stderr, "bench_training: no workload in '%s'; there are mlp-100, mlp-256x2, mlp-1024x3\n", names);
    return done == 0 ? 2 : 0;
}
