/* pair.c - loss and error along the line between two trials' parameters (the linear mode connectivity of Frankle et al.
 * 2020), and how far their predictions and margins agree. Running statistics lie on the line too. */
#include "sweep/pair.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/ranks.h"
#include "kernels/reduce.h"

enum { SIDES = 2, COMPARED_PARTS = 2 };
static const int compared_parts[COMPARED_PARTS] = {PART_TRAIN, PART_TEST};

/* One of the two trials, as the comparison needs it. */
struct side {
    int32_t trial;
    float *rows;        /* [points, parameter] of /weights */
    const float *theta; /* [parameter] of its end, in rows */
    double *margins;    /* [train] */
    int32_t *order;     /* [train] by margin */
    int16_t *predicted[COMPARED_PARTS];
};

struct pair_runner {
    struct plan *plan;
    const struct schema *schema;
    struct trial_runner *runner;
    struct pair_rows rows;
    struct results_row *row;
    struct trial_config config; /* of the trial at hand */
    struct side sides[SIDES];
    uint8_t *marks; /* [train] */
    double *room;   /* [2, train] */
    int end_point;  /* of the metric `weights` */
    int weights_array;
    int64_t row_floats, point_floats;
};

/* One comparison under way. */
struct comparison {
    struct pair_runner *runner;
    const struct comparison_config *settings;
    const struct data_view *view;
    struct evaluator *const *evaluators;
    struct network *networks[SIDES]; /* the second is the first where both trials have the same model */
    struct choice loss;
    struct training_hooks hooks;
};

static const struct schema_metric *find_weights(const struct schema *schema)
{
    for (int m = 0; m < schema_metric_count(schema); m++)
        if (strcmp(schema_metric(schema, m)->ops->kind.name, "weights") == 0)
            return schema_metric(schema, m);
    return NULL;
}

static enum status allocate_side(const struct pair_runner *runner, const struct metric_sizes *sizes, struct side *side,
                                 struct error *error)
{
    const int64_t counts[COMPARED_PARTS] = {sizes->train_samples, sizes->test_samples};
    TRY(memory_allocate((void **)&side->rows, (size_t)runner->row_floats, sizeof *side->rows, "weights", error));
    TRY(memory_allocate((void **)&side->margins, (size_t)counts[0], sizeof *side->margins, "margins", error));
    TRY(memory_allocate((void **)&side->order, (size_t)counts[0], sizeof *side->order, "margins", error));
    for (int p = 0; p < COMPARED_PARTS; p++)
        TRY(memory_allocate((void **)&side->predicted[p], (size_t)counts[p], sizeof *side->predicted[p], "predictions",
                            error));
    side->theta = side->rows + runner->end_point * runner->point_floats;
    return STATUS_OK;
}

static enum status allocate(struct pair_runner *runner, struct error *error)
{
    const struct schema_metric *weights = find_weights(runner->schema);
    if (weights == NULL)
        return fail(error, STATUS_INTERNAL, "pairs without the metric weights");
    const size_t train = (size_t)weights->sizes.train_samples;
    runner->end_point = weights->point_count - 1;
    runner->weights_array = weights->arrays[0];
    runner->point_floats = weights->sizes.parameters;
    runner->row_floats = weights->point_count * runner->point_floats;
    TRY(results_row_create(schema_results(runner->schema), TABLE_PAIRS, &runner->row, error));
    TRY(memory_allocate((void **)&runner->marks, train, 1, "subsets of margins", error));
    TRY(memory_allocate((void **)&runner->room, 2 * train, sizeof *runner->room, "ranks of margins", error));
    for (int s = 0; s < SIDES; s++)
        TRY(allocate_side(runner, &weights->sizes, &runner->sides[s], error));
    return STATUS_OK;
}

enum status pair_runner_create(struct plan *plan, const struct schema *schema, struct trial_runner *trials,
                               struct pair_rows rows, struct pair_runner **out, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct pair_runner), "comparison of trials", error));
    struct pair_runner *runner = memory;
    *runner = (struct pair_runner){.plan = plan, .schema = schema, .runner = trials, .rows = rows};
    const enum status status = allocate(runner, error);
    if (status != STATUS_OK)
        pair_runner_destroy(&runner);
    *out = runner;
    return status;
}

