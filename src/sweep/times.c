/* times.c - the first trial of each network is begun: some steps of its training, some blocks of an evaluation.
 * Training steps and evaluations run at different rates, and small networks at others than large ones: each network has
 * its own. Networks beyond the largest few are taken to run at the rate of the others together. */
#include "sweep/times.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "training/blocks.h"

enum { NETWORKS_MEASURED = 12, INTERVALS_LEAST = 2 };
static const double measure_seconds = 0.3; /* of all networks, training and evaluation */

/* Of one network. */
struct speed {
    double flops;           /* of all its trials */
    double train, evaluate; /* seconds a sample; 0: not measured */
    double begin;           /* seconds before the first step */
};

struct stopwatch {
    double budget, start, now;
    int64_t calls;
};

/* The first interval warms up, and does not count. */
static enum status watch(void *context, struct error *error)
{
    struct stopwatch *stopwatch = context;
    stopwatch->now = clock_monotonic();
    if (stopwatch->calls == 1)
        stopwatch->start = stopwatch->now;
    if (stopwatch->calls > INTERVALS_LEAST && stopwatch->now - stopwatch->start >= stopwatch->budget)
        return fail(error, STATUS_STOPPED, "measured");
    stopwatch->calls++;
    return STATUS_OK;
}

static double intervals_mean(const struct stopwatch *stopwatch)
{
    return (stopwatch->now - stopwatch->start) / (double)(stopwatch->calls - 1);
}

static enum status go_on(void *context, const struct epoch_record *record, bool *stop, struct error *error)
{
    (void)context;
    (void)record;
    (void)stop;
    (void)error;
    return STATUS_OK;
}

/* A trial, begun: with the learning rate 0, so that it cannot diverge. */
struct sample_run {
    struct trial_config config;
    struct data_view *view;
    struct network *network;
    double budget;
};

static enum status measure_training(const struct sample_run *run, struct speed *speed, struct error *error)
{
    struct train_config config = run->config.train;
    config.epochs = 1 << 20;
    config.stop = (struct stop_config){0};
    config.learning_rate = 0;
    struct stopwatch stopwatch = {.budget = run->budget};
    const struct training training = {.network = run->network,
                                      .samples = &run->view->parts[PART_TRAIN],
                                      .config = &config,
                                      .augment = &run->config.data.augment};
    const struct training_hooks hooks = {.context = &stopwatch, .yield = watch, .epoch_end = go_on};
    const enum status status = training_run(&training, &hooks, error);
    if (status != STATUS_STOPPED)
        return status;
    const int64_t samples = run->view->parts[PART_TRAIN].count;
    const double batch = (double)samples / (double)training_epoch_steps(&config, samples);
    speed->train = intervals_mean(&stopwatch) / batch;
    return STATUS_OK;
}

static enum status measure_evaluation(const struct sample_run *run, struct speed *speed, struct error *error)
{
    const struct samples *samples = &run->view->parts[PART_TRAIN];
    struct evaluator *evaluator = NULL;
    struct evaluation found;
    TRY(evaluator_create(samples, run->view->classes, &evaluator, error));
    struct stopwatch stopwatch = {.budget = run->budget};
    const struct training_hooks hooks = {.context = &stopwatch, .yield = watch};
    enum status status = STATUS_OK;
    while (status == STATUS_OK)
        status = evaluator_run(evaluator, run->network, &run->config.train.loss, &hooks, &found, error);
    evaluator_destroy(&evaluator);
    if (status != STATUS_STOPPED)
        return status;
    speed->evaluate =
        intervals_mean(&stopwatch) / ((double)samples->count / ceil((double)samples->count / EVALUATION_BLOCK));
    return STATUS_OK;
}

/* speed stays 0 where the network's outputs are not finite. */
static enum status measure_network(struct plan *plan, const struct plan_trial *trial, struct sample_run *run,
                                   struct speed *speed, struct error *error)
{
    const struct plan_variant *variant = plan_variant(plan, trial->variant);
    const struct dataset *dataset = plan_source(plan, variant->source)->dataset;
    double start = clock_monotonic();
    TRY(data_view_create(dataset, &variant->config, &variant->seeds, &run->view, error));
    const double changes = (double)plan_variant_count(plan) / (double)plan_trial_count(plan);
    speed->begin = (clock_monotonic() - start) * changes;
    const int max_batch = training_max_batch(&run->config.train, run->view->parts[PART_TRAIN].count);
    start = clock_monotonic();
    TRY(network_create(&run->config.model, run->view->shape, run->view->classes, max_batch, &run->network, error));
    network_initialise(run->network, 0);
    speed->begin += clock_monotonic() - start;
    enum status status = measure_training(run, speed, error);
    if (status == STATUS_OK)
        status = measure_evaluation(run, speed, error);
    if (status != STATUS_DIVERGED)
        return status;
    *speed = (struct speed){.flops = speed->flops};
    return STATUS_OK;
}

static enum status measure_first_trial(struct plan *plan, int model, double budget, struct speed *speed,
                                       struct error *error)
{
    struct sample_run run = {.budget = budget};
    int64_t trial = 0;
    while (plan_trial(plan, trial)->model != model)
        trial++;
    TRY(plan_trial_config(plan, trial, &run.config, error));
    const enum status status = measure_network(plan, plan_trial(plan, trial), &run, speed, error);
    network_destroy(&run.network);
    data_view_destroy(&run.view);
    return status;
}

