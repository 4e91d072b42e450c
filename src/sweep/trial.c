/* trial.c - a trial is: a view of its data, a network, training with a look after every epoch and where
 * metrics and rules ask for one, and one row.
 * The view and its evaluators are kept while trials follow each other on the same variant. */
#include "sweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "sweep/forecast.h"
#include "sweep/provenance.h"
#include "sweep/trial_checkpoint.h"
#include "sweep/trial_metrics.h"
#include "sweep/trial_size.h"
#include "sweep/trial_stages.h"

struct trial_runner {
    struct plan *plan;           /* lent */
    const struct schema *schema; /* lent */
    struct results_row *row;
    struct trial_config config;
    int variant; /* of view and evaluators; -1: none yet */
    struct data_view *view;
    struct evaluator *evaluators[PART_COUNT];
    struct trial_metrics *metrics;
    struct checkpoint_store *store; /* lent; NULL: no checkpoints */
    struct trial_sizes sizes;
    double base_bytes;       /* that this process takes without a trial */
    double memory_limit;     /* bytes that it may take; 0: any */
    int node_ranks;          /* ranks that share the node */
    struct hash128 identity; /* of the last trial */
    bool has_checkpoint;     /* the last trial may have one */
};

/* One trial under way. */
struct run {
    struct trial_runner *runner;
    struct network *network;
    const struct yield *yield; /* the caller's */
    struct yield give_way;     /* with the trial's own time limit */
    double deadline;           /* monotonic; 0: none */
    struct reduction *reduction;
    struct trial_checkpoint checkpoint;  /* what the hooks remember is in its memory */
    struct evaluation parts[PART_COUNT]; /* as last evaluated */
    struct {
        int64_t step; /* -1: not yet */
        enum status status;
    } evaluated[PART_COUNT];
};

static void forget_view(struct trial_runner *runner)
{
    for (int part = 0; part < PART_COUNT; part++)
        evaluator_destroy(&runner->evaluators[part]);
    data_view_destroy(&runner->view);
    runner->variant = -1;
}

/* More threads than one a rank would give other bits, and take the other ranks' cores. */
static void check_threads(void)
{
    const int threads = blas_setup();
    if (threads != 1)
        log_warning("BLAS keeps %d threads instead of 1: start with OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1", threads);
}

enum status trial_runner_create(struct plan *plan, const struct schema *schema, struct trial_runner **out,
                                struct error *error)
{
    check_threads();
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct trial_runner), "trial runner", error));
    struct trial_runner *runner = memory;
    *runner = (struct trial_runner){.plan = plan, .schema = schema, .variant = -1};
    runner->sizes.networks.size = sizeof(struct trial_network);
    enum status status = results_row_create(schema_results(schema), TABLE_TRIALS, &runner->row, error);
    if (status == STATUS_OK)
        status = trial_metrics_create(schema, runner->row, &runner->metrics, error);
    if (status != STATUS_OK) {
        trial_runner_destroy(&runner);
        return status;
    }
    runner->base_bytes = (double)memory_in_use() + FORECAST_LIBRARY_BYTES;
    *out = runner;
    return STATUS_OK;
}

void trial_runner_destroy(struct trial_runner **runner)
{
    if (*runner == NULL)
        return;
    forget_view(*runner);
    trial_sizes_free(&(*runner)->sizes);
    trial_metrics_destroy(&(*runner)->metrics);
    results_row_destroy(&(*runner)->row);
    memory_free(*runner);
    *runner = NULL;
}

static enum status prepare_view(struct trial_runner *runner, int variant_number, struct error *error)
{
    if (runner->variant == variant_number)
        return STATUS_OK;
    forget_view(runner);
    const struct plan_variant *variant = plan_variant(runner->plan, variant_number);
    const struct dataset *dataset = plan_source(runner->plan, variant->source)->dataset;
    enum status status = data_view_create(dataset, &variant->config, &variant->seeds, &runner->view, error);
    for (int part = 0; status == STATUS_OK && part < PART_COUNT; part++)
        if (runner->view->parts[part].count > 0)
            status =
                evaluator_create(&runner->view->parts[part], runner->view->classes, &runner->evaluators[part], error);
    if (status != STATUS_OK)
        forget_view(runner);
    else
        runner->variant = variant_number;
    return status;
}

