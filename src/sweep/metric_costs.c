#include "sweep/metric_costs.h"

#include <math.h>

#include "metrics/metrics.h"

struct metric_trial metric_trial_of(const struct plan_model *model, const struct loss_ops *loss, const int *count,
                                    int max_batch)
{
    const struct network_summary *const summary = &model->summary;
    const struct shape input = model->input;
    struct metric_trial trial = {.loss = loss,
                                 .uncurved = summary->uncurved,
                                 .classes = model->classes,
                                 .inputs = (int64_t)input.height * input.width * input.channels,
                                 .max_batch = max_batch,
                                 .parameters = summary->parameter_count,
                                 .states = summary->state_count,
                                 .layers = summary->layer_count,
                                 .weights = summary->weight_count,
                                 .largest_tensor = summary->largest_tensor,
                                 .largest_output = summary->largest_output,
                                 .outputs = summary->outputs,
                                 .forward_flops = summary->flops_per_sample,
                                 .linear_bytes = (double)summary->linear_bytes,
                                 .gradient_bytes = (double)summary->gradient_bytes,
                                 .gradient_room = (double)summary->gradient_room,
                                 .curvature_bytes = (double)summary->curvature_bytes,
                                 .curvature_room = (double)summary->curvature_room};
    for (int part = 0; part < PART_COUNT; part++)
        trial.samples[part] = count[part];
    return trial;
}

struct metric_cost metric_costs(const struct choices *metrics, const struct metric_trial *trial, int64_t epochs,
                                int64_t steps)
{
    struct metric_cost all = {0};
    for (int i = 0; i < metrics->count; i++) {
        const struct metric_ops *ops = (const struct metric_ops *)metrics->items[i].kind;
        const void *settings = metrics->items[i].settings;
        const int points = ops->cost == NULL ? 0 : metric_points(settings, epochs, steps, NULL, 0);
        if (points == 0)
            continue;
        const struct metric_cost one = ops->cost(settings, trial);
        all.flops += points * one.flops;
        all.bytes = fmax(all.bytes, one.bytes);
    }
    return all;
}

double metric_work(const struct metric_ops *ops, const void *settings, const struct metric_trial *trial)
{
    static const double look = 500; /* FLOPs that a sample's outputs take, roughly: sorted, compared, copied */
    double samples = 0;
    for (int part = 0; part < PART_COUNT; part++)
        samples += trial->samples[part];
    return look * samples + (ops->cost == NULL ? 0 : ops->cost(settings, trial).flops);
}
