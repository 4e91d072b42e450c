#include "sweep/metric_speeds.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/yield.h"
#include "sweep/metric_costs.h"
#include "sweep/trial_metrics.h"
#include "sweep/trial_size.h"

static const double likely_seconds = 0.3;      /* of all metrics together */
static const double most_bytes = 256e6;        /* of the hungriest, and of the row */
enum { SAMPLES_LEAST = 100, EXCESS_MOST = 4 }; /* samples of the training part; likely_seconds */

/* A part of the trial's samples, evaluated. */
struct glance {
    const struct metric_speeds_request *request;
    struct metric_trial trial; /* with the samples looked at */
    struct data_view *view;
    struct evaluator *evaluators[PART_COUNT];
    struct evaluation parts[PART_COUNT];
    struct results_row *row;
    struct trial_metrics *metrics;
    double *seconds; /* [metrics] the caller's */
    int metric;      /* that is measured now */
    double since;
};

static enum status go_on(void *context, struct error *error)
{
    (void)context;
    (void)error;
    return STATUS_OK;
}

/* Points at a moment that is both beginning and end. */
static int count_due(const struct schema_metric *metric)
{
    int due = 0;
    for (int point = 0; point < metric->point_count; point++) {
        const struct measure_point *it = &metric->points[point];
        due += it->moment == MOMENT_SEPARATED || it->moment == MOMENT_END ||
               ((it->moment == MOMENT_EPOCH || it->moment == MOMENT_STEP) && it->number == 0);
    }
    return due;
}

/* Of the evaluation before, too. */
static double guess_work(const struct glance *glance, double *bytes)
{
    double work = 0;
    *bytes = 0;
    for (int part = 0; part < PART_COUNT; part++)
        work += glance->trial.samples[part] * glance->trial.forward_flops;
    for (int m = 0; m < schema_metric_count(glance->request->schema); m++) {
        const struct schema_metric *metric = schema_metric(glance->request->schema, m);
        work += count_due(metric) * metric_work(metric->ops, metric->settings, &glance->trial);
        if (metric->ops->cost != NULL)
            *bytes = fmax(*bytes, metric->ops->cost(metric->settings, &glance->trial).bytes);
    }
    return work;
}

/* Sets trial.samples; false: it takes too long or too much memory even with few. A class for which a metric wants a
 * sample has one, most likely. */
static bool choose_samples(struct glance *glance, const int count[PART_COUNT])
{
    const double likely_work = likely_seconds * glance->request->flops_per_second;
    for (double share = 1;; share /= 2) {
        double bytes = 0;
        for (int part = 0; part < PART_COUNT; part++)
            glance->trial.samples[part] = (int)ceil(share * count[part]);
        const double work = guess_work(glance, &bytes);
        if (work <= likely_work && bytes <= most_bytes)
            return true;
        if (glance->trial.samples[PART_TRAIN] < 2 * SAMPLES_LEAST)
            return work <= EXCESS_MOST * likely_work && bytes <= most_bytes;
    }
}

static enum status evaluate(struct glance *glance, struct error *error)
{
    const struct metric_speeds_request *request = glance->request;
    const struct plan_variant *variant = plan_variant(request->plan, request->trial->variant);
    struct data_config config = variant->config;
    config.train_size = glance->trial.samples[PART_TRAIN];
    config.test_size = glance->trial.samples[PART_TEST];
    config.validation_size = glance->trial.samples[PART_VALIDATION];
    TRY(data_view_create(plan_source(request->plan, variant->source)->dataset, &config, &variant->seeds, &glance->view,
                         error));
    for (int part = 0; part < PART_COUNT; part++) {
        if (glance->view->parts[part].count == 0)
            continue;
        TRY(evaluator_create(&glance->view->parts[part], glance->view->classes, &glance->evaluators[part], error));
        TRY(evaluator_run(glance->evaluators[part], request->network, &request->config->train.loss, NULL,
                          &glance->parts[part], error));
    }
    return STATUS_OK;
}

static struct measurement describe(const struct glance *glance, const struct yield *yield)
{
    const struct metric_speeds_request *request = glance->request;
    struct measurement at = {.point = -1,
                             .classes = glance->view->classes,
                             .parameter_count = network_parameter_count(request->network),
                             .state_count = network_state_count(request->network),
                             .parameters = network_parameters(request->network),
                             .tensor_count = network_tensor_count(request->network),
                             .tensors = network_tensors(request->network),
                             .metric_seed = trial_stream_seed(request->config, STREAM_METRIC),
                             .network = request->network,
                             .samples = glance->view->parts,
                             .loss = &request->config->train.loss,
                             .yield = yield};
    for (int part = 0; part < PART_COUNT; part++)
        at.parts[part] = glance->parts[part];
    return at;
}

static int count_measured(const struct glance *glance, const struct schema_metric *metric)
{
    const int32_t *epochs = results_row_data(glance->row, metric->first_point_array + POINT_EPOCH);
    int measured = 0;
    for (int point = 0; point < metric->point_count; point++)
        measured += epochs[point] >= 0;
    return measured;
}

static void note_metric(void *context)
{
    struct glance *glance = context;
    const struct schema_metric *metric = schema_metric(glance->request->schema, glance->metric);
    const double now = clock_monotonic(), work = metric_work(metric->ops, metric->settings, &glance->trial);
    const int points = count_measured(glance, metric);
    if (points > 0 && work > 0)
        glance->seconds[glance->metric] = (now - glance->since) / (points * work);
    glance->metric++;
    glance->since = clock_monotonic();
}

static enum status measure(struct glance *glance, struct error *error)
{
    const struct yield yield = {.call = go_on};
    TRY(evaluate(glance, error));
    TRY(results_row_create(schema_results(glance->request->schema), TABLE_TRIALS, &glance->row, error));
    results_row_clear(glance->row);
    TRY(trial_metrics_create(glance->request->schema, glance->row, &glance->metrics, error));
    trial_metrics_begin(glance->metrics);
    const struct moment_reached reached = {.at = describe(glance, &yield),
                                           .whole = true,
                                           .separates = true,
                                           .ends = true,
                                           .context = glance,
                                           .rest = note_metric};
    glance->since = clock_monotonic();
    return trial_metrics_measure(glance->metrics, &reached, error);
}

enum status metric_speeds_measure(const struct metric_speeds_request *request, double *seconds, struct error *error)
{
    struct glance glance = {.request = request, .seconds = seconds};
    int count[PART_COUNT];
    int64_t row = 0, fixed = 0;
    TRY(variant_sizes(request->plan, request->trial->variant, count, error));
    results_memory(schema_results(request->schema), TABLE_TRIALS, &row, &fixed);
    glance.trial = metric_trial_of(plan_model(request->plan, request->trial->model), request->trial->loss, count,
                                   (int)request->trial->batch_size);
    if (schema_metric_count(request->schema) == 0 || (double)row > most_bytes || !choose_samples(&glance, count))
        return STATUS_OK;
    /* What cannot be measured so is predicted by its FLOPs. */
    measure(&glance, NULL);
    trial_metrics_destroy(&glance.metrics);
    results_row_destroy(&glance.row);
    for (int part = 0; part < PART_COUNT; part++)
        evaluator_destroy(&glance.evaluators[part]);
    data_view_destroy(&glance.view);
    return STATUS_OK;
}