enum status trial_runner_data(struct trial_runner *runner, int variant, const struct data_view **view,
                              struct evaluator *const **evaluators, struct error *error)
{
    TRY(prepare_view(runner, variant, error));
    *view = runner->view;
    *evaluators = runner->evaluators;
    return STATUS_OK;
}

static enum status give_way(void *context, struct error *error)
{
    struct run *run = context;
    if (run->deadline > 0 && clock_monotonic() > run->deadline)
        return fail(error, STATUS_TIMEOUT, "longer than limits.trial: %g s", run->deadline - run->checkpoint.started);
    return run->yield->call(run->yield->context, error);
}

/* Where the file has the array. */
static void set_real(struct trial_runner *runner, int array, int place, double value)
{
    if (array >= 0)
        ((double *)results_row_data(runner->row, array))[place] = value;
}

static double parameter_norm(struct network *network)
{
    const float *parameters = network_parameters(network);
    double sum = 0;
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        sum += (double)parameters[i] * (double)parameters[i];
    return sqrt(sum);
}

/* Once at each step. STATUS_DIVERGED when an output is not finite. */
static enum status evaluate(struct run *run, int part, int64_t step, struct error *error)
{
    const struct training_hooks hooks = {.context = run, .yield = give_way};
    if (run->evaluated[part].step == step || run->runner->evaluators[part] == NULL)
        return run->evaluated[part].status;
    const enum status status = evaluator_run(run->runner->evaluators[part], run->network,
                                             &run->runner->config.train.loss, &hooks, &run->parts[part], error);
    run->evaluated[part].status = status;
    if (status == STATUS_OK || status == STATUS_DIVERGED)
        run->evaluated[part].step = step;
    return status;
}

/* Every part; STATUS_DIVERGED when an output of any is not finite: all are evaluated even so. */
static enum status evaluate_all(struct run *run, int64_t step, struct error *error)
{
    enum status all = STATUS_OK;
    for (int part = 0; part < PART_COUNT; part++) {
        const enum status status = evaluate(run, part, step, error);
        if (status != STATUS_OK && status != STATUS_DIVERGED)
            return status;
        all = status == STATUS_OK ? all : status;
    }
    return all;
}

static void record_epoch(struct run *run, const struct epoch_record *record)
{
    struct trial_runner *runner = run->runner;
    const struct evaluation *parts = run->parts;
    const double values[CURVE_COUNT] = {
        [CURVE_TRAIN_LOSS] = parts[PART_TRAIN].mean_loss,
        [CURVE_TEST_LOSS] = parts[PART_TEST].mean_loss,
        [CURVE_TRAIN_ACCURACY] = parts[PART_TRAIN].accuracy,
        [CURVE_TEST_ACCURACY] = parts[PART_TEST].accuracy,
        [CURVE_LEARNING_RATE] = record->learning_rate,
        [CURVE_PARAMETER_NORM] = parameter_norm(run->network),
        [CURVE_GRADIENT_NORM] = record->gradient_norm,
        [CURVE_VALIDATION_LOSS] = parts[PART_VALIDATION].mean_loss,
        [CURVE_VALIDATION_ACCURACY] = parts[PART_VALIDATION].accuracy,
    };
    static const struct {
        enum trial_column column;
        enum curve curve;
    } last[] = {{TRIAL_TRAIN_LOSS, CURVE_TRAIN_LOSS},           {TRIAL_TEST_LOSS, CURVE_TEST_LOSS},
                {TRIAL_TRAIN_ACCURACY, CURVE_TRAIN_ACCURACY},   {TRIAL_TEST_ACCURACY, CURVE_TEST_ACCURACY},
                {TRIAL_VALIDATION_LOSS, CURVE_VALIDATION_LOSS}, {TRIAL_VALIDATION_ACCURACY, CURVE_VALIDATION_ACCURACY}};
    for (int curve = 0; curve < CURVE_COUNT; curve++)
        set_real(runner, schema_curve_array(runner->schema, (enum curve)curve), record->epoch, values[curve]);
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        set_real(runner, schema_trial_array(runner->schema, last[i].column), 0, values[last[i].curve]);
    *(int32_t *)results_row_data(runner->row, schema_trial_array(runner->schema, TRIAL_EPOCHS_RUN)) = record->epoch;
    *(int64_t *)results_row_data(runner->row, schema_trial_array(runner->schema, TRIAL_STEPS)) = record->step;
}

