/* training.c - the loop: for each epoch a permutation, for each batch gather, forward, loss, backward, step.
 * Where it is stands in one plain struct, and the loop can begin at any such place.
 * Everything it needs is allocated before the first step. Subnormal numbers count as zero throughout: a gradient that
 * has died out would else make each step many times slower. */
#include "training/training.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/reduce.h"
#include "seedbed/random.h"
#include "training/blocks.h"
#include "training/optimizers.h"

struct loop {
    const struct training *training;
    const struct training_hooks *hooks;
    const struct loss_ops *loss;
    struct optimizer *optimizer;
    int count, batch, classes;
    int32_t *order;  /* [count] of this epoch; behind it room for a permutation [count] */
    int16_t *labels; /* [batch] */
    float *dlogits;  /* [batch, classes] */
    int64_t steps;   /* of all epochs */
    struct training_state state;
};

static int least(int64_t a, int64_t b)
{
    return (int)(a < b ? a : b);
}

int training_max_batch(const struct train_config *config, int train_count)
{
    int64_t batch = config->batch_size;
    for (int i = 0; i < config->stages.count; i++) {
        const struct stage_config *const stage = config->stages.items[i];
        batch = stage->train.batch_size > batch ? stage->train.batch_size : batch;
    }
    batch = least(batch, train_count);
    return batch > EVALUATION_BLOCK ? (int)batch : EVALUATION_BLOCK;
}

int64_t training_epoch_steps(const struct train_config *config, int64_t train_count)
{
    return (train_count + config->batch_size - 1) / config->batch_size;
}

int64_t training_steps(const struct train_config *config, int64_t train_count)
{
    const int64_t steps = config->epochs * training_epoch_steps(config, train_count);
    return config->stop.steps > 0 && config->stop.steps < steps ? config->stop.steps : steps;
}

static enum status loop_allocate(struct loop *loop, struct error *error)
{
    void *order = NULL, *labels = NULL, *dlogits = NULL;
    const size_t batch = (size_t)loop->batch;
    TRY(memory_allocate(&order, 2 * (size_t)loop->count, sizeof *loop->order, "batch order", error));
    loop->order = order;
    TRY(memory_allocate(&labels, batch, sizeof *loop->labels, "batch labels", error));
    loop->labels = labels;
    TRY(memory_allocate(&dlogits, batch * (size_t)loop->classes, sizeof *loop->dlogits, "batch gradients", error));
    loop->dlogits = dlogits;
    TRY(optimizer_create(loop->training->config, loop->training->network, &loop->optimizer, error));
    loop->state.optimizer = optimizer_state(loop->optimizer, &loop->state.optimizer_count);
    return STATUS_OK;
}

static void loop_free(struct loop *loop)
{
    memory_free(loop->order);
    memory_free(loop->labels);
    memory_free(loop->dlogits);
    optimizer_destroy(&loop->optimizer);
}

static struct schedule_position position_of(const struct loop *loop)
{
    const struct train_config *const config = loop->training->config;
    return (struct schedule_position){.step = loop->state.place.step,
                                      .steps = loop->steps,
                                      .epoch = loop->state.place.epoch,
                                      .epochs = config->epochs,
                                      .epoch_steps = training_epoch_steps(config, loop->count)};
}

static enum status diverged(const struct loop *loop, const char *what, struct error *error)
{
    return fail(error, STATUS_DIVERGED, "%s is not finite in epoch %" PRId64 ", step %" PRId64, what,
                loop->state.place.epoch + 1, loop->state.place.step + 1);
}

/* Of the streams that draw anew in each epoch. */
static uint32_t epoch_substream(const struct loop *loop)
{
    enum { EPOCH_BITS = 20 }; /* a million epochs */
    return (uint32_t)loop->training->stage << EPOCH_BITS | (uint32_t)loop->state.place.epoch;
}

/* Steps of stages count down from -1, one stage after the other: no draw of theirs is one of the main training's. */
static int64_t draw_step(const struct loop *loop)
{
    const struct training *const training = loop->training;
    return training->stage == 0 ? loop->state.place.step : -1 - training->earlier_steps - loop->state.place.step;
}

static void loop_gather(const struct loop *loop, const int32_t *which, int n, float *x)
{
    const struct training *const training = loop->training;
    const struct augmentation augmentation = {
        .config = training->augment, .seed = training->augment_seed, .epoch = epoch_substream(loop)};
    samples_gather(training->samples, which, 0, n, x);
    if (training->augment != NULL)
        samples_augment(training->samples, &augmentation, which, n, x);
}

/* One step on the samples order[first..first+n-1]. */
static enum status loop_step(struct loop *loop, int first, int n, struct error *error)
{
    const struct training *const training = loop->training;
    const struct train_config *const config = training->config;
    struct network *const network = training->network;
    const int32_t *const which = loop->order + first;
    float *const x = network_input(network);
    loop_gather(loop, which, n, x);
    for (int i = 0; i < n; i++)
        loop->labels[i] = training->samples->labels[which[i]];
    network_set_step(network, training->dropout_seed, draw_step(loop));
    const float *const logits = network_forward(network, x, n, PASS_TRAIN);
    if (!all_finite((int64_t)n * loop->classes, logits))
        return diverged(loop, "an output of the network", error);
    if (loop->hooks->batch != NULL) {
        const struct training_batch batch = {
            .epoch = (int)loop->state.place.epoch + 1, .n = n, .which = which, .logits = logits};
        loop->hooks->batch(loop->hooks->context, &batch);
    }
    loop->loss->gradient(config->loss.settings, n, loop->classes, logits, loop->labels, 1.0f / (float)n, loop->dlogits);
    network_backward(network, loop->dlogits, n);
    const struct schedule_position at = position_of(loop);
    loop->state.place.rate = training_rate(config, &at);
    const double squares = optimizer_step(loop->optimizer, loop->state.place.rate, loop->state.place.step);
    if (!isfinite(squares))
        return diverged(loop, "the gradient", error);
    loop->state.place.norms += sqrt(squares);
    return STATUS_OK;
}

