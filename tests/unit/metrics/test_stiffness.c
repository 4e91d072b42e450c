/* Stiffness of cases made by hand, of scaled losses, and of a network that is sure beyond the reach of float32. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "kernels/blas.h"
#include "kernels/reduce.h"
#include "metrics/metrics.h"
#include "metrics/stiffness.h"
#include "network/network.h"
#include "network/sample_gradients.h"
#include "settings.h"
#include "toy_samples.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

/* Two samples of class 0, two of class 1; gradients (1, 0), (1, 1), (-1, 0.5), (0, 1). */
enum { HAND = 4, CLASSES = 2 };
static const double hand_products[HAND * HAND] = {1, 1, -1, 0, 1, 2, -0.5, 1, -1, -0.5, 1.25, 0.5, 0, 1, 0.5, 1};
static const int16_t hand_labels[HAND] = {0, 0, 1, 1};

static struct pairs hand_pairs(struct chosen *chosen, struct gram *gram, double *lengths, const double *scales)
{
    *chosen = (struct chosen){.count = HAND, .train_count = HAND, .labels = (int16_t *)(uintptr_t)hand_labels};
    *gram = (struct gram){
        .count = HAND, .products = (double *)(uintptr_t)hand_products, .scales = (double *)(uintptr_t)scales};
    for (int i = 0; i < HAND; i++)
        lengths[i] = 1 / sqrt(hand_products[i * HAND + i]);
    return (struct pairs){.chosen = chosen,
                          .gram = gram,
                          .lengths = lengths,
                          .classes = CLASSES,
                          .rows = {.end = HAND},
                          .columns = {.end = HAND}};
}

static void expect(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-7))
        fail_msg("%.12g found, %.12g expected", found, wanted);
}

static void a_case_made_by_hand_has_its_class_means(void **state)
{
    (void)state;
    static const double ones[HAND] = {1, 1, 1, 1};
    struct chosen chosen;
    struct gram gram;
    struct stiffness_means means;
    double lengths[HAND], room[5 * CLASSES * CLASSES];
    float sign[CLASSES * CLASSES], cosine[CLASSES * CLASSES];
    float *const matrix[] = {sign, cosine};
    const struct pairs pairs = hand_pairs(&chosen, &gram, lengths, ones);
    stiffness_of_classes(&pairs, (const int64_t[]){7, 7}, 2, room, matrix, &means);
    expect((double)sign[0], 1);
    expect((double)sign[1], -0.25);
    expect((double)sign[2], -0.25);
    expect((double)sign[3], 1);
    const double across = (-1 / sqrt(1.25) - 0.5 / sqrt(2.5) + 1 / sqrt(2)) / 4;
    expect((double)cosine[0], 1 / sqrt(2));
    expect((double)cosine[1], across);
    expect(means.within[AGREE_SIGN], 1);
    expect(means.between[AGREE_SIGN], -0.25);
    expect(means.between[AGREE_COSINE], across);
    expect(means.same_super[AGREE_SIGN], -0.25);
    assert_true(isnan(means.other_super[AGREE_SIGN]));
    expect(means.all[AGREE_SIGN], (1 * 4 - 1 * 2) / 12.0);
    expect(means.zero_share, 2 / 12.0);
}

static void what_float32_loses_is_counted(void **state)
{
    (void)state;
    static const double scales[HAND] = {1, 1e-30, 1e-30, 1e-200};
    struct chosen chosen;
    struct gram gram;
    struct stiffness_means means;
    double lengths[HAND], room[5 * CLASSES * CLASSES];
    float sign[CLASSES * CLASSES], cosine[CLASSES * CLASSES];
    float *const matrix[] = {sign, cosine};
    const struct pairs pairs = hand_pairs(&chosen, &gram, lengths, scales);
    stiffness_of_classes(&pairs, NULL, 0, room, matrix, &means);
    /* Left are (0, 1) and (0, 2), each both ways. */
    expect(means.zero_share, 8 / 12.0);
    expect(means.naive_within, 0.5);
    expect(means.naive_between, -0.25);
    expect(means.within[AGREE_SIGN], 1);
    assert_true(isnan(means.same_super[AGREE_SIGN]));
}