static struct measurement describe_moment(const struct run *run, const struct epoch_record *record)
{
    const struct kept_samples kept = reduction_kept(run->reduction);
    struct measurement at = {
        .point = -1,
        .epoch = record->epoch,
        .step = record->step,
        .samples_seen = record->samples_seen,
        .classes = run->runner->view->classes,
        .parameter_count = network_parameter_count(run->network),
        .state_count = network_state_count(run->network),
        .parameters = network_parameters(run->network),
        .tensor_count = network_tensor_count(run->network),
        .tensors = network_tensors(run->network),
        .metric_seed = trial_stream_seed(&run->runner->config, STREAM_METRIC),
        .network = run->network,
        .samples = run->runner->view->parts,
        .loss = &run->runner->config.train.loss,
        .yield = &run->give_way,
        .choices = kept.choices,
        .kept_count = kept.count,
        .kept = kept.which,
    };
    for (int part = 0; part < PART_COUNT; part++)
        at.parts[part] = run->parts[part];
    return at;
}

/* Whether train.stop wants the training loss after this step within an epoch. */
static bool rule_looks(const struct stop_config *stop, int64_t step)
{
    return stop->train_loss > 0 && stop->every > 0 && step % stop->every == 0;
}

static void rest(void *context)
{
    struct run *run = context;
    trial_checkpoint_rest(&run->checkpoint);
}

/* Within an epoch. An output that is not finite is left to the next step to report, with its place; what is due where
 * training ends is left to look_at_epoch, which follows. */
static enum status pass_step(struct run *run, const struct epoch_record *record, bool *stop, struct error *error)
{
    struct trial_metrics *metrics = run->runner->metrics;
    const struct stop_config *rules = &run->runner->config.train.stop;
    const bool rule = rule_looks(rules, record->step);
    const enum look look = trial_metrics_look(metrics, record->step);
    if (!rule && look == LOOK_NONE)
        return STATUS_OK;
    trial_checkpoint_enter(&run->checkpoint);
    enum status status = evaluate(run, PART_TRAIN, record->step, error);
    if (status != STATUS_OK)
        return status == STATUS_DIVERGED ? STATUS_OK : status;
    const double train_loss = run->parts[PART_TRAIN].mean_loss;
    *stop = rule && stop_at_loss(rules, train_loss);
    if (*stop || !trial_metrics_due(metrics, record->step, train_loss))
        return STATUS_OK;
    status = evaluate_all(run, record->step, error);
    if (status != STATUS_OK)
        return status == STATUS_DIVERGED ? STATUS_OK : status;
    const struct moment_reached reached = {
        .at = describe_moment(run, record), .within = true, .context = run, .rest = rest};
    return trial_metrics_measure(metrics, &reached, error);
}

static enum status measure(struct run *run, const struct epoch_record *record, bool ends, struct error *error)
{
    struct trial_runner *runner = run->runner;
    const bool separates =
        !run->checkpoint.memory.separated && record->epoch > 0 && run->parts[PART_TRAIN].accuracy >= 1;
    if (separates) {
        run->checkpoint.memory.separated = true;
        *(int32_t *)results_row_data(runner->row, schema_trial_array(runner->schema, TRIAL_SEPARATED_EPOCH)) =
            record->epoch;
    }
    reduction_look(run->reduction, record->epoch, run->checkpoint.memory.separated, &run->parts[PART_TRAIN]);
    const struct moment_reached reached = {.at = describe_moment(run, record),
                                           .whole = record->whole,
                                           .separates = separates,
                                           .ends = ends,
                                           .context = run,
                                           .rest = rest};
    return trial_metrics_measure(runner->metrics, &reached, error);
}