/* At the end of `epoch` or within it. */
static struct epoch_record loop_record(const struct loop *loop, int64_t epoch, bool whole)
{
    const struct training_place *const place = &loop->state.place;
    return (struct epoch_record){
        .epoch = (int)epoch,
        .whole = whole,
        .last = place->stop || (whole && epoch == loop->training->config->epochs),
        .step = place->step,
        .samples_seen = place->samples_seen,
        .learning_rate = place->rate,
        .gradient_norm = epoch == 0 ? (double)NAN : place->norms / (double)(place->step - place->epoch_start)};
}

static enum status loop_step_end(struct loop *loop, struct error *error)
{
    if (loop->hooks->step_end == NULL)
        return STATUS_OK;
    const struct epoch_record record = loop_record(loop, loop->state.place.epoch + 1, false);
    bool stop = false;
    TRY(loop->hooks->step_end(loop->hooks->context, &record, &stop, error));
    loop->state.place.stop = stop;
    return STATUS_OK;
}

/* A permutation of all samples; of those kept one after the other, until the epoch is as long as ever. */
static void loop_draw_order(struct loop *loop, const struct kept_samples *kept)
{
    struct random random = random_start(STREAM_ORDER, loop->training->order_seed, epoch_substream(loop));
    int32_t *const places = loop->order + loop->count;
    for (int first = 0; first < loop->count; first += kept->count) {
        random_permutation(&random, kept->count, places);
        for (int i = 0; i < kept->count && first + i < loop->count; i++)
            loop->order[first + i] = kept->which == NULL ? places[i] : kept->which[places[i]];
    }
}

/* The steps of an epoch from its place on. */
static enum status loop_steps(struct loop *loop, struct error *error)
{
    struct training_place *const place = &loop->state.place;
    while (place->first < loop->count && !place->stop) {
        if (place->stand == STAND_STEP) {
            const int first = (int)place->first, n = least(loop->batch, loop->count - first);
            if (loop->hooks->yield != NULL)
                TRY(loop->hooks->yield(loop->hooks->context, error));
            TRY(loop_step(loop, first, n, error));
            place->step++;
            place->samples_seen += n;
            place->first += n;
            place->stop = place->step == loop->steps;
            place->stand = STAND_STEP_END;
        }
        if (place->first < loop->count && !place->stop)
            TRY(loop_step_end(loop, error));
        place->stand = STAND_STEP;
    }
    return STATUS_OK;
}

/* *whole: no rule ended the epoch before its last step. */
static enum status loop_epoch(struct loop *loop, bool *whole, struct error *error)
{
    const struct reduction *const reduction = loop->training->reduction;
    struct training_place *const place = &loop->state.place;
    const struct kept_samples kept =
        reduction != NULL ? reduction_kept(reduction) : (struct kept_samples){.count = loop->count};
    *whole = kept.frozen;
    if (kept.frozen)
        return STATUS_OK;
    loop_draw_order(loop, &kept);
    TRY(loop_steps(loop, error));
    *whole = place->first == loop->count;
    return STATUS_OK;
}

/* Tells the hook that `epoch` epochs are done, after which another may begin. */
static enum status loop_report(struct loop *loop, int64_t epoch, bool whole, struct error *error)
{
    struct training_place *const place = &loop->state.place;
    bool stop = false;
    const struct epoch_record record = loop_record(loop, epoch, whole);
    if (loop->hooks->epoch_end != NULL)
        TRY(loop->hooks->epoch_end(loop->hooks->context, &record, &stop, error));
    place->stop |= stop;
    place->epoch = epoch;
    place->first = 0;
    place->epoch_start = place->step;
    place->norms = 0;
    place->stand = STAND_STEP;
    return STATUS_OK;
}

static enum status loop_run(struct loop *loop, struct error *error)
{
    const struct train_config *const config = loop->training->config;
    struct training_place *const place = &loop->state.place;
    const struct schedule_position at = position_of(loop);
    place->rate = training_rate(config, &at);
    if (loop->hooks->begin != NULL)
        TRY(loop->hooks->begin(loop->hooks->context, &loop->state, error));
    if (place->stand == STAND_START)
        TRY(loop_report(loop, 0, true, error));
    while (place->epoch < config->epochs && (!place->stop || place->stand == STAND_EPOCH_END)) {
        bool whole = false;
        TRY(loop_epoch(loop, &whole, error));
        place->stand = STAND_EPOCH_END;
        TRY(loop_report(loop, place->epoch + 1, whole, error));
    }
    return STATUS_OK;
}

enum status training_run(const struct training *training, const struct training_hooks *hooks, struct error *error)
{
    const struct train_config *const config = training->config;
    struct loop loop = {.training = training,
                        .hooks = hooks,
                        .loss = (const struct loss_ops *)config->loss.kind,
                        .count = training->samples->count,
                        .batch = least(config->batch_size, training->samples->count),
                        .classes = network_classes(training->network),
                        .steps = training_steps(config, training->samples->count)};
    assert(loop.batch >= 1 && loop.batch <= network_max_batch(training->network));
    const int flushed = flush_subnormals(1);
    enum status status = loop_allocate(&loop, error);
    if (status == STATUS_OK)
        status = loop_run(&loop, error);
    loop_free(&loop);
    flush_subnormals(flushed);
    return status;
}
