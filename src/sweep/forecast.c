#include "sweep/forecast.h"

#include <math.h>

#include "base/clock.h"
#include "sweep/trial_metrics.h"

enum { FORECAST_BATCH = 128 };
static const double measure_seconds = 0.2;

/* Forward passes of one model, timed. */
static enum status measure_rate(const struct plan_model *model, double *out, struct error *error)
{
    struct network *network = NULL;
    TRY(network_create(&model->config, model->input, model->classes, FORECAST_BATCH, &network, error));
    network_initialise(network, 0);
    const double start = clock_monotonic();
    double passes = 0, seconds = 0;
    do {
        network_forward(network, network_input(network), FORECAST_BATCH, PASS_TRAIN);
        passes++;
        seconds = clock_monotonic() - start;
    } while (seconds < measure_seconds);
    *out = passes * FORECAST_BATCH * model->summary.flops_per_sample / seconds;
    network_destroy(&network);
    return STATUS_OK;
}

static const struct plan_model *largest_model(const struct plan *plan)
{
    const struct plan_model *largest = plan_model(plan, 0);
    for (int i = 1; i < plan_model_count(plan); i++)
        if (plan_model(plan, i)->summary.flops_per_sample > largest->summary.flops_per_sample)
            largest = plan_model(plan, i);
    return largest;
}

static enum status count_rank_bytes(const struct plan *plan, const struct schema *schema, double file_bytes,
                                    double *out, struct error *error)
{
    const struct plan_model *model = largest_model(plan);
    struct network_summary summary;
    TRY(network_summarise(&model->config, model->input, model->classes, (int)plan_largest_batch(plan), &summary,
                          error));
    const double row = file_bytes / (double)plan_trial_count(plan);
    const double state = (double)plan_largest_state(plan) * (double)summary.parameter_count * sizeof(float);
    *out = (double)summary.bytes + state + row + (double)trial_metrics_state_bytes(schema);
    return STATUS_OK;
}

enum status forecast_make(struct plan *plan, const struct schema *schema, struct forecast *out, struct error *error)
{
    int64_t file_bytes = 0;
    TRY(results_measure(schema_results(schema), &file_bytes, error));
    struct forecast forecast = {.file_bytes = (double)file_bytes};
    for (int64_t i = 0; i < plan_trial_count(plan); i++) {
        forecast.flops += plan_trial(plan, i)->flops;
        forecast.longest_flops = fmax(forecast.longest_flops, plan_trial(plan, i)->flops);
    }
    for (int64_t i = 0; i < plan_pair_count(plan); i++)
        forecast.flops += plan_pair_flops(plan, i);
    for (int i = 0; i < plan_source_count(plan); i++)
        forecast.node_bytes += (double)plan_source(plan, i)->dataset->bytes;
    TRY(count_rank_bytes(plan, schema, forecast.file_bytes, &forecast.rank_bytes, error));
    TRY(measure_rate(largest_model(plan), &forecast.flops_per_second, error));
    *out = forecast;
    return STATUS_OK;
}

double forecast_seconds(const struct forecast *forecast, int ranks)
{
    return fmax(forecast->flops / ranks, forecast->longest_flops) / forecast->flops_per_second;
}