static enum status pass_epoch(struct run *run, const struct epoch_record *record, bool *stop, struct error *error)
{
    const enum status status = evaluate_all(run, record->step, error);
    if (status != STATUS_OK && status != STATUS_DIVERGED)
        return status;
    run->checkpoint.memory.samples_seen = record->samples_seen;
    record_epoch(run, record);
    if (status == STATUS_DIVERGED)
        return fail(error, STATUS_DIVERGED, "a logit is not finite at the end of epoch %d, step %lld", record->epoch,
                    (long long)record->step);
    *stop = stop_at_epoch(&run->runner->config.train.stop, &run->checkpoint.memory.stop, record->epoch, run->parts);
    return measure(run, record, record->last || *stop, error);
}

static enum status begin(void *context, struct training_state *state, struct error *error)
{
    struct run *run = context;
    return trial_checkpoint_begin(&run->checkpoint, state, error);
}

static enum status before_step(void *context, struct error *error)
{
    struct run *run = context;
    return trial_checkpoint_step(&run->checkpoint, give_way(run, error));
}

static enum status look_at_step(void *context, const struct epoch_record *record, bool *stop, struct error *error)
{
    struct run *run = context;
    return trial_checkpoint_leave(&run->checkpoint, pass_step(run, record, stop, error));
}

static enum status look_at_epoch(void *context, const struct epoch_record *record, bool *stop, struct error *error)
{
    struct run *run = context;
    trial_checkpoint_enter(&run->checkpoint);
    return trial_checkpoint_leave(&run->checkpoint, pass_epoch(run, record, stop, error));
}

static void watch_batch(void *context, const struct training_batch *batch)
{
    struct run *run = context;
    const struct samples *samples = &run->runner->view->parts[PART_TRAIN];
    const struct metric_batch seen = {.epoch = batch->epoch,
                                      .n = batch->n,
                                      .classes = run->runner->view->classes,
                                      .which = batch->which,
                                      .logits = batch->logits,
                                      .labels = samples->labels,
                                      .true_labels = samples->true_labels};
    trial_metrics_batch(run->runner->metrics, &seen);
}

static enum status train(struct run *run, struct error *error)
{
    struct trial_runner *runner = run->runner;
    const int max_batch = training_max_batch(&runner->config.train, runner->view->parts[PART_TRAIN].count);
    TRY(network_create(&runner->config.model, runner->view->shape, runner->view->classes, max_batch, &run->network,
                       error));
    network_initialise(run->network, trial_stream_seed(&runner->config, STREAM_INIT));
    const uint64_t order_seed = trial_stream_seed(&runner->config, STREAM_ORDER);
    TRY(reduction_create(&runner->config.train.reduction, runner->view->parts[PART_TRAIN].count, runner->view->classes,
                         order_seed, &run->reduction, error));
    run->checkpoint.network = run->network;
    run->checkpoint.reduction = run->reduction;
    TRY(trial_checkpoint_prepare(&run->checkpoint, error));
    const struct stages_request stages = {.config = &runner->config,
                                          .view = runner->view,
                                          .network = run->network,
                                          .yield = &run->give_way,
                                          .checkpoint = &run->checkpoint,
                                          .schema = runner->schema,
                                          .row = runner->row};
    TRY(trial_stages_run(&stages, error));
    const struct training training = {
        .network = run->network,
        .samples = &runner->view->parts[PART_TRAIN],
        .config = &runner->config.train,
        .order_seed = order_seed,
        .augment = &runner->config.data.augment,
        .augment_seed = trial_stream_seed(&runner->config, STREAM_AUGMENT),
        .dropout_seed = trial_stream_seed(&runner->config, STREAM_DROPOUT),
        .reduction = run->reduction,
    };
    const struct training_hooks hooks = {.context = run,
                                         .begin = begin,
                                         .yield = before_step,
                                         .step_end = look_at_step,
                                         .epoch_end = look_at_epoch,
                                         .batch = trial_metrics_watch_batches(runner->metrics) ? watch_batch : NULL};
    return training_run(&training, &hooks, error);
}

/* What a status of the training means for the row. */
static enum trial_outcome outcome_of(enum status status)
{
    if (status == STATUS_OK)
        return OUTCOME_DONE;
    if (status == STATUS_DIVERGED)
        return OUTCOME_DIVERGED;
    return status == STATUS_TIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_FAILED;
}