void pair_runner_destroy(struct pair_runner **runner)
{
    if (*runner == NULL)
        return;
    for (int s = 0; s < SIDES; s++) {
        struct side *side = &(*runner)->sides[s];
        memory_free(side->rows);
        memory_free(side->margins);
        memory_free(side->order);
        for (int p = 0; p < COMPARED_PARTS; p++)
            memory_free(side->predicted[p]);
    }
    memory_free((*runner)->marks);
    memory_free((*runner)->room);
    results_row_destroy(&(*runner)->row);
    memory_free(*runner);
    *runner = NULL;
}

/* A column's slab; NULL where the file does not have it. */
static double *column(struct pair_runner *runner, enum pair_column name)
{
    const int array = schema_pair_array(runner->schema, name);
    return array < 0 ? NULL : results_row_data(runner->row, array);
}

static void set_parameters(struct network *network, const float *theta)
{
    const int64_t count = network_parameter_count(network) + network_state_count(network);
    memcpy(network_parameters(network), theta, (size_t)count * sizeof *theta);
}

/* An output that is not finite is a value as any other here. */
static enum status evaluate(const struct comparison *comparison, int part, struct network *network,
                            struct evaluation *out, struct error *error)
{
    const enum status status =
        evaluator_run(comparison->evaluators[part], network, &comparison->loss, &comparison->hooks, out, error);
    return status == STATUS_DIVERGED ? STATUS_OK : status;
}

static enum status look_at_side(const struct comparison *comparison, int s, struct error *error)
{
    struct side *side = &comparison->runner->sides[s];
    struct network *network = comparison->networks[s];
    const int classes = comparison->view->classes;
    set_parameters(network, side->theta);
    for (int p = 0; p < COMPARED_PARTS; p++) {
        struct evaluation evaluation;
        TRY(evaluate(comparison, compared_parts[p], network, &evaluation, error));
        for (int i = 0; i < evaluation.count; i++) {
            const float *z = evaluation.logits + (size_t)i * (size_t)classes;
            side->predicted[p][i] = (int16_t)first_maximum(classes, z);
            if (compared_parts[p] == PART_TRAIN)
                side->margins[i] = label_margin(classes, z, evaluation.labels[i]);
        }
    }
    return ranks_order(comparison->view->parts[PART_TRAIN].count, side->margins, side->order, error);
}

/* p: of compared_parts */
static double disagreement(const struct pair_runner *runner, int p, int count)
{
    int different = 0;
    for (int i = 0; i < count; i++)
        different += runner->sides[0].predicted[p][i] != runner->sides[1].predicted[p][i];
    return count > 0 ? (double)different / count : (double)NAN;
}

static void compare_subsets(const struct comparison *comparison, int train)
{
    struct pair_runner *runner = comparison->runner;
    const struct side *a = &runner->sides[0], *b = &runner->sides[1];
    for (int i = 0; i < comparison->settings->shares.count; i++) {
        const double wanted = round(comparison->settings->shares.values[i] * train);
        const int k = wanted < 1 ? 1 : (int)wanted;
        const int highest = train - k;
        column(runner, PAIR_OVERLAP_LOWEST)[i] = subset_overlap(train, k, a->order, b->order, runner->marks);
        column(runner, PAIR_OVERLAP_HIGHEST)[i] =
            subset_overlap(train, k, a->order + highest, b->order + highest, runner->marks);
        column(runner, PAIR_OVERLAP_CHANCE)[i] = (double)k / (2.0 * train - k);
    }
}

static enum status compare_samples(const struct comparison *comparison, struct error *error)
{
    struct pair_runner *runner = comparison->runner;
    const struct side *a = &runner->sides[0], *b = &runner->sides[1];
    const int train = comparison->view->parts[PART_TRAIN].count, test = comparison->view->parts[PART_TEST].count;
    for (int s = 0; s < SIDES; s++)
        TRY(look_at_side(comparison, s, error));
    *column(runner, PAIR_DISAGREEMENT_TRAIN) = disagreement(runner, 0, train);
    *column(runner, PAIR_DISAGREEMENT_TEST) = disagreement(runner, 1, test);
    *column(runner, PAIR_RANK_CORRELATION) =
        ordered_rank_correlation(train, a->margins, b->margins, a->order, b->order, runner->room);
    compare_subsets(comparison, train);
    return STATUS_OK;
}

