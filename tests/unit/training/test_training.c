/* Whole trainings of small networks: order, hooks, outcomes, and bits. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/network.h"
#include "seedbed/random.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/optimizers.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COUNT = 103, FEATURES = 12, CLASSES = 3, BATCH = 16, EPOCHS = 8, STEPS = EPOCHS * 7 };

struct world {
    struct samples samples;
    struct model_config model;
    struct train_config train;
    struct network *network;
};

struct record {
    int yields, epochs, stop_at_yield, stop_at_epoch, end_at_epoch, steps, end_at_step;
    struct epoch_record last[EPOCHS + 1];
};

static struct world make_world(void)
{
    struct world world = {.samples = toy_samples(COUNT, FEATURES, CLASSES, 1.5, 11)};
    settings_default(model_fields, &world.model);
    settings_default(train_fields, &world.train);
    choice_integers(&world.model.kind, "hidden", 1, (const int64_t[]){20});
    world.train.epochs = EPOCHS;
    world.train.batch_size = BATCH;
    world.train.learning_rate = 0.05;
    struct error error;
    if (network_create(&world.model, world.samples.dataset->shape.sample, CLASSES,
                       training_max_batch(&world.train, COUNT), &world.network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(world.network, 1);
    return world;
}

static void free_world(struct world *world)
{
    toy_samples_free(&world->samples);
    network_destroy(&world->network);
}

static enum status yield(void *context, struct error *error)
{
    struct record *const record = context;
    record->yields++;
    return record->yields == record->stop_at_yield ? (fail)(error, STATUS_TIMEOUT, "out of time") : STATUS_OK;
}

static enum status epoch_end(void *context, const struct epoch_record *at, bool *stop, struct error *error)
{
    struct record *const record = context;
    record->last[record->epochs++] = *at;
    *stop = record->epochs == record->end_at_epoch;
    return record->epochs == record->stop_at_epoch ? (fail)(error, STATUS_IO, "no room") : STATUS_OK;
}

static enum status step_end(void *context, const struct epoch_record *at, bool *stop, struct error *error)
{
    struct record *const record = context;
    (void)error;
    assert_true(!at->whole && !at->last && at->step > (at->epoch - 1) * 7 && at->step < at->epoch * 7);
    assert_int_equal(at->samples_seen, (at->epoch - 1) * COUNT + (at->step - (at->epoch - 1) * 7) * BATCH);
    record->steps++;
    *stop = at->step == record->end_at_step;
    return STATUS_OK;
}

static enum status train(const struct world *world, struct record *record, uint64_t order_seed, struct error *error)
{
    const struct training training = {
        .network = world->network, .samples = &world->samples, .config = &world->train, .order_seed = order_seed};
    const struct training_hooks hooks = {
        .context = record, .yield = yield, .step_end = step_end, .epoch_end = epoch_end};
    return training_run(&training, &hooks, error);
}

static struct evaluation evaluate(const struct world *world, struct evaluator *evaluator)
{
    struct evaluation evaluation;
    struct error error;
    assert_int_equal(evaluator_run(evaluator, world->network, &world->train.loss, NULL, &evaluation, &error),
                     STATUS_OK);
    return evaluation;
}

static void training_learns_what_can_be_separated(void **state)
{
    (void)state;
    struct world world = make_world();
    struct evaluator *evaluator = NULL;
    struct record record = {0};
    assert_int_equal(evaluator_create(&world.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    const struct evaluation before = evaluate(&world, evaluator);
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    const struct evaluation after = evaluate(&world, evaluator);
    assert_true(before.mean_loss > 0.7);
    assert_true(after.mean_loss < 0.1 && after.accuracy > 0.98);
    evaluator_destroy(&evaluator);
    evaluator_destroy(&evaluator);
    free_world(&world);
}

/* Parameters after training with this augmentation; NULL: none.   out [count of the network] */
static void train_augmented(const struct augment_config *augment, uint64_t seed, float *out)
{
    struct world world = make_world();
    const struct training training = {.network = world.network,
                                      .samples = &world.samples,
                                      .config = &world.train,
                                      .augment = augment,
                                      .augment_seed = seed};
    const struct training_hooks hooks = {0};
    assert_int_equal(training_run(&training, &hooks, NULL), STATUS_OK);
    memcpy(out, network_parameters(world.network), (size_t)network_parameter_count(world.network) * sizeof *out);
    free_world(&world);
}

