/* Stages: what is drawn in them, batch by batch, and that none of it is drawn elsewhere. */
#include "base/memory.h"
#include "seedbed/random.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 50, FEATURES = 12, CLASSES = 3, BATCH = 16, EPOCHS = 3, EPOCH_STEPS = 4, STEPS = EPOCHS * EPOCH_STEPS };

static const uint64_t order_seed = 5, augment_seed = 6, dropout_seed = 7;
static const struct augment_config augment = {.flip = true};

/* One training, and a second network of the same weights to repeat its passes with. */
struct world {
    struct samples samples;
    struct train_config train;
    struct network *network, *twin;
    int stage;
    int64_t earlier_steps, step;
    int32_t orders[EPOCHS][COUNT];
};

static struct network *make_network(const struct world *world)
{
    struct model_config model;
    struct network *network = NULL;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, "cnn channels=[4] kernel=1 pooling=none dropout=0.5");
    assert_int_equal(network_create(&model, world->samples.dataset->shape.sample, CLASSES,
                                    training_max_batch(&world->train, COUNT), &network, NULL),
                     STATUS_OK);
    network_initialise(network, 1);
    return network;
}

/* The rate is 0: the weights stay those of the twin. */
static void make_world(struct world *world, int stage, int64_t earlier_steps)
{
    *world = (struct world){
        .samples = toy_samples(COUNT, FEATURES, CLASSES, 1, 11), .stage = stage, .earlier_steps = earlier_steps};
    settings_default(train_fields, &world->train);
    world->train.epochs = EPOCHS;
    world->train.batch_size = BATCH;
    world->train.learning_rate = 0;
    world->network = make_network(world);
    world->twin = make_network(world);
}

static void free_world(struct world *world)
{
    toy_samples_free(&world->samples);
    network_destroy(&world->network);
    network_destroy(&world->twin);
}

/* The pass that the streams' documentation says: order and augmentation by stage and epoch, dropout by steps that count
 * down through the stages. */
static void repeat_pass(struct world *world, const struct training_batch *batch)
{
    const uint32_t substream = ((uint32_t)world->stage << 20) + (uint32_t)batch->epoch - 1;
    const int first = (int)(world->step % EPOCH_STEPS) * BATCH;
    const struct augmentation changes = {.config = &augment, .seed = augment_seed, .epoch = substream};
    struct random random = random_start(STREAM_ORDER, order_seed, substream);
    int32_t order[COUNT];
    random_permutation(&random, COUNT, order);
    assert_memory_equal(batch->which, order + first, (size_t)batch->n * sizeof *order);
    memcpy(world->orders[batch->epoch - 1], order, sizeof order);
    float *const x = network_input(world->twin);
    samples_gather(&world->samples, batch->which, 0, batch->n, x);
    samples_augment(&world->samples, &changes, batch->which, batch->n, x);
    const int64_t step = world->stage == 0 ? world->step : -1 - world->earlier_steps - world->step;
    network_set_step(world->twin, dropout_seed, step);
    const float *const logits = network_forward(world->twin, x, batch->n, PASS_TRAIN);
    assert_memory_equal(batch->logits, logits, (size_t)(batch->n * CLASSES) * sizeof *logits);
}

static void watch(void *context, const struct training_batch *batch)
{
    struct world *const world = context;
    repeat_pass(world, batch);
    world->step++;
}

static void run(struct world *world)
{
    const struct training training = {.network = world->network,
                                      .samples = &world->samples,
                                      .config = &world->train,
                                      .order_seed = order_seed,
                                      .augment = &augment,
                                      .augment_seed = augment_seed,
                                      .dropout_seed = dropout_seed,
                                      .stage = world->stage,
                                      .earlier_steps = world->earlier_steps};
    const struct training_hooks hooks = {.context = world, .batch = watch};
    assert_int_equal(training_run(&training, &hooks, NULL), STATUS_OK);
    assert_int_equal(world->step, STEPS);
}

static void every_stage_has_draws_of_its_own(void **state)
{
    (void)state;
    static struct world worlds[3];
    for (int stage = 0; stage < 3; stage++) {
        make_world(&worlds[stage], stage, stage == 2 ? STEPS : 0);
        run(&worlds[stage]);
    }
    for (int a = 0; a < 3 * EPOCHS; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(worlds[a / EPOCHS].orders[a % EPOCHS], worlds[b / EPOCHS].orders[b % EPOCHS],
                                    COUNT * sizeof(int32_t));
    for (int stage = 0; stage < 3; stage++)
        free_world(&worlds[stage]);
    assert_int_equal(memory_balance(), 0);
}

/* The same samples in the same order at steps -1 and 0 lose other outputs. */
static void the_first_step_of_a_stage_drops_other_outputs_than_the_first_of_all(void **state)
{
    (void)state;
    static struct world world;
    make_world(&world, 0, 0);
    float logits[2][BATCH * CLASSES], *const x = network_input(world.twin);
    for (int i = 0; i < 2; i++) {
        samples_gather(&world.samples, NULL, 0, BATCH, x);
        network_set_step(world.twin, dropout_seed, -i);
        memcpy(logits[i], network_forward(world.twin, x, BATCH, PASS_TRAIN), sizeof logits[i]);
    }
    assert_memory_not_equal(logits[0], logits[1], sizeof logits[0]);
    free_world(&world);
}

static void the_largest_batch_of_all_stages_fits(void **state)
{
    (void)state;
    struct stage_config small = {.train = {.batch_size = 10}}, large = {.train = {.batch_size = 700}};
    const void *const items[] = {&large, &small};
    const struct train_config train = {.batch_size = 20, .stages = {.count = 2, .items = items}};
    assert_int_equal(training_max_batch(&train, 1000), 700);
    assert_int_equal(training_max_batch(&train, 600), 600);
    assert_int_equal(training_max_batch(&small.train, 1000), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_has_draws_of_its_own),
        cmocka_unit_test(the_first_step_of_a_stage_drops_other_outputs_than_the_first_of_all),
        cmocka_unit_test(the_largest_batch_of_all_stages_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