static void compare_parameters(const struct comparison *comparison)
{
    struct pair_runner *runner = comparison->runner;
    const float *a = runner->sides[0].theta, *b = runner->sides[1].theta;
    double products = 0, squares_a = 0, squares_b = 0, distance = 0;
    for (int64_t i = 0; i < network_parameter_count(comparison->networks[0]); i++) {
        const double x = (double)a[i], y = (double)b[i];
        products += x * y;
        squares_a += x * x;
        squares_b += y * y;
        distance += (x - y) * (x - y);
    }
    *column(runner, PAIR_DISTANCE) = sqrt(distance);
    *column(runner, PAIR_COSINE) = products / sqrt(squares_a * squares_b);
}

/* theta = (1 - alpha) a + alpha b, exactly a and b at the ends */
static void mix_parameters(const struct comparison *comparison, double alpha)
{
    struct network *network = comparison->networks[0];
    const float *a = comparison->runner->sides[0].theta, *b = comparison->runner->sides[1].theta;
    const int64_t count = network_parameter_count(network) + network_state_count(network);
    float *theta = network_parameters(network);
    for (int64_t i = 0; i < count; i++)
        theta[i] = (float)((1 - alpha) * (double)a[i] + alpha * (double)b[i]);
}

static enum status walk_path(const struct comparison *comparison, struct error *error)
{
    static const enum pair_column losses[COMPARED_PARTS] = {PAIR_PATH_TRAIN_LOSS, PAIR_PATH_TEST_LOSS};
    static const enum pair_column errors[COMPARED_PARTS] = {PAIR_PATH_TRAIN_ERROR, PAIR_PATH_TEST_ERROR};
    const int64_t points = comparison->settings->points;
    for (int64_t i = 0; i < points; i++) {
        mix_parameters(comparison, (double)i / (double)(points - 1));
        for (int p = 0; p < COMPARED_PARTS; p++) {
            struct evaluation evaluation;
            TRY(evaluate(comparison, compared_parts[p], comparison->networks[0], &evaluation, error));
            column(comparison->runner, losses[p])[i] = evaluation.mean_loss;
            column(comparison->runner, errors[p])[i] = 1 - evaluation.accuracy;
        }
    }
    return STATUS_OK;
}

/* max over alpha of L(alpha) - ((1 - alpha) L(0) + alpha L(1)); >= 0, since both ends give 0 */
static double barrier_of(const double *path, int64_t points)
{
    double barrier = 0;
    for (int64_t i = 0; i < points; i++) {
        const double alpha = (double)i / (double)(points - 1);
        barrier = fmax(barrier, path[i] - ((1 - alpha) * path[0] + alpha * path[points - 1]));
    }
    return barrier;
}

