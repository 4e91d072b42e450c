#include "sweep/forecast.h"

#include <math.h>

#include "base/memory.h"
#include "sweep/trial_metrics.h"
#include "sweep/trial_size.h"

static enum status largest_view_bytes(const struct plan *plan, double *out, struct error *error)
{
    *out = 0;
    for (int i = 0; i < plan_variant_count(plan); i++) {
        double bytes = 0;
        TRY(view_size(plan, i, &bytes, error));
        *out = fmax(*out, bytes);
    }
    return STATUS_OK;
}

static enum status largest_trial_bytes(const struct plan *plan, double *out, struct error *error)
{
    struct trial_sizes sizes = {.networks = {.size = sizeof(struct trial_network)}};
    enum status status = STATUS_OK;
    *out = 0;
    for (int64_t i = 0; status == STATUS_OK && i < plan_trial_count(plan); i++) {
        double bytes = 0;
        status = trial_size(&sizes, plan, plan_trial(plan, i), &bytes, error);
        *out = fmax(*out, bytes);
    }
    trial_sizes_free(&sizes);
    return status;
}

/* Costs, samples, resume map and queue of the schedule, and what the outlook keeps, a trial. */
static const double schedule_bytes = 3 * sizeof(double) + 2 * sizeof(bool) + sizeof(int64_t) + 2 * sizeof(int32_t);

/* Every rank makes the plan and the schema as this process did: what they take, and took at most, is here to be seen.
 */
static enum status count_bytes(const struct plan *plan, const struct schema *schema, struct forecast *forecast,
                               struct error *error)
{
    const double others = FORECAST_LIBRARY_BYTES - forecast->node_bytes;
    const double planned = (double)memory_in_use() + others;
    const double planning = (double)memory_peak() + others;
    const double schedule = schedule_bytes * (double)plan_trial_count(plan);
    double trial = 0, view = 0;
    int64_t row = 0, fixed = 0;
    results_memory(schema_results(schema), TABLE_TRIALS, &row, &fixed);
    row += (int64_t)trial_metrics_state_bytes(schema);
    TRY(largest_trial_bytes(plan, &trial, error));
    TRY(largest_view_bytes(plan, &view, error));
    forecast->rank_bytes = fmax(planning, planned + trial + (double)row);
    forecast->first_rank_bytes =
        fmax(fmax(planning, planned + (double)fixed + view), planned + trial + (double)row + schedule);
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
    TRY(count_bytes(plan, schema, &forecast, error));
    *out = forecast;
    return STATUS_OK;
}
