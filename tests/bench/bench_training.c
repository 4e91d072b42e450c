/* bench_training.c - samples a second of whole training steps and of evaluations on one core, in the format of the
 * PyTorch peer.
 *
 *     bench_training WORKLOAD,...|all SECONDS
 *
 * A step gathers a batch from 4096 samples in random order, bytes as MNIST and CIFAR-10 have them, then forward,
 * cross-entropy, backward, and SGD with momentum 0.9 and weight decay 5e-4. Beside the rate: the share that its
 * arithmetic has of what the matrix product alone reaches at 1024^3 in the same run. An evaluation passes all samples:
 * their logits, losses and accuracy. Training and evaluation take turns, since machines change their speed: their ratio
 * is the median over the turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "median.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

enum { SAMPLES = 4096, CLASSES = 10, WARM_UP_STEPS = 2, TURNS = 16 };

struct workload {
    const char *name, *model;
    const char *list; /* the model's list of widths: its key */
    int count;
    int64_t widths[3];
    bool batch_norm;
    struct shape input;
    int batch_size;
};

#define MNIST     \
    {             \
        28, 28, 1 \
    }
#define CIFAR     \
    {             \
        32, 32, 3 \
    }

static const struct workload workloads[] = {{"mlp-100", "mlp", "hidden", 1, {100}, false, MNIST, 64},
                                            {"mlp-256x2", "mlp", "hidden", 2, {256, 256}, false, MNIST, 64},
                                            {"mlp-1024x3", "mlp", "hidden", 3, {1024, 1024, 1024}, false, MNIST, 128},
                                            {"cnn-16-32", "cnn", "channels", 2, {16, 32}, false, MNIST, 64},
                                            {"cnn-32-64-128-bn", "cnn", "channels", 3, {32, 64, 128}, true, CIFAR, 128},
                                            {"resnet20", "resnet", NULL, 0, {0}, true, CIFAR, 128},
                                            {0}};

struct timing {
    double seconds, start, end;
    int64_t steps;
};

/* What was done in how much time. */
struct amount {
    double samples, seconds;
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
    model.kind = choice_of(&model_table, workload->model);
    if (workload->list != NULL)
        choice_integers(&model.kind, workload->list, workload->count, workload->widths);
    else
        choice_name(&model.kind, "shortcut", "projection");
    if (workload->batch_norm)
        choice_flag(&model.kind, "batch_norm", true);
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
static double step_flops(const struct workload *workload, const struct model_config *model)
{
    enum { WINDOW = 9, STEM = 16 };
    struct network_summary summary;
    struct error error;
    ensure(network_summarise(model, workload->input, CLASSES, 1, &summary, &error), &error);
    const struct shape in = workload->input;
    const double first = (double)(workload->list == NULL ? STEM : workload->widths[0]);
    const double window = strcmp(workload->model, "mlp") == 0 ? 1 : WINDOW;
    return 3 * summary.flops_per_sample - 2 * window * in.height * in.width * in.channels * first;
}

/* Whole training steps for so long. */
static struct amount train_for(const struct training *training, double seconds)
{
    struct timing timing = {.seconds = seconds};
    struct error error;
    const struct training_hooks hooks = {.context = &timing, .yield = count_step};
    const enum status status = training_run(training, &hooks, &error);
    if (status != STATUS_STOPPED)
        ensure(status, &error);
    const int64_t batch = training->config->batch_size;
    return (struct amount){(double)((timing.steps - WARM_UP_STEPS) * batch), timing.end - timing.start};
}

/* Whole evaluations for so long. */
static struct amount evaluate_for(const struct training *training, double seconds)
{
    struct evaluator *evaluator = NULL;
    struct evaluation found;
    struct error error;
    struct amount done = {0};
    ensure(evaluator_create(training->samples, CLASSES, &evaluator, &error), &error);
    const double start = clock_monotonic();
    while (done.seconds < seconds) {
        ensure(evaluator_run(evaluator, training->network, &training->config->loss, NULL, &found, &error), &error);
        done.samples += SAMPLES;
        done.seconds = clock_monotonic() - start;
    }
    evaluator_destroy(&evaluator);
    return done;
}

/* Both in turn, for `seconds` of training and half of that of evaluation. */
struct speeds {
    double training, evaluation; /* samples a second */
    double ratio;                /* evaluation / training: the median over the turns */
};

static struct speeds measure(const struct training *training, double seconds)
{
    double ratios[TURNS];
    int turns = 0;
    struct amount trained = {0}, evaluated = {0};
    train_for(training, 0);
    evaluate_for(training, 0);
    while (turns < TURNS && trained.seconds < seconds) {
        const struct amount a = train_for(training, seconds / TURNS), b = evaluate_for(training, seconds / TURNS / 2);
        ratios[turns++] = b.samples / b.seconds / (a.samples / a.seconds);
        trained = (struct amount){trained.samples + a.samples, trained.seconds + a.seconds};
        evaluated = (struct amount){evaluated.samples + b.samples, evaluated.seconds + b.seconds};
    }
    return (struct speeds){.training = trained.samples / trained.seconds,
                           .evaluation = evaluated.samples / evaluated.seconds,
                           .ratio = median(turns, ratios)};
}

static void run(const struct workload *workload, double seconds)
{
    const struct shape input = workload->input;
    struct samples samples = toy_bytes(SAMPLES, input, CLASSES, 0);
    const struct model_config model = workload_model(workload);
    const struct train_config train = workload_train(workload);
    struct network *network = NULL;
    struct error error;
    ensure(network_create(&model, input, CLASSES, training_max_batch(&train, SAMPLES), &network, &error), &error);
    network_initialise(network, 0);
    const double peak = product_peak();
    const struct training training = {.network = network, .samples = &samples, .config = &train};
    const struct speeds speeds = measure(&training, seconds);
    const double gflops = speeds.training * step_flops(workload, &model) * 1e-9;
    printf("{\"workload\": \"%s\", \"batch_size\": %d, \"samples_per_second\": %.0f, "
           "\"evaluated_per_second\": %.0f, \"evaluation_ratio\": %.2f, \"gflops\": %.1f, \"sgemm_1024_gflops\": %.1f, "
           "\"share_of_sgemm\": %.3f, \"blas_kernel\": \"%s\"}\n",
           workload->name, workload->batch_size, speeds.training, speeds.evaluation, speeds.ratio, gflops, peak,
           gflops / peak, blas_kernel());
    fflush(stdout);
    network_destroy(&network);
    toy_samples_free(&samples);
}

/* Whether the comma-separated list holds the name. */
static int listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    if (strcmp(list, "all") == 0)
        return 1;
    while (*list != '\0') {
        const size_t item = strcspn(list, ",");
        if (item == length && strncmp(list, name, length) == 0)
            return 1;
        list += item + (list[item] == ',');
    }
    return 0;
}

int main(int argument_count, char **arguments)
{
    const char *const names = argument_count > 1 ? arguments[1] : "all";
    const double seconds = argument_count > 2 ? strtod(arguments[2], NULL) : 4;
    int done = 0;
    for (const struct workload *workload = workloads; workload->name != NULL; workload++)
        if (listed(names, workload->name)) {
            run(workload, seconds);
            done++;
        }
    if (done == 0)
        fprintf(stderr, "bench_training: no workload in '%s'; the workloads are:", names);
    for (const struct workload *workload = workloads; done == 0 && workload->name != NULL; workload++)
        fprintf(stderr, " %s%s", workload->name, workload[1].name == NULL ? "\n" : ",");
    return done == 0 ? 2 : 0;
}