/* The not yet measured network with most work. */
static int most_work(const struct speed *speeds, const bool *done, int count)
{
    int most = -1;
    for (int i = 0; i < count; i++)
        if (!done[i] && (most < 0 || speeds[i].flops > speeds[most].flops))
            most = i;
    return most;
}

static enum status measure_speeds(struct plan *plan, struct speed *speeds, bool *done, struct error *error)
{
    const int count = plan_model_count(plan), measured = count < NETWORKS_MEASURED ? count : NETWORKS_MEASURED;
    blas_setup();
    for (int64_t i = 0; i < plan_trial_count(plan); i++)
        speeds[plan_trial(plan, i)->model].flops += plan_trial(plan, i)->flops;
    for (int i = 0; i < measured; i++) {
        const int model = most_work(speeds, done, count);
        done[model] = true;
        TRY(measure_first_trial(plan, model, measure_seconds / (2 * measured), &speeds[model], error));
    }
    return STATUS_OK;
}

/* Forward passes of single samples, beside those of training. */
static double evaluations(const struct plan *plan, const struct plan_trial *trial)
{
    const double passes = trial->flops / plan_model(plan, trial->model)->summary.flops_per_sample;
    return fmax(0, passes - 3 * trial->samples);
}

static double trial_seconds(const struct plan *plan, const struct plan_trial *trial, const struct speed *speed)
{
    return speed->begin + trial->samples * speed->train + evaluations(plan, trial) * speed->evaluate;
}

static double pair_seconds(const struct plan *plan, int64_t pair, const struct speed *speed)
{
    const struct plan_model *model = plan_model(plan, plan_trial(plan, plan_pair(plan, pair)->first)->model);
    return 2 * speed->begin + plan_pair_flops(plan, pair) / model->summary.flops_per_sample * speed->evaluate;
}

/* FLOP/s of the networks that were measured, each with its share of the work. */
static double rate_of_measured(const struct plan *plan, const struct speed *speeds)
{
    double flops = 0, seconds = 0;
    for (int64_t i = 0; i < plan_trial_count(plan); i++) {
        const struct plan_trial *trial = plan_trial(plan, i);
        if (speeds[trial->model].train > 0) {
            flops += trial->flops;
            seconds += trial_seconds(plan, trial, &speeds[trial->model]);
        }
    }
    return seconds > 0 ? flops / seconds : 0;
}

static void fill_seconds(const struct plan *plan, const struct speed *speeds, double rate, struct times *times)
{
    const int64_t trials = plan_trial_count(plan);
    for (int64_t i = 0; i < trials; i++) {
        const struct plan_trial *trial = plan_trial(plan, i);
        const struct speed *speed = speeds == NULL ? NULL : &speeds[trial->model];
        times->seconds[i] = speed != NULL && speed->train > 0 ? trial_seconds(plan, trial, speed) : trial->flops / rate;
    }
    for (int64_t i = 0; i < plan_pair_count(plan); i++) {
        const struct speed *speed = speeds == NULL ? NULL : &speeds[plan_trial(plan, plan_pair(plan, i)->first)->model];
        times->seconds[trials + i] =
            speed != NULL && speed->train > 0 ? pair_seconds(plan, i, speed) : plan_pair_flops(plan, i) / rate;
    }
}

static void sum_up(const struct plan *plan, struct times *times)
{
    const int64_t trials = plan_trial_count(plan);
    double flops = 0, batches = 0;
    for (int64_t i = 0; i < trials + plan_pair_count(plan); i++) {
        times->total += times->seconds[i];
        times->longest = fmax(times->longest, times->seconds[i]);
        flops += i < trials ? plan_trial(plan, i)->flops : plan_pair_flops(plan, i - trials);
        if (i < trials)
            batches += ceil(plan_trial(plan, i)->samples / (double)plan_trial(plan, i)->batch_size);
    }
    times->flops_per_second = times->total > 0 ? flops / times->total : 0;
    times->batch_seconds = batches > 0 ? times->total / batches : 0;
}

static enum status allocate(const struct plan *plan, struct times *times, struct error *error)
{
    void *memory = NULL;
    *times = (struct times){0};
    TRY(memory_allocate(&memory, (size_t)(plan_trial_count(plan) + plan_pair_count(plan)), sizeof(double),
                        "times of trials", error));
    times->seconds = memory;
    return STATUS_OK;
}

enum status times_measure(struct plan *plan, struct times *out, struct error *error)
{
    void *speeds = NULL, *done = NULL;
    const size_t models = (size_t)plan_model_count(plan);
    TRY(allocate(plan, out, error));
    enum status status = memory_allocate(&speeds, models, sizeof(struct speed), "speeds of networks", error);
    if (status == STATUS_OK)
        status = memory_allocate(&done, models, sizeof(bool), "networks", error);
    if (status == STATUS_OK)
        status = measure_speeds(plan, speeds, done, error);
    if (status == STATUS_OK) {
        fill_seconds(plan, speeds, fmax(rate_of_measured(plan, speeds), 1), out);
        sum_up(plan, out);
    } else {
        times_free(out);
    }
    memory_free(speeds);
    memory_free(done);
    return status;
}

enum status times_assume(const struct plan *plan, double flops_per_second, struct times *out, struct error *error)
{
    TRY(allocate(plan, out, error));
    fill_seconds(plan, NULL, flops_per_second, out);
    sum_up(plan, out);
    return STATUS_OK;
}

void times_free(struct times *times)
{
    memory_free(times->seconds);
    *times = (struct times){0};
}
