/* speeds.c - the first trial of each workload is begun: some steps of its training, some blocks of an evaluation, and
 * what its metrics do at one moment. Training steps, evaluations and each metric run at different rates, small networks
 * and batches at others than large ones. Of many workloads those with most work are measured. */
#include "sweep/speeds.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "sweep/growing.h"
#include "sweep/hash_map.h"
#include "sweep/metric_speeds.h"
#include "training/blocks.h"

enum { WORKLOADS_MEASURED = 32, WORKLOADS_AT_LEAST = 12, INTERVALS_LEAST = 2 };
static const double measure_seconds = 0.6; /* of all workloads, training and evaluation; at least */
static const double least_seconds = 0.02;  /* of one of them */
static const double most_seconds = 3;      /* after which only networks of which nothing is known are begun */

struct workload {
    int64_t trial; /* the first */
    struct speed speed;
};

struct speeds {
    struct growing workloads; /* struct workload */
    int32_t *number;          /* [trials] each trial's workload */
    double *metrics;          /* [workloads, metrics] */
};

static struct workload *workload_at(const struct speeds *speeds, int64_t number)
{
    return (struct workload *)speeds->workloads.items + number;
}

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
    speed->train = speed->evaluate = 0;
    return STATUS_OK;
}

/* The measured workload of the same network that is most like it; NULL: none. */
static struct workload *most_alike(const struct plan *plan, const struct speeds *speeds,
                                   const struct workload *workload)
{
    const struct plan_trial *wanted = plan_trial(plan, workload->trial);
    struct workload *best = NULL;
    int best_marks = -1;
    for (int64_t i = 0; i < speeds->workloads.count; i++) {
        struct workload *it = workload_at(speeds, i);
        const struct plan_trial *trial = plan_trial(plan, it->trial);
        const int marks = 4 * (trial->batch_size == wanted->batch_size) +
                          2 * (trial->state_per_parameter == wanted->state_per_parameter) +
                          (trial->loss == wanted->loss);
        if (trial->model != wanted->model || it->speed.train <= 0 || marks <= best_marks)
            continue;
        best = it;
        best_marks = marks;
    }
    return best;
}

static enum status measure_metrics(struct plan *plan, const struct schema *schema, const struct sample_run *run,
                                   struct workload *workload, struct error *error)
{
    const struct plan_trial *trial = plan_trial(plan, workload->trial);
    const double flops = plan_model(plan, trial->model)->summary.flops_per_sample;
    const struct metric_speeds_request request = {.plan = plan,
                                                  .schema = schema,
                                                  .trial = trial,
                                                  .config = &run->config,
                                                  .network = run->network,
                                                  .flops_per_second = flops / workload->speed.evaluate};
    return metric_speeds_measure(&request, workload->speed.metrics, error);
}

/* Metrics do not depend on how a network is trained: like: a measured workload of the same network, or NULL. */
static enum status measure_workload(struct plan *plan, const struct schema *schema, struct workload *workload,
                                    const struct workload *like, double budget, struct error *error)
{
    struct sample_run run = {.budget = budget};
    struct speed *speed = &workload->speed;
    TRY(plan_trial_config(plan, workload->trial, &run.config, error));
    enum status status = measure_network(plan, plan_trial(plan, workload->trial), &run, speed, error);
    if (like != NULL)
        memcpy(speed->metrics, like->speed.metrics, (size_t)schema_metric_count(schema) * sizeof *speed->metrics);
    else if (status == STATUS_OK && speed->train > 0)
        status = measure_metrics(plan, schema, &run, workload, error);
    network_destroy(&run.network);
    data_view_destroy(&run.view);
    return status;
}

/* The not yet measured workload with most work. */
static struct workload *most_work(const struct speeds *speeds, const bool *done)
{
    struct workload *most = NULL;
    for (int64_t i = 0; i < speeds->workloads.count; i++)
        if (!done[i] && (most == NULL || workload_at(speeds, i)->speed.flops > most->speed.flops))
            most = workload_at(speeds, i);
    return most;
}