static void augmentation_changes_what_is_trained_on_by_its_own_seed(void **state)
{
    (void)state;
    struct world world = make_world();
    const size_t count = (size_t)network_parameter_count(world.network);
    free_world(&world);
    const struct augment_config off = {0}, flip = {.flip = true};
    float *results[5];
    for (int i = 0; i < 5; i++)
        results[i] = calloc(count, sizeof **results);
    train_augmented(NULL, 0, results[0]);
    train_augmented(&off, 9, results[1]);
    train_augmented(&flip, 0, results[2]);
    train_augmented(&flip, 0, results[3]);
    train_augmented(&flip, 1, results[4]);
    assert_memory_equal(results[0], results[1], count * sizeof **results);
    assert_memory_not_equal(results[0], results[2], count * sizeof **results);
    assert_memory_equal(results[2], results[3], count * sizeof **results);
    assert_memory_not_equal(results[2], results[4], count * sizeof **results);
    for (int i = 0; i < 5; i++)
        free(results[i]);
}

static void the_evaluation_is_that_of_single_samples(void **state)
{
    (void)state;
    struct world world = make_world();
    struct evaluator *evaluator = NULL;
    assert_int_equal(evaluator_create(&world.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    const struct evaluation all = evaluate(&world, evaluator);
    assert_int_equal(all.count, COUNT);
    double losses = 0;
    int right = 0;
    for (int i = 0; i < COUNT; i++) {
        float *const x = network_input(world.network);
        samples_gather(&world.samples, NULL, i, 1, x);
        const float *const z = network_forward(world.network, x, 1, PASS_EVALUATE);
        double total = 0;
        int best = 0;
        for (int j = 0; j < CLASSES; j++) {
            assert_true(fabsf(z[j] - all.logits[i * CLASSES + j]) < 1e-5f);
            total += exp((double)z[j]);
            best = z[j] > z[best] ? j : best;
        }
        const double loss = log(total) - (double)z[world.samples.labels[i]];
        assert_true(fabs(loss - all.losses[i]) < 1e-5);
        losses += loss;
        right += best == world.samples.labels[i];
    }
    assert_true(fabs(losses / COUNT - all.mean_loss) < 1e-6);
    assert_true(all.accuracy == (double)right / COUNT);
    assert_ptr_equal(all.labels, world.samples.labels);
    evaluator_destroy(&evaluator);
    free_world(&world);
}

static void hooks_see_every_step_and_epoch(void **state)
{
    (void)state;
    struct world world = make_world();
    struct record record = {0};
    world.train.schedule = choice_of(&schedule_table, "cosine");
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_int_equal(record.yields, STEPS);
    assert_int_equal(record.epochs, EPOCHS + 1);
    assert_true(isnan(record.last[0].gradient_norm) && record.last[0].learning_rate == 0.05);
    for (int epoch = 0; epoch <= EPOCHS; epoch++) {
        const struct epoch_record *const at = &record.last[epoch];
        assert_int_equal(at->epoch, epoch);
        assert_true(at->whole && at->last == (at->epoch == EPOCHS));
        assert_int_equal(at->step, epoch * STEPS / EPOCHS);
        assert_int_equal(at->samples_seen, epoch * COUNT);
        if (epoch > 0) {
            assert_true(at->gradient_norm > 0);
            const double last_step = (double)(at->step - 1) / STEPS;
            assert_true(fabs(at->learning_rate - 0.025 * (1 + cos(3.14159265358979323846 * last_step))) < 1e-12);
        }
    }
    free_world(&world);
}

static void a_hook_ends_the_training_with_its_status(void **state)
{
    (void)state;
    struct world world = make_world();
    struct error error;
    struct record late = {.stop_at_yield = 10}, full = {.stop_at_epoch = 2};
    assert_int_equal(train(&world, &late, 0, &error), STATUS_TIMEOUT);
    assert_int_equal(late.yields, 10);
    assert_int_equal(train(&world, &full, 0, &error), STATUS_IO);
    assert_int_equal(full.epochs, 2);
    assert_string_equal(error.text, "no room");
    free_world(&world);
}

static void the_same_seeds_give_the_same_bits_and_another_order_other_bits(void **state)
{
    (void)state;
    struct world first = make_world(), second = make_world(), third = make_world();
    struct record records[3] = {0};
    assert_int_equal(train(&first, &records[0], 4, NULL), STATUS_OK);
    assert_int_equal(train(&second, &records[1], 4, NULL), STATUS_OK);
    assert_int_equal(train(&third, &records[2], 5, NULL), STATUS_OK);
    const size_t bytes = sizeof(float) * (size_t)network_parameter_count(first.network);
    assert_memory_equal(network_parameters(first.network), network_parameters(second.network), bytes);
    assert_true(memcmp(network_parameters(first.network), network_parameters(third.network), bytes) != 0);
    assert_true(records[0].last[3].gradient_norm == records[1].last[3].gradient_norm);
    free_world(&first);
    free_world(&second);
    free_world(&third);
}

/* One step on the samples `which`, by the public interfaces alone. */
static void step_by_hand(struct world *world, const int32_t *which, int n, int64_t step, struct optimizer *optimizer)
{
    float dlogits[BATCH * CLASSES], *const x = network_input(world->network);
    int16_t labels[BATCH];
    samples_gather(&world->samples, which, 0, n, x);
    for (int i = 0; i < n; i++)
        labels[i] = world->samples.labels[which[i]];
    const float *const logits = network_forward(world->network, x, n, PASS_TRAIN);
    ((const struct loss_ops *)world->train.loss.kind)
        ->gradient(world->train.loss.settings, n, CLASSES, logits, labels, 1.0f / (float)n, dlogits);
    network_backward(world->network, dlogits, n);
    optimizer_step(optimizer, world->train.learning_rate, step);
}

static void each_epoch_takes_the_batches_of_its_own_permutation(void **state)
{
    (void)state;
    struct world hand = make_world(), loop = make_world();
    struct record record = {0};
    int32_t order[COUNT];
    struct optimizer *optimizer = NULL;
    int64_t step = 0;
    assert_int_equal(optimizer_create(&hand.train, hand.network, &optimizer, NULL), STATUS_OK);
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        struct random random = random_start(STREAM_ORDER, 9, epoch);
        random_permutation(&random, COUNT, order);
        for (int first = 0; first < COUNT; first += BATCH)
            step_by_hand(&hand, order + first, COUNT - first < BATCH ? COUNT - first : BATCH, step++, optimizer);
    }
    optimizer_destroy(&optimizer);
    optimizer_destroy(&optimizer);
    assert_int_equal(train(&loop, &record, 9, NULL), STATUS_OK);
    assert_memory_equal(network_parameters(hand.network), network_parameters(loop.network),
                        sizeof(float) * (size_t)network_parameter_count(hand.network));
    free_world(&hand);
    free_world(&loop);
}

static enum status check_flushing(void *context, struct error *error)
{
    (void)error;
    *(int *)context = flush_subnormals(1);
    return STATUS_OK;
}

static void subnormals_vanish_during_training_and_evaluation_only(void **state)
{
    (void)state;
    struct world world = make_world();
    struct evaluator *evaluator = NULL;
    struct evaluation evaluation;
    int flushing = 0;
    const struct training training = {.network = world.network, .samples = &world.samples, .config = &world.train};
    const struct training_hooks hooks = {.context = &flushing, .yield = check_flushing};
    assert_int_equal(training_run(&training, &hooks, NULL), STATUS_OK);
    assert_true(flushing);
    assert_false(flush_subnormals(0));
    flushing = 0;
    assert_int_equal(evaluator_create(&world.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    assert_int_equal(evaluator_run(evaluator, world.network, &world.train.loss, &hooks, &evaluation, NULL), STATUS_OK);
    assert_true(flushing);
    assert_false(flush_subnormals(0));
    evaluator_destroy(&evaluator);
    free_world(&world);
}

static void evaluating_between_epochs_changes_no_bit(void **state)
{
    (void)state;
    struct world quiet = make_world(), watched = make_world();
    struct evaluator *evaluator = NULL;
    struct record record = {0};
    assert_int_equal(evaluator_create(&watched.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    evaluate(&watched, evaluator);
    assert_int_equal(train(&quiet, &record, 0, NULL), STATUS_OK);
    record = (struct record){0};
    assert_int_equal(train(&watched, &record, 0, NULL), STATUS_OK);
    assert_memory_equal(network_parameters(quiet.network), network_parameters(watched.network),
                        sizeof(float) * (size_t)network_parameter_count(quiet.network));
    evaluator_destroy(&evaluator);
    free_world(&quiet);
    free_world(&watched);
}

static void a_batch_larger_than_the_data_takes_all_of_it(void **state)
{
    (void)state;
    struct world world = make_world();
    struct record record = {0};
    world.train.batch_size = 10 * COUNT;
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_int_equal(record.yields, EPOCHS);
    free_world(&world);
}

/* Checks the last record of a training of 7 steps an epoch, 103 samples in batches of 16. */
static void assert_ended(const struct record *record, int epoch, bool whole, int64_t step, int64_t samples)
{
    const struct epoch_record *const last = &record->last[record->epochs - 1];
    assert_int_equal(record->epochs, epoch + 1);
    assert_int_equal(last->epoch, epoch);
    assert_int_equal(last->whole, whole);
    assert_int_equal(last->step, step);
    assert_int_equal(last->samples_seen, samples);
    assert_true(epoch == 0 || isfinite(last->gradient_norm));
}

static void training_ends_after_a_number_of_steps(void **state)
{
    (void)state;
    static const struct {
        int64_t steps, samples;
        int epoch;
        bool whole;
    } cases[] = {{1, 16, 1, false},         {6, 96, 1, false},  {7, 103, 1, true},
                 {8, 119, 2, false},        {14, 206, 2, true}, {STEPS - 1, 817, EPOCHS, false},
                 {STEPS, 824, EPOCHS, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world world = make_world();
        struct record record = {0};
        world.train.stop.steps = cases[i].steps;
        assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
        assert_int_equal(record.yields, cases[i].steps);
        assert_ended(&record, cases[i].epoch, cases[i].whole, cases[i].steps, cases[i].samples);
        assert_true(record.last[record.epochs - 1].last);
        free_world(&world);
    }
}

static void more_steps_than_the_epochs_have_change_nothing(void **state)
{
    (void)state;
    struct world plain = make_world(), limited = make_world();
    struct record record = {0};
    plain.train.schedule = limited.train.schedule = choice_of(&schedule_table, "cosine");
    limited.train.stop.steps = STEPS + 1;
    assert_int_equal(train(&plain, &record, 0, NULL), STATUS_OK);
    record = (struct record){0};
    assert_int_equal(train(&limited, &record, 0, NULL), STATUS_OK);
    assert_ended(&record, EPOCHS, true, STEPS, 824);
    assert_memory_equal(network_parameters(plain.network), network_parameters(limited.network),
                        sizeof(float) * (size_t)network_parameter_count(plain.network));
    free_world(&plain);
    free_world(&limited);
}

static void a_schedule_ends_with_the_steps(void **state)
{
    (void)state;
    struct world world = make_world();
    struct record record = {0};
    world.train.schedule = choice_of(&schedule_table, "cosine");
    world.train.stop.steps = 10;
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_true(fabs(record.last[2].learning_rate - 0.05 * 0.5 * (1 + cos(3.14159265358979323846 * 0.9))) < 1e-15);
    free_world(&world);
}

static void the_hooks_may_end_training(void **state)
{
    (void)state;
    struct world world = make_world();
    struct record record = {.end_at_epoch = 4}; /* the fourth call: epoch 3 */
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_ended(&record, 3, true, 21, 309);
    assert_int_equal(record.steps, 18); /* of 21, three end epochs */
    record = (struct record){.end_at_step = 6};
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_ended(&record, 1, false, 6, 96);
    assert_true(record.last[1].last);
    record = (struct record){.end_at_step = 18};
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_ended(&record, 3, false, 18, 270);
    record = (struct record){.end_at_epoch = 1};
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_ended(&record, 0, true, 0, 0);
    free_world(&world);
}

static void no_epoch_leaves_the_network_as_it_is(void **state)
{
    (void)state;
    struct world world = make_world(), other = make_world();
    struct record record = {0};
    world.train.epochs = 0;
    assert_int_equal(train(&world, &record, 0, NULL), STATUS_OK);
    assert_int_equal(record.yields, 0);
    assert_int_equal(record.epochs, 1);
    assert_memory_equal(network_parameters(world.network), network_parameters(other.network),
                        sizeof(float) * (size_t)network_parameter_count(world.network));
    free_world(&world);
    free_world(&other);
}

static void a_training_that_overflows_says_where(void **state)
{
    (void)state;
    struct world world = make_world();
    struct record record = {0};
    struct error error;
    world.train.loss = choice_of(&loss_table, "mse_logits");
    world.train.learning_rate = 1e6;
    assert_int_equal(train(&world, &record, 0, &error), STATUS_DIVERGED);
    assert_non_null(strstr(error.text, "is not finite in epoch 1, step "));
    struct evaluator *evaluator = NULL;
    struct evaluation evaluation;
    assert_int_equal(evaluator_create(&world.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    network_parameters(world.network)[0] = NAN;
    assert_int_equal(evaluator_run(evaluator, world.network, &world.train.loss, NULL, &evaluation, &error),
                     STATUS_DIVERGED);
    assert_int_equal(evaluation.count, COUNT);
    assert_string_equal(error.text, "an output of the network is not finite");
    evaluator_destroy(&evaluator);
    free_world(&world);
}

static void an_evaluation_yields_and_stops(void **state)
{
    (void)state;
    struct world world = make_world();
    struct evaluator *evaluator = NULL;
    struct evaluation evaluation;
    struct record record = {.stop_at_yield = 1};
    const struct training_hooks hooks = {.context = &record, .yield = yield};
    assert_int_equal(evaluator_create(&world.samples, CLASSES, &evaluator, NULL), STATUS_OK);
    assert_int_equal(evaluator_run(evaluator, world.network, &world.train.loss, &hooks, &evaluation, NULL),
                     STATUS_TIMEOUT);
    evaluator_destroy(&evaluator);
    free_world(&world);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_learns_what_can_be_separated),
        cmocka_unit_test(augmentation_changes_what_is_trained_on_by_its_own_seed),
        cmocka_unit_test(the_evaluation_is_that_of_single_samples),
        cmocka_unit_test(hooks_see_every_step_and_epoch),
        cmocka_unit_test(a_hook_ends_the_training_with_its_status),
        cmocka_unit_test(the_same_seeds_give_the_same_bits_and_another_order_other_bits),
        cmocka_unit_test(each_epoch_takes_the_batches_of_its_own_permutation),
        cmocka_unit_test(subnormals_vanish_during_training_and_evaluation_only),
        cmocka_unit_test(evaluating_between_epochs_changes_no_bit),
        cmocka_unit_test(a_batch_larger_than_the_data_takes_all_of_it),
        cmocka_unit_test(training_ends_after_a_number_of_steps),
        cmocka_unit_test(more_steps_than_the_epochs_have_change_nothing),
        cmocka_unit_test(a_schedule_ends_with_the_steps),
        cmocka_unit_test(the_hooks_may_end_training),
        cmocka_unit_test(no_epoch_leaves_the_network_as_it_is),
        cmocka_unit_test(a_training_that_overflows_says_where),
        cmocka_unit_test(an_evaluation_yields_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
