/* trial_stages.c - each stage is a training of its own on the same network: other labels, a new optimizer, draws of its
 * own. Of all that is evaluated in it only the training part, on the stage's labels. */
#include "sweep/trial_stages.h"

#include "base/memory.h"

/* One stage under way. */
struct stage_run {
    const struct stages_request *request;
    const struct stage_config *config;
    int number;                  /* 0, 1, ... */
    const struct samples *train; /* with the labels of the stage */
    struct evaluator *evaluator; /* of train */
    int64_t samples_seen;
};

static void *place_of(const struct stage_run *run, enum stage_column column, size_t bytes)
{
    unsigned char *row = results_row_data(run->request->row, schema_stage_array(run->request->schema, column));
    return row + (size_t)run->number * bytes;
}

static void record_real(const struct stage_run *run, enum stage_column column, double value)
{
    *(double *)place_of(run, column, sizeof value) = value;
}

static enum status give_way(void *context, struct error *error)
{
    const struct yield *yield = ((const struct stage_run *)context)->request->yield;
    return yield->call(yield->context, error);
}

static enum status begin(void *context, struct training_state *state, struct error *error)
{
    return trial_checkpoint_begin(((struct stage_run *)context)->request->checkpoint, state, error);
}

static enum status before_step(void *context, struct error *error)
{
    struct stage_run *run = context;
    return trial_checkpoint_step(run->request->checkpoint, give_way(run, error));
}

static enum status evaluate(struct stage_run *run, struct evaluation *out, struct error *error)
{
    const struct training_hooks hooks = {.context = run, .yield = give_way};
    return evaluator_run(run->evaluator, run->request->network, &run->config->train.loss, &hooks, out, error);
}

/* An output that is not finite is left to the next step to report, with its place. */
static enum status look_at_step(void *context, const struct epoch_record *record, bool *stop, struct error *error)
{
    struct stage_run *run = context;
    const struct stop_config *rules = &run->config->train.stop;
    struct evaluation train;
    if (!(rules->train_loss > 0) || rules->every == 0 || record->step % rules->every != 0)
        return STATUS_OK;
    trial_checkpoint_enter(run->request->checkpoint);
    const enum status status = trial_checkpoint_leave(run->request->checkpoint, evaluate(run, &train, error));
    if (status == STATUS_OK)
        *stop = stop_at_loss(rules, train.mean_loss);
    return status == STATUS_DIVERGED ? STATUS_OK : status;
}

static enum status look_at_epoch(void *context, const struct epoch_record *record, bool *stop, struct error *error)
{
    struct stage_run *run = context;
    const struct stop_config *rules = &run->config->train.stop;
    struct evaluation parts[PART_COUNT] = {{0}};
    run->samples_seen = record->samples_seen;
    *(int32_t *)place_of(run, STAGE_EPOCHS_RUN, sizeof(int32_t)) = record->epoch;
    *(int64_t *)place_of(run, STAGE_STEPS, sizeof(int64_t)) = record->step;
    if (!record->last && !rules->separated && !(rules->train_loss > 0))
        return STATUS_OK;
    trial_checkpoint_enter(run->request->checkpoint);
    const enum status status =
        trial_checkpoint_leave(run->request->checkpoint, evaluate(run, &parts[PART_TRAIN], error));
    if (status == STATUS_DIVERGED)
        return fail(error, STATUS_DIVERGED, "a logit is not finite at the end of epoch %d, step %lld", record->epoch,
                    (long long)record->step);
    TRY(status);
    record_real(run, STAGE_TRAIN_LOSS, parts[PART_TRAIN].mean_loss);
    record_real(run, STAGE_TRAIN_ACCURACY, parts[PART_TRAIN].accuracy);
    *stop = stop_at_epoch(rules, &run->request->checkpoint->memory.stop, record->epoch, parts);
    return STATUS_OK;
}

/* labels: those of run->train. */
static enum status run_stage(struct stage_run *run, int64_t earlier_steps, int16_t *labels, struct error *error)
{
    const struct trial_config *config = run->request->config;
    const struct data_view *view = run->request->view;
    const struct training training = {
        .network = run->request->network,
        .samples = run->train,
        .config = &run->config->train,
        .order_seed = trial_stream_seed(config, STREAM_ORDER),
        .augment = &config->data.augment,
        .augment_seed = trial_stream_seed(config, STREAM_AUGMENT),
        .dropout_seed = trial_stream_seed(config, STREAM_DROPOUT),
        .stage = run->number + 1,
        .earlier_steps = earlier_steps,
    };
    const struct training_hooks hooks = {
        .context = run, .begin = begin, .yield = before_step, .step_end = look_at_step, .epoch_end = look_at_epoch};
    int wrong = 0;
    TRY(data_view_draw(view, &run->config->label_noise, trial_stream_seed(config, STREAM_NOISE),
                       (uint32_t)run->number + 1, labels, error));
    for (int i = 0; i < run->train->count; i++)
        wrong += labels[i] != run->train->true_labels[i];
    record_real(run, STAGE_NOISE_RATE, (double)wrong / run->train->count);
    return training_run(&training, &hooks, error);
}

static enum status run_stages(const struct stages_request *request, const struct samples *train,
                              struct evaluator *evaluator, struct error *error)
{
    const struct item_list *stages = &request->config->train.stages;
    struct trial_memory *memory = &request->checkpoint->memory;
    int64_t earlier_steps = 0;
    for (int i = 0; i < stages->count; i++) {
        struct stage_run run = {
            .request = request, .config = stages->items[i], .number = i, .train = train, .evaluator = evaluator};
        const bool behind = i < memory->stage;
        const enum status status = behind ? STATUS_OK : run_stage(&run, earlier_steps, train->labels, error);
        memory->stage_samples += run.samples_seen;
        if (status != STATUS_OK)
            return fail_within(error, "train.stages.%d", i);
        if (!behind) {
            memory->stage = i + 1;
            memory->stop = (struct stop_memory){0};
        }
        earlier_steps += training_steps(&run.config->train, train->count);
    }
    return STATUS_OK;
}

enum status trial_stages_run(const struct stages_request *request, struct error *error)
{
    struct samples train = request->view->parts[PART_TRAIN];
    struct evaluator *evaluator = NULL;
    void *labels = NULL;
    if (request->checkpoint->memory.stage >= request->config->train.stages.count)
        return STATUS_OK;
    TRY(memory_allocate(&labels, (size_t)train.count, sizeof *train.labels, "labels of stages", error));
    train.labels = labels;
    enum status status = evaluator_create(&train, request->view->classes, &evaluator, error);
    if (status == STATUS_OK)
        status = run_stages(request, &train, evaluator, error);
    evaluator_destroy(&evaluator);
    memory_free(labels);
    return status;
}
