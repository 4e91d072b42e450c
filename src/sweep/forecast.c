#include "sweep/forecast.h"

#include <math.h>

#include "base/memory.h"
#include "sweep/growing.h"
#include "sweep/hash_map.h"
#include "sweep/metric_costs.h"
#include "sweep/trial_metrics.h"

/* Networks by model and largest batch: summarised once each. */
struct networks {
    struct hash_map numbers;
    struct growing bytes; /* double */
};

static enum status network_bytes(struct networks *networks, const struct plan *plan, const struct plan_trial *trial,
                                 int max_batch, double *out, struct error *error)
{
    const struct plan_model *model = plan_model(plan, trial->model);
    const int32_t key[] = {trial->model, max_batch};
    struct network_summary summary;
    int64_t found = 0;
    TRY(hash_map_number(&networks->numbers, hash_bytes128(key, sizeof key), &found, error));
    if (found == networks->bytes.count) {
        TRY(network_summarise(&model->config, model->input, model->classes, max_batch, &summary, error));
        const double bytes = (double)summary.bytes;
        TRY(growing_add(&networks->bytes, &bytes, error));
    }
    *out = ((const double *)networks->bytes.items)[found];
    return STATUS_OK;
}

static enum status part_sizes(const struct plan *plan, int variant_number, int count[PART_COUNT], struct error *error)
{
    const struct plan_variant *variant = plan_variant(plan, variant_number);
    const struct dataset_shape *shape = &plan_source(plan, variant->source)->dataset->shape;
    for (int part = 0; part < PART_COUNT; part++)
        TRY(data_size(&variant->config, shape, part, &count[part], error));
    return STATUS_OK;
}

static double samples_of(const int count[PART_COUNT])
{
    double samples = 0;
    for (int part = 0; part < PART_COUNT; part++)
        samples += count[part];
    return samples;
}

/* Position, label and true label of a sample in a view of the data. */
static const double view_bytes = sizeof(int32_t) + 2 * sizeof(int16_t);

/* What training adds to the plan: view, evaluators (logits and losses), network, optimizer and the loop's own; labels
 * of the stages before it; the metric that takes most while it measures. */
static enum status trial_bytes(struct networks *networks, const struct plan *plan, const struct plan_trial *trial,
                               double *out, struct error *error)
{
    const struct train_config batches = {.batch_size = trial->batch_size, .stages = trial->stages};
    const struct plan_model *model = plan_model(plan, trial->model);
    const double classes = model->classes;
    int count[PART_COUNT] = {0};
    double network = 0;
    TRY(part_sizes(plan, trial->variant, count, error));
    const int max_batch = training_max_batch(&batches, count[PART_TRAIN]);
    TRY(network_bytes(networks, plan, trial, max_batch, &network, error));
    const double train = count[PART_TRAIN], batch = fmin((double)trial->batch_size, train);
    const double evaluation = samples_of(count) * (view_bytes + classes * sizeof(float) + sizeof(double));
    const double optimizer = (double)trial->state_per_parameter * (double)trial->parameters * sizeof(float);
    const double loop = train * sizeof(int32_t) + batch * (sizeof(int16_t) + classes * sizeof(float));
    const double stages = trial->stages.count > 0 ? train * sizeof(int16_t) : 0;
    const struct metric_trial sizes = metric_trial_of(model, trial->loss, count, max_batch);
    const struct metric_cost metrics =
        metric_costs(&plan_sweep_config(plan)->metrics, &sizes, plan_longest_epochs(plan), plan_longest_steps(plan));
    *out = evaluation + network + optimizer + loop + stages + metrics.bytes;
    return STATUS_OK;
}

static enum status largest_view_bytes(const struct plan *plan, double *out, struct error *error)
{
    *out = 0;
    for (int i = 0; i < plan_variant_count(plan); i++) {
        int count[PART_COUNT] = {0};
        TRY(part_sizes(plan, i, count, error));
        *out = fmax(*out, view_bytes * samples_of(count));
    }
    return STATUS_OK;
}

static enum status largest_trial_bytes(const struct plan *plan, double *out, struct error *error)
{
    struct networks networks = {.bytes = {.size = sizeof(double)}};
    enum status status = STATUS_OK;
    *out = 0;
    for (int64_t i = 0; status == STATUS_OK && i < plan_trial_count(plan); i++) {
        double bytes = 0;
        status = trial_bytes(&networks, plan, plan_trial(plan, i), &bytes, error);
        *out = fmax(*out, bytes);
    }
    hash_map_free(&networks.numbers);
    growing_free(&networks.bytes);
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
