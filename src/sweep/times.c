/* times.c - each trial is so many training steps, evaluations and measure points, at the speeds of its workload. What
 * was not measured is taken to run at the rate of the others together. */
#include "sweep/times.h"

#include <math.h>

#include "base/memory.h"
#include "metrics/metrics.h"
#include "sweep/metric_costs.h"
#include "sweep/speeds.h"
#include "sweep/trial_size.h"

static enum status trial_metric_sizes(const struct plan *plan, const struct plan_trial *trial, struct metric_trial *out,
                                      struct error *error)
{
    int count[PART_COUNT];
    TRY(variant_sizes(plan, trial->variant, count, error));
    *out = metric_trial_of(plan_model(plan, trial->model), trial->loss, count, (int)trial->batch_size);
    return STATUS_OK;
}

/* All measure points of all metrics; *flops: what the plan counts for them. A metric that was not measured takes as
 * long as evaluations. */
static enum status metric_seconds(const struct plan *plan, const struct plan_trial *trial, const struct speed *speed,
                                  double *seconds, double *flops, struct error *error)
{
    const struct choices *metrics = &plan_sweep_config(plan)->metrics;
    const double pass = plan_model(plan, trial->model)->summary.flops_per_sample;
    struct metric_trial sizes;
    *seconds = *flops = 0;
    TRY(trial_metric_sizes(plan, trial, &sizes, error));
    for (int m = 0; m < metrics->count; m++) {
        const struct metric_ops *ops = (const struct metric_ops *)metrics->items[m].kind;
        const void *settings = metrics->items[m].settings;
        const double points = metric_points(settings, trial->epochs, trial->steps, NULL, 0);
        const double one = ops->cost == NULL ? 0 : ops->cost(settings, &sizes).flops;
        *flops += points * one;
        *seconds += points * (speed->metrics[m] > 0 ? metric_work(ops, settings, &sizes) * speed->metrics[m]
                                                    : one / pass * speed->evaluate);
    }
    return STATUS_OK;
}

static enum status trial_seconds(const struct plan *plan, const struct plan_trial *trial, const struct speed *speed,
                                 double *out, struct error *error)
{
    double metrics = 0, metric_flops = 0;
    TRY(metric_seconds(plan, trial, speed, &metrics, &metric_flops, error));
    const double passes = (trial->flops - metric_flops) / plan_model(plan, trial->model)->summary.flops_per_sample;
    const double evaluations = fmax(0, passes - 3 * trial->samples); /* of single samples */
    *out = speed->begin + trial->samples * speed->train + evaluations * speed->evaluate + metrics;
    return STATUS_OK;
}

static double pair_seconds(const struct plan *plan, int64_t pair, const struct speed *speed)
{
    const struct plan_model *model = plan_model(plan, plan_trial(plan, plan_pair(plan, pair)->first)->model);
    return 2 * speed->begin + plan_pair_flops(plan, pair) / model->summary.flops_per_sample * speed->evaluate;
}

/* Trials whose workload was measured; the others, and pairs, keep what they have. *rate: FLOP/s of those together, each
 * with its share of the work; 0: none was measured. */
static enum status fill_measured(const struct plan *plan, const struct speeds *speeds, struct times *times,
                                 double *rate, struct error *error)
{
    const int64_t trials = plan_trial_count(plan);
    double flops = 0, seconds = 0;
    for (int64_t i = 0; i < trials; i++) {
        const struct speed *speed = speeds_of(speeds, i);
        if (speed == NULL)
            continue;
        TRY(trial_seconds(plan, plan_trial(plan, i), speed, &times->seconds[i], error));
        flops += plan_trial(plan, i)->flops;
        seconds += times->seconds[i];
    }
    for (int64_t i = 0; i < plan_pair_count(plan); i++) {
        const struct speed *speed = speeds_of(speeds, plan_pair(plan, i)->first);
        if (speed != NULL)
            times->seconds[trials + i] = pair_seconds(plan, i, speed);
    }
    *rate = seconds > 0 ? flops / seconds : 0;
    return STATUS_OK;
}

/* What has no time yet: by its FLOPs. */
static void fill_others(const struct plan *plan, double rate, struct times *times)
{
    const int64_t trials = plan_trial_count(plan);
    for (int64_t i = 0; i < trials + plan_pair_count(plan); i++)
        if (times->seconds[i] <= 0)
            times->seconds[i] = (i < trials ? plan_trial(plan, i)->flops : plan_pair_flops(plan, i - trials)) / rate;
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

enum status times_measure(struct plan *plan, const struct schema *schema, struct times *out, struct error *error)
{
    struct speeds *speeds = NULL;
    double rate = 0;
    TRY(allocate(plan, out, error));
    enum status status = speeds_measure(plan, schema, &speeds, error);
    if (status == STATUS_OK)
        status = fill_measured(plan, speeds, out, &rate, error);
    if (status == STATUS_OK) {
        fill_others(plan, fmax(rate, 1), out);
        sum_up(plan, out);
    } else {
        times_free(out);
    }
    speeds_destroy(&speeds);
    return status;
}

enum status times_assume(const struct plan *plan, double flops_per_second, struct times *out, struct error *error)
{
    TRY(allocate(plan, out, error));
    fill_others(plan, flops_per_second, out);
    sum_up(plan, out);
    return STATUS_OK;
}

void times_free(struct times *times)
{
    memory_free(times->seconds);
    *times = (struct times){0};
}