static void measure_barriers(const struct comparison *comparison)
{
    static const enum pair_column columns[][2] = {{PAIR_PATH_TRAIN_LOSS, PAIR_BARRIER_TRAIN_LOSS},
                                                  {PAIR_PATH_TRAIN_ERROR, PAIR_BARRIER_TRAIN_ERROR},
                                                  {PAIR_PATH_TEST_LOSS, PAIR_BARRIER_TEST_LOSS},
                                                  {PAIR_PATH_TEST_ERROR, PAIR_BARRIER_TEST_ERROR}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        *column(comparison->runner, columns[i][1]) =
            barrier_of(column(comparison->runner, columns[i][0]), comparison->settings->points);
}

static enum status create_network(const struct comparison *comparison, const struct trial_config *config,
                                  struct network **out, struct error *error)
{
    const struct data_view *view = comparison->view;
    const int batch = training_max_batch(&config->train, view->parts[PART_TRAIN].count);
    return network_create(&config->model, view->shape, view->classes, batch, out, error);
}

static enum status fetch_weights(const struct pair_runner *runner, const struct side *side, struct error *error)
{
    const struct pair_rows *from = &runner->rows;
    const int array = runner->weights_array;
    return from->writer != NULL ? results_fetch(from->writer, array, side->trial, side->rows, error)
                                : results_reader_fetch(from->reader, schema_results(runner->schema), array, side->trial,
                                                       side->rows, error);
}

static enum status prepare(struct comparison *comparison, const struct plan_pair *pair, struct error *error)
{
    struct pair_runner *runner = comparison->runner;
    const int32_t trials[SIDES] = {pair->first, pair->second};
    const struct plan_trial *first = plan_trial(runner->plan, pair->first);
    TRY(trial_runner_data(runner->runner, first->variant, &comparison->view, &comparison->evaluators, error));
    for (int s = 0; s < SIDES; s++) {
        struct side *side = &runner->sides[s];
        side->trial = trials[s];
        TRY(fetch_weights(runner, side, error));
    }
    if (plan_trial(runner->plan, pair->second)->model != first->model) {
        TRY(plan_trial_config(runner->plan, pair->second, &runner->config, error));
        TRY(create_network(comparison, &runner->config, &comparison->networks[1], error));
    }
    TRY(plan_trial_config(runner->plan, pair->first, &runner->config, error));
    TRY(create_network(comparison, &runner->config, &comparison->networks[0], error));
    comparison->loss = runner->config.train.loss;
    return STATUS_OK;
}

static enum status compare(struct comparison *comparison, const struct plan_pair *pair, struct error *error)
{
    TRY(prepare(comparison, pair, error));
    const bool same_model = comparison->networks[1] == NULL;
    if (same_model)
        comparison->networks[1] = comparison->networks[0];
    enum status status = compare_samples(comparison, error);
    if (same_model) {
        comparison->networks[1] = NULL;
        compare_parameters(comparison);
        if (status == STATUS_OK)
            status = walk_path(comparison, error);
        if (status == STATUS_OK)
            measure_barriers(comparison);
    }
    return status;
}

static enum status outcome_of(const struct pair_runner *runner, int32_t trial, enum trial_outcome *out,
                              struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    if (runner->rows.writer != NULL)
        return results_outcome(runner->rows.writer, trial, out, error);
    TRY(results_read_unit(runner->rows.reader, "/trials/outcome", trial, RESULTS_ENUM, &memory, &count, error));
    const uint8_t outcome = *(const uint8_t *)memory;
    memory_free(memory);
    *out = outcome < OUTCOME_COUNT ? (enum trial_outcome)outcome : OUTCOME_NONE;
    return STATUS_OK;
}

/* Sets the outcome where one of the two has nothing to compare. */
static enum status check_trials(const struct pair_runner *runner, const struct plan_pair *pair,
                                struct trial_ending *ending, struct error *error)
{
    const int32_t trials[SIDES] = {pair->first, pair->second};
    ending->outcome = OUTCOME_DONE;
    for (int s = 0; s < SIDES; s++) {
        enum trial_outcome outcome = OUTCOME_NONE;
        TRY(outcome_of(runner, trials[s], &outcome, error));
        if (outcome == OUTCOME_DONE || ending->outcome != OUTCOME_DONE)
            continue;
        ending->outcome = outcome == OUTCOME_DIVERGED ? OUTCOME_DIVERGED : OUTCOME_FAILED;
        snprintf(ending->message, sizeof ending->message, "trial %d has no weights to compare: its outcome is %s",
                 trials[s], trial_outcome_names[outcome]);
    }
    return STATUS_OK;
}

enum status pair_run(struct pair_runner *runner, int64_t pair_number, const struct yield *yield,
                     struct trial_ending *ending, const struct results_row **row, struct error *error)
{
    const struct plan_pair *pair = plan_pair(runner->plan, pair_number);
    const double started = clock_monotonic();
    struct comparison comparison = {.runner = runner,
                                    .settings = &plan_sweep_config(runner->plan)->comparison,
                                    .hooks = {.context = yield->context, .yield = yield->call}};
    results_row_clear(runner->row);
    *ending = (struct trial_ending){0};
    TRY(check_trials(runner, pair, ending, error));
    enum status status = STATUS_OK;
    if (ending->outcome == OUTCOME_DONE)
        status = compare(&comparison, pair, error);
    for (int s = 0; s < SIDES; s++)
        network_destroy(&comparison.networks[s]);
    TRY(status);
    ending->seconds = clock_monotonic() - started;
    ending->samples_per_second = (double)NAN;
    *row = runner->row;
    return STATUS_OK;
}