static void distance_curves_of_a_case_made_by_hand_are_right(void **state)
{
    (void)state;
    static const double ones[HAND] = {1, 1, 1, 1};
    /* Distances: 0-1 0.1, 0-2 0.5, 0-3 0.7, 1-2 0.5, 1-3 0.3, 2-3 0.9 */
    static const float cosines[HAND * HAND] = {1,    0.9f, 0.5f, 0.3f, 0.9f, 1,    0.5f, 0.7f,
                                               0.5f, 0.5f, 1,    0.1f, 0.3f, 0.7f, 0.1f, 1};
    static const double edges[] = {0, 0.2, 0.4, 0.6, 0.8};
    enum { BINS = 4 };
    struct chosen chosen;
    struct gram gram;
    double lengths[HAND], all[2][BINS], within[2][BINS];
    int64_t count[BINS], within_count[BINS];
    const struct pairs pairs = hand_pairs(&chosen, &gram, lengths, ones);
    struct distance_curve curve = {
        .all = {all[0], all[1]}, .within = {within[0], within[1]}, .count = count, .within_count = within_count};
    stiffness_by_distance(&pairs, cosines, BINS, edges, &curve);
    assert_memory_equal(count, ((const int64_t[BINS]){2, 2, 4, 2}), sizeof count);
    assert_memory_equal(within_count, ((const int64_t[BINS]){2, 0, 0, 0}), sizeof within_count);
    expect(all[AGREE_SIGN][0], 1);
    expect(all[AGREE_SIGN][1], 1);
    expect(all[AGREE_SIGN][2], -1);
    expect(all[AGREE_SIGN][3], 0);
    expect(within[AGREE_COSINE][0], 1 / sqrt(2));
    assert_true(isnan(within[AGREE_SIGN][1]));
    expect(curve.crossing, 0.4); /* halfway between the centres 0.3 and 0.5 */
    assert_true(isnan(curve.within_crossing));
    expect(curve.slope, 0); /* the pairs of one class, at 0.1 and 0.9, are both positive */
    expect(curve.intercept, 1);
    assert_true(isnan(curve.length));
}

static enum status go_on(void *context, struct error *error)
{
    (void)context, (void)error;
    return STATUS_OK;
}

enum { TOYS = 90, FEATURES = 12, TOY_CLASSES = 3 };

struct world {
    struct samples parts[PART_COUNT];
    struct network *network;
    struct choice loss;
    struct measurement at;
    struct chosen chosen;
};

static const struct yield nobody = {.call = go_on};

static void world_begin(struct world *world, const char *model_text, struct shape shape, int samples)
{
    struct model_config model;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, model_text);
    assert_int_equal(network_create(&model, shape, TOY_CLASSES, 16, &world->network, NULL), STATUS_OK);
    network_initialise(world->network, 1);
    for (int part = 0; part < PART_COUNT; part++)
        world->parts[part] = toy_samples(TOYS, shape.height * shape.width, TOY_CLASSES, 1, (uint64_t)part);
    world->loss = choice_of(&loss_table, "cross_entropy");
    world->at = (struct measurement){.classes = TOY_CLASSES,
                                     .parameter_count = network_parameter_count(world->network),
                                     .network = world->network,
                                     .samples = world->parts,
                                     .loss = &world->loss,
                                     .yield = &nobody};
    assert_int_equal(chosen_draw(&world->at, samples, true, &world->chosen, NULL), STATUS_OK);
}

static void small_world_begin(struct world *world)
{
    world_begin(world, "mlp hidden=[16] activation=tanh", (struct shape){1, FEATURES, 1}, 30);
}

/* Outputs are a thousand times as large as at the start, and every label is what the network predicts. */
static void make_sure(struct world *world)
{
    float *const parameters = network_parameters(world->network);
    for (int64_t i = 16 * (FEATURES + 1); i < network_parameter_count(world->network); i++)
        parameters[i] *= 1000;
    for (int i = 0; i < world->chosen.count; i++) {
        float *const x = network_input(world->network);
        samples_gather(&world->parts[chosen_part(&world->chosen, i)], world->chosen.position + i, 0, 1, x);
        const float *const z = network_forward(world->network, x, 1, PASS_EVALUATE);
        world->chosen.labels[i] = (int16_t)first_maximum(TOY_CLASSES, z);
    }
}

static void world_end(struct world *world)
{
    chosen_free(&world->chosen);
    network_destroy(&world->network);
    for (int part = 0; part < PART_COUNT; part++)
        toy_samples_free(&world->parts[part]);
}