static enum status measure_workloads(struct plan *plan, const struct schema *schema, struct speeds *speeds, bool *done,
                                     struct error *error)
{
    const int64_t count = speeds->workloads.count;
    const int64_t measured = count < WORKLOADS_MEASURED ? count : WORKLOADS_MEASURED;
    const double budget = fmax(measure_seconds / (2 * (double)measured), least_seconds);
    const double start = clock_monotonic();
    blas_setup();
    for (int64_t i = 0; i < measured; i++) {
        struct workload *workload = most_work(speeds, done);
        const struct workload *like = most_alike(plan, speeds, workload);
        done[workload - workload_at(speeds, 0)] = true;
        if (clock_monotonic() - start < most_seconds || (like == NULL && i < WORKLOADS_AT_LEAST))
            TRY(measure_workload(plan, schema, workload, like, budget, error));
    }
    return STATUS_OK;
}

static struct hash128 workload_key(const struct plan *plan, const struct plan_trial *trial)
{
    const struct augment_config *augment = &plan_variant(plan, trial->variant)->config.augment;
    const int64_t key[] = {
        trial->model,    trial->batch_size, trial->state_per_parameter, (int64_t)(intptr_t)trial->loss, augment->shift,
        augment->cutout, augment->flip};
    return hash_bytes128(key, sizeof key);
}

static enum status number_workloads(const struct plan *plan, struct speeds *speeds, struct error *error)
{
    struct hash_map numbers = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; status == STATUS_OK && i < plan_trial_count(plan); i++) {
        const struct plan_trial *trial = plan_trial(plan, i);
        const struct workload workload = {.trial = i};
        int64_t number = 0;
        status = hash_map_number(&numbers, workload_key(plan, trial), &number, error);
        if (status == STATUS_OK && number == speeds->workloads.count)
            status = growing_add(&speeds->workloads, &workload, error);
        if (status != STATUS_OK)
            break;
        speeds->number[i] = (int32_t)number;
        workload_at(speeds, number)->speed.flops += trial->flops;
    }
    hash_map_free(&numbers);
    return status;
}

static enum status prepare(const struct plan *plan, const struct schema *schema, struct speeds *speeds,
                           struct error *error)
{
    const int metrics = schema_metric_count(schema);
    TRY(memory_allocate((void **)&speeds->number, (size_t)plan_trial_count(plan), sizeof *speeds->number, "workloads",
                        error));
    TRY(number_workloads(plan, speeds, error));
    TRY(memory_allocate((void **)&speeds->metrics, (size_t)speeds->workloads.count * (size_t)metrics,
                        sizeof *speeds->metrics, "speeds of metrics", error));
    for (int64_t i = 0; i < speeds->workloads.count; i++)
        workload_at(speeds, i)->speed.metrics = speeds->metrics + i * metrics;
    return STATUS_OK;
}

/* To workloads that were not measured. */
static void lend_speeds(const struct plan *plan, struct speeds *speeds)
{
    for (int64_t i = 0; i < speeds->workloads.count; i++) {
        struct workload *workload = workload_at(speeds, i);
        const struct workload *like = workload->speed.train > 0 ? NULL : most_alike(plan, speeds, workload);
        if (like != NULL)
            workload->speed = like->speed;
    }
}

enum status speeds_measure(struct plan *plan, const struct schema *schema, struct speeds **out, struct error *error)
{
    struct speeds *speeds = NULL;
    bool *done = NULL;
    TRY(memory_allocate((void **)&speeds, 1, sizeof *speeds, "speeds", error));
    speeds->workloads.size = sizeof(struct workload);
    enum status status = prepare(plan, schema, speeds, error);
    if (status == STATUS_OK)
        status = memory_allocate((void **)&done, (size_t)speeds->workloads.count, sizeof *done, "workloads", error);
    if (status == STATUS_OK)
        status = measure_workloads(plan, schema, speeds, done, error);
    if (status == STATUS_OK)
        lend_speeds(plan, speeds);
    memory_free(done);
    if (status != STATUS_OK)
        speeds_destroy(&speeds);
    *out = speeds;
    return status;
}

void speeds_destroy(struct speeds **speeds)
{
    if (*speeds == NULL)
        return;
    growing_free(&(*speeds)->workloads);
    memory_free((*speeds)->number);
    memory_free((*speeds)->metrics);
    memory_free(*speeds);
    *speeds = NULL;
}

const struct speed *speeds_of(const struct speeds *speeds, int64_t trial)
{
    const struct speed *speed = &workload_at(speeds, speeds->number[trial])->speed;
    return speed->train > 0 ? speed : NULL;
}