void trial_runner_keep_checkpoints(struct trial_runner *runner, struct checkpoint_store *store)
{
    runner->store = store;
}

bool trial_runner_has_checkpoint(const struct trial_runner *runner)
{
    return runner->store != NULL && runner->has_checkpoint;
}

void trial_runner_drop_checkpoint(struct trial_runner *runner)
{
    if (trial_runner_has_checkpoint(runner))
        checkpoint_remove(runner->store, runner->identity);
    runner->has_checkpoint = false;
}

void trial_runner_limit_memory(struct trial_runner *runner, double bytes, int ranks)
{
    runner->memory_limit = bytes;
    runner->node_ranks = ranks;
}

static enum status check_memory(struct trial_runner *runner, const struct plan_trial *trial, struct error *error)
{
    double bytes = 0;
    if (!(runner->memory_limit > 0))
        return STATUS_OK;
    TRY(trial_size(&runner->sizes, runner->plan, trial, &bytes, error));
    bytes += runner->base_bytes;
    if (bytes <= runner->memory_limit)
        return STATUS_OK;
    return fail(
        error, STATUS_NO_MEMORY,
        "needs about %.0f MB of memory, more than the %.0f MB of each of the node's %d ranks: use fewer ranks a "
        "node or a smaller batch, or set limits.memory",
        ceil(bytes / 1e6), floor(runner->memory_limit / 1e6), runner->node_ranks);
}

static enum status run_trial(struct run *run, int64_t trial, struct error *error)
{
    struct trial_runner *runner = run->runner;
    TRY(plan_trial_config(runner->plan, trial, &runner->config, error));
    TRY(check_memory(runner, plan_trial(runner->plan, trial), error));
    TRY(prepare_view(runner, plan_trial(runner->plan, trial)->variant, error));
    TRY(trial_checkpoint_open(&run->checkpoint, error));
    if (run->checkpoint.file != NULL)
        log_line("trial %lld goes on from its checkpoint, after %.3g s", (long long)trial,
                 run->checkpoint.memory.seconds);
    if (runner->config.limits.trial > 0)
        run->deadline = run->checkpoint.started + runner->config.limits.trial;
    return train(run, error);
}

enum status trial_run(struct trial_runner *runner, int64_t trial, const struct yield *yield,
                      struct trial_ending *ending, const struct results_row **row, struct error *error)
{
    struct error why = {0};
    struct run run = {.runner = runner, .yield = yield};
    run.give_way = (struct yield){.context = &run, .call = give_way};
    runner->identity = plan_trial(runner->plan, trial)->identity;
    run.checkpoint = (struct trial_checkpoint){
        .store = runner->store,
        .mark = {.identity = runner->identity, .build = provenance_build(), .layout = results_row_layout(runner->row)},
        .row = runner->row,
        .metrics = runner->metrics,
        .started = clock_monotonic()};
    for (int part = 0; part < PART_COUNT; part++) {
        run.parts[part] = (struct evaluation){.mean_loss = (double)NAN, .accuracy = (double)NAN};
        run.evaluated[part].step = -1;
    }
    results_row_clear(runner->row);
    trial_metrics_begin(runner->metrics);
    const enum status status = run_trial(&run, trial, &why);
    runner->has_checkpoint = run.checkpoint.has_file;
    trial_checkpoint_close(&run.checkpoint);
    network_destroy(&run.network);
    reduction_destroy(&run.reduction);
    if (status == STATUS_STOPPED)
        return fail(error, STATUS_STOPPED, "%s", why.text);
    const struct trial_memory *memory = &run.checkpoint.memory;
    *ending =
        (struct trial_ending){.outcome = outcome_of(status), .seconds = clock_monotonic() - run.checkpoint.started};
    ending->samples_per_second =
        ending->seconds > 0 ? (double)(memory->samples_seen + memory->stage_samples) / ending->seconds : 0;
    if (status != STATUS_OK)
        snprintf(ending->message, sizeof ending->message, "%.*s", MESSAGE_BYTES - 1, why.text);
    *row = runner->row;
    return STATUS_OK;
}
