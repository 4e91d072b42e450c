#include "sweep/trial_size.h"

#include <math.h>

#include "sweep/metric_costs.h"

static enum status network_size(struct trial_sizes *sizes, const struct plan *plan, const struct plan_trial *trial,
                                int max_batch, struct trial_network *out, struct error *error)
{
    const struct plan_model *model = plan_model(plan, trial->model);
    const int32_t key[] = {trial->model, max_batch};
    struct network_summary summary;
    int64_t found = 0;
    TRY(hash_map_number(&sizes->numbers, hash_bytes128(key, sizeof key), &found, error));
    if (found == sizes->networks.count) {
        TRY(network_summarise(&model->config, model->input, model->classes, max_batch, &summary, error));
        const struct trial_network network = {.bytes = (double)summary.bytes, .first_outputs = summary.first_outputs};
        TRY(growing_add(&sizes->networks, &network, error));
    }
    *out = ((const struct trial_network *)sizes->networks.items)[found];
    return STATUS_OK;
}

enum status variant_sizes(const struct plan *plan, int variant_number, int count[PART_COUNT], struct error *error)
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

static double evaluation_room(const struct plan *plan, const struct plan_trial *trial, const int count[PART_COUNT],
                              int first_outputs)
{
    const struct plan_variant *variant = plan_variant(plan, trial->variant);
    const struct dataset_shape *shape = &plan_source(plan, variant->source)->dataset->shape;
    double bytes = 0;
    for (int part = 0; part < PART_COUNT; part++)
        bytes += (double)evaluator_room(count[part], shape, data_unit_length(&variant->config), first_outputs);
    return bytes;
}

/* What training adds to the plan: view, evaluators (logits, losses and a first layer's weights), network, optimizer and
 * the loop's own; labels of the stages before it; the metric that takes most while it measures. */
enum status trial_size(struct trial_sizes *sizes, const struct plan *plan, const struct plan_trial *trial, double *out,
                       struct error *error)
{
    const struct train_config batches = {.batch_size = trial->batch_size, .stages = trial->stages};
    const struct plan_model *model = plan_model(plan, trial->model);
    const double classes = model->classes;
    int count[PART_COUNT] = {0};
    struct trial_network network;
    TRY(variant_sizes(plan, trial->variant, count, error));
    const int max_batch = training_max_batch(&batches, count[PART_TRAIN]);
    TRY(network_size(sizes, plan, trial, max_batch, &network, error));
    const double train = count[PART_TRAIN], batch = fmin((double)trial->batch_size, train);
    const double evaluation = samples_of(count) * (view_bytes + classes * sizeof(float) + sizeof(double)) +
                              evaluation_room(plan, trial, count, network.first_outputs);
    const double optimizer = (double)trial->state_per_parameter * (double)trial->parameters * sizeof(float);
    const double loop = train * sizeof(int32_t) + batch * (sizeof(int16_t) + classes * sizeof(float));
    const double stages = trial->stages.count > 0 ? train * sizeof(int16_t) : 0;
    const struct metric_trial metric_sizes = metric_trial_of(model, trial->loss, count, max_batch);
    const struct metric_cost metrics = metric_costs(&plan_sweep_config(plan)->metrics, &metric_sizes,
                                                    plan_longest_epochs(plan), plan_longest_steps(plan));
    *out = evaluation + network.bytes + optimizer + loop + stages + metrics.bytes;
    return STATUS_OK;
}

enum status view_size(const struct plan *plan, int variant, double *out, struct error *error)
{
    int count[PART_COUNT] = {0};
    TRY(variant_sizes(plan, variant, count, error));
    *out = view_bytes * samples_of(count);
    return STATUS_OK;
}

void trial_sizes_free(struct trial_sizes *sizes)
{
    hash_map_free(&sizes->numbers);
    growing_free(&sizes->networks);
}