/* The float32 product of two samples' gradients as one would compute it without care. */
static float product_without_care(const struct world *world, int i, int j)
{
    static float first[1 << 10];
    const int64_t count = network_parameter_count(world->network);
    assert_true(count <= 1 << 10);
    for (int turn = 0; turn < 2; turn++) {
        const int sample = turn == 0 ? i : j;
        float dlogits[TOY_CLASSES], *const x = network_input(world->network);
        samples_gather(&world->parts[chosen_part(&world->chosen, sample)], world->chosen.position + sample, 0, 1, x);
        const float *const z = network_forward(world->network, x, 1, PASS_DIFFERENTIATE);
        ((const struct loss_ops *)world->loss.kind)
            ->gradient(NULL, 1, TOY_CLASSES, z, &world->chosen.labels[sample], 1.0f, dlogits);
        network_backward(world->network, dlogits, 1);
        if (turn == 0)
            memcpy(first, network_gradient(world->network), (size_t)count * sizeof *first);
    }
    float sum = 0;
    for (int64_t p = 0; p < count; p++)
        sum += first[p] * network_gradient(world->network)[p];
    return sum;
}

static void a_network_that_is_sure_has_no_zero_but_where_nobody_takes_care(void **state)
{
    (void)state;
    struct world world = {0};
    struct gram gram;
    small_world_begin(&world);
    make_sure(&world);
    assert_int_equal(gram_compute(&world.at, &world.chosen, &gram, NULL, NULL), STATUS_OK);
    int careless_zeros = 0, agreeing = 0, pairs = 0;
    const int flushed = flush_subnormals(1);
    for (int i = 0; i < gram.count; i++)
        for (int j = 0; j < i; j++) {
            const double product = gram.products[i * gram.count + j];
            const float careless = product_without_care(&world, i, j);
            const double predicted = product * gram.scales[i] * gram.scales[j];
            if (!(isfinite(product) && product != 0))
                fail_msg("the product of samples %d and %d is %g", i, j, product);
            careless_zeros += careless == 0;
            agreeing += (careless == 0) == (fabs(predicted) < (double)FLT_MIN);
            pairs++;
        }
    flush_subnormals(flushed);
    assert_true(careless_zeros > pairs / 2);
    assert_true(agreeing > pairs * 95 / 100);
    int beyond = 0;
    for (int i = 0; i < gram.count; i++)
        beyond += gram.scales[i] < exp(-200);
    assert_true(beyond > gram.count / 4);
    gram_free(&gram);
    world_end(&world);
}

/* Scaling a loss scales what is left of its gradient when the direction is taken out. */
static void directions_do_not_depend_on_the_size_of_the_loss(void **state)
{
    (void)state;
    struct world plain = {0}, scaled = {0};
    struct gram first, second;
    small_world_begin(&plain);
    small_world_begin(&scaled);
    plain.loss = choice_spelled(&loss_table, "sce alpha=1 beta=0");
    scaled.loss = choice_spelled(&loss_table, "sce alpha=4 beta=0");
    assert_int_equal(gram_compute(&plain.at, &plain.chosen, &first, NULL, NULL), STATUS_OK);
    assert_int_equal(gram_compute(&scaled.at, &scaled.chosen, &second, NULL, NULL), STATUS_OK);
    assert_memory_equal(first.products, second.products, sizeof(double) * (size_t)first.count * (size_t)first.count);
    for (int i = 0; i < first.count; i++)
        expect(second.scales[i] / first.scales[i], 4);
    gram_free(&first);
    gram_free(&second);
    world_end(&plain);
    world_end(&scaled);
}

/* Rows of 172 samples at once, which the metric is not given so much memory for. */
static void find_at_once(const struct world *world, const struct gram *gram, double *products, double *sums,
                         double *squares)
{
    enum { BLOCK = 16 };
    struct sample_gradients *rows = NULL;
    const struct chosen *const chosen = &world->chosen;
    const int count = chosen->count, train = chosen->train_count;
    assert_true(sample_gradients_bytes(world->network) * (size_t)count > (size_t)256 << 20);
    assert_int_equal(sample_gradients_create(world->network, count, &rows, NULL), STATUS_OK);
    for (int i = 0, n; i < count; i += n) {
        double scales[BLOCK];
        float dlogits[BLOCK * TOY_CLASSES], *const x = network_input(world->network);
        const int end = i < train ? train : count;
        n = end - i < BLOCK ? end - i : BLOCK;
        samples_gather(&world->parts[chosen_part(chosen, i)], chosen->position + i, 0, n, x);
        const float *const z = network_forward(world->network, x, n, PASS_DIFFERENTIATE);
        loss_direction(&world->loss, n, TOY_CLASSES, z, chosen->labels + i, scales, dlogits);
        sample_gradients_add(rows, world->network, dlogits, n);
    }
    sample_gradients_products(rows, rows, products, (size_t)count);
    double weights[200], largest = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, gram->scales[i]);
    for (int i = 0; i < count; i++)
        weights[i] = gram->scales[i] / largest;
    sample_gradients_moments(rows, weights, sums, squares);
    sample_gradients_destroy(&rows);
}

