/* Evaluations of bytes, whose first layer may read them without making floats of them. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "network/network.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COUNT = 1500, CLASSES = 3, LINE = 64 /* bytes: blocks are whole lines, with one in front */ };

static const struct shape shape = {.height = 5, .width = 4, .channels = 3};
enum { FEATURES = 60 };

/* The same inputs as bytes and as floats. */
struct world {
    struct samples bytes, floats;
    struct train_config train;
    struct evaluator *from_bytes, *from_floats;
};

/* The evaluators keep pointers into the world. */
static void make_world(struct world *world)
{
    *world = (struct world){.bytes = toy_bytes(COUNT, shape, CLASSES, 4),
                            .floats = toy_samples(COUNT, FEATURES, CLASSES, 0, 4)};
    settings_default(train_fields, &world->train);
    samples_gather(&world->bytes, NULL, 0, COUNT,
                   dataset_values((struct dataset *)(uintptr_t)world->floats.dataset, 0));
    assert_int_equal(evaluator_create(&world->bytes, CLASSES, &world->from_bytes, NULL), STATUS_OK);
    assert_int_equal(evaluator_create(&world->floats, CLASSES, &world->from_floats, NULL), STATUS_OK);
}

static void free_world(struct world *world)
{
    evaluator_destroy(&world->from_bytes);
    evaluator_destroy(&world->from_floats);
    toy_samples_free(&world->bytes);
    toy_samples_free(&world->floats);
}

/* For either form of the inputs: a dense layer sees rows of numbers. hidden 0: no hidden layer. */
static struct network *make_network(int64_t hidden, uint64_t seed)
{
    struct model_config model;
    struct network *network = NULL;
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", hidden > 0, &hidden);
    assert_int_equal(network_create(&model, shape, CLASSES, 256, &network, NULL), STATUS_OK);
    network_initialise(network, seed);
    return network;
}

static struct evaluation evaluate(const struct world *world, struct evaluator *evaluator, struct network *network)
{
    struct evaluation evaluation;
    assert_int_equal(evaluator_run(evaluator, network, &world->train.loss, NULL, &evaluation, NULL), STATUS_OK);
    return evaluation;
}

/* Nearly the same logits; the same bits only where bytes are made floats too. */
static void check(const struct world *world, struct network *network, bool as_floats)
{
    int others = 0;
    const struct evaluation a = evaluate(world, world->from_bytes, network);
    const struct evaluation b = evaluate(world, world->from_floats, network);
    for (int i = 0; i < COUNT * CLASSES; i++) {
        assert_true(fabsf(a.logits[i] - b.logits[i]) <= 1e-5f * (1 + fabsf(b.logits[i])));
        others += a.logits[i] != b.logits[i];
    }
    assert_int_equal(others == 0, as_floats);
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs(a.losses[i] - b.losses[i]) <= 1e-5 * (1 + b.losses[i]));
    assert_true(fabs(a.mean_loss - b.mean_loss) <= 1e-6 * (1 + b.mean_loss));
}

static bool takes_bytes(const struct world *world, int outputs)
{
    return evaluator_room(COUNT, &world->bytes.dataset->shape, false, outputs) > 0;
}

static void bytes_give_what_floats_give(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    static const int64_t widths[] = {20, 1, 33, 60, 61, 0};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct network *network = make_network(widths[w], seed);
            check(&world, network, !takes_bytes(&world, widths[w] == 0 ? CLASSES : (int)widths[w]));
            network_destroy(&network);
        }
    free_world(&world);
}

static void weights_that_change_are_seen(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    struct network *network = make_network(20, 0);
    const bool as_floats = !takes_bytes(&world, 20);
    check(&world, network, as_floats);
    for (int i = 0; i < 20 * FEATURES; i++)
        network_parameters(network)[i] *= 1.5f;
    check(&world, network, as_floats);
    network_parameters(network)[7] = 1e6f; /* beyond what 24 bits for all of an output's weights can hold */
    check(&world, network, true);
    network_parameters(network)[7] = 0;
    check(&world, network, as_floats);
    network_destroy(&network);
    free_world(&world);
}

static void weights_that_are_not_finite_are_found(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    struct network *network = make_network(20, 0);
    struct evaluation evaluation;
    network_parameters(network)[7] = NAN;
    assert_int_equal(evaluator_run(world.from_bytes, network, &world.train.loss, NULL, &evaluation, NULL),
                     STATUS_DIVERGED);
    network_destroy(&network);
    free_world(&world);
}

static void the_room_is_as_foretold(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    static const int64_t widths[] = {61, 20, 33, 5};
    int64_t most = 0;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct network *network = make_network(widths[w], 0);
        const int64_t before = memory_in_use();
        const int64_t kept = most;
        const size_t room = evaluator_room(COUNT, &world.bytes.dataset->shape, false, (int)widths[w]);
        const int64_t block = room == 0 ? 0 : (int64_t)(room + LINE - 1) / LINE * LINE + LINE;
        evaluate(&world, world.from_bytes, network);
        most = block > most ? block : most;
        assert_int_equal(memory_in_use() - before, most - kept);
        network_destroy(&network);
    }
    free_world(&world);
}

static void only_many_bytes_have_room(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    const struct dataset_shape *const bytes = &world.bytes.dataset->shape;
    assert_int_equal(evaluator_room(COUNT, &world.floats.dataset->shape, false, 20), 0);
    assert_int_equal(evaluator_room(COUNT, bytes, true, 20), 0);
    assert_int_equal(evaluator_room(100, bytes, false, 20), 0);
    assert_int_equal(evaluator_room(COUNT, bytes, false, 0), 0);
    assert_int_equal(evaluator_room(COUNT, bytes, false, FEATURES + 1), 0);
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_give_what_floats_give),
        cmocka_unit_test(weights_that_change_are_seen),
        cmocka_unit_test(weights_that_are_not_finite_are_found),
        cmocka_unit_test(the_room_is_as_foretold),
        cmocka_unit_test(only_many_bytes_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