static void expect_all_near(int64_t count, const double *found, const double *wanted, const char *what)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs(found[i] - wanted[i]));
        largest = fmax(largest, fabs(wanted[i]));
    }
    if (!(largest > 0 && worst <= 1e-5 * largest))
        fail_msg("%s: off by %g of %g", what, worst, largest);
}

static void samples_that_do_not_fit_into_memory_are_taken_block_by_block(void **state)
{
    (void)state;
    struct world world = {0};
    struct gram gram;
    struct gram_moments moments;
    world_begin(&world, "cnn channels=[64,256] kernel=5", (struct shape){4, 4, 1}, 86);
    const int64_t count = world.chosen.count, parameters = network_parameter_count(world.network);
    assert_int_equal(count, 172);
    double *const products = calloc((size_t)(count * count), sizeof *products);
    double *const sums = calloc((size_t)parameters, sizeof *sums);
    double *const squares = calloc((size_t)parameters, sizeof *squares);
    assert_int_equal(gram_compute(&world.at, &world.chosen, &gram, &moments, NULL), STATUS_OK);
    find_at_once(&world, &gram, products, sums, squares);
    expect_all_near(count * count, gram.products, products, "products");
    expect_all_near(parameters, moments.sums, sums, "sums");
    expect_all_near(parameters, moments.squares, squares, "squares");
    free(products);
    free(sums);
    free(squares);
    gram_free(&gram);
    gram_moments_free(&moments);
    world_end(&world);
}

/* Of two tensors, one of gradients of size 1, one of size 1e-9. */
static void gradients_that_are_but_rounding_are_no_signal(void **state)
{
    (void)state;
    static const struct tensor_spec tensors[] = {{.rank = 2, .dimensions = {2, 2}},
                                                 {.role = TENSOR_BIAS, .rank = 1, .dimensions = {2}},
                                                 {.role = TENSOR_STATE, .rank = 1, .dimensions = {1}}};
    /* Four samples: means 1, 0.5, 1e-7, 0; 1e-9, 0. */
    double sums[] = {4, 2, 4e-7, 0, 4e-9, 0}, squares[] = {8, 5, 4.1e-14, 0, 12e-18, 4e-18};
    const struct gram_moments moments = {.sums = sums, .squares = squares};
    expect(gram_signal_to_noise(&moments, 4, 3, tensors), (1 + 0.25 + 0.5 + 0) / 4);
    squares[2] = 4e-6; /* not so small: 1e-3 of the others */
    expect(gram_signal_to_noise(&moments, 4, 3, tensors), (1 + 0.25 + 1e-8 + 0.5 + 0) / 5);
    memset(squares, 0, sizeof squares);
    assert_true(isnan(gram_signal_to_noise(&moments, 4, 3, tensors)));
}

static void the_choice_is_balanced_and_does_not_depend_on_how_many_there_are(void **state)
{
    (void)state;
    struct world world = {0};
    struct chosen few;
    small_world_begin(&world);
    assert_int_equal(chosen_draw(&world.at, 9, false, &few, NULL), STATUS_OK);
    int counts[TOY_CLASSES] = {0}, found = 0;
    assert_int_equal(few.count, 9);
    for (int i = 0; i < few.count; i++) {
        counts[few.labels[i]]++;
        assert_true(i == 0 || few.position[i] > few.position[i - 1]);
        for (int j = 0; j < world.chosen.train_count; j++)
            found += world.chosen.position[j] == few.position[i];
    }
    assert_int_equal(found, few.count);
    for (int class = 0; class < TOY_CLASSES; class ++)
        assert_int_equal(counts[class], 3);
    chosen_free(&few);
    world_end(&world);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_made_by_hand_has_its_class_means),
        cmocka_unit_test(what_float32_loses_is_counted),
        cmocka_unit_test(distance_curves_of_a_case_made_by_hand_are_right),
        cmocka_unit_test(a_network_that_is_sure_has_no_zero_but_where_nobody_takes_care),
        cmocka_unit_test(directions_do_not_depend_on_the_size_of_the_loss),
        cmocka_unit_test(samples_that_do_not_fit_into_memory_are_taken_block_by_block),
        cmocka_unit_test(gradients_that_are_but_rounding_are_no_signal),
        cmocka_unit_test(the_choice_is_balanced_and_does_not_depend_on_how_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
