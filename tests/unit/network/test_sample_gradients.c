/* Products and moments of single samples' gradients against their naive twin: one backward pass a sample, the gradient
 * as a vector, sums in double. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/build.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "network/sample_gradients.h"
#include "seedbed/random.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct layer_ops layer_scale; /* of tests/plugins */

enum { BATCH = 9, SAMPLES = 21, MANY = 140, SIDE = 12, CLASSES = 4, ROOM = 1 << 17 };
static const double TOLERANCE = 1e-5; /* of the product of two gradients' norms */

static float inputs[MANY * SIDE * SIDE];
static float slopes[MANY * CLASSES]; /* of the loss with respect to the logits */
static float gradients[MANY][ROOM];
static double expected[MANY][MANY], found[MANY][MANY];

static void forward_some(struct network *network, int first, int n, float *dlogits)
{
    network_forward(network, inputs + (size_t)first * SIDE * SIDE, n, PASS_DIFFERENTIATE);
    memcpy(dlogits, slopes + (size_t)first * CLASSES, sizeof(float) * (size_t)n * CLASSES);
}

static void find_naively(struct network *network, int count)
{
    const int64_t parameters = network_parameter_count(network);
    assert_true(parameters <= ROOM);
    for (int i = 0; i < count; i++) {
        float dlogits[CLASSES];
        forward_some(network, i, 1, dlogits);
        network_backward(network, dlogits, 1);
        memcpy(gradients[i], network_gradient(network), sizeof(float) * (size_t)parameters);
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            expected[i][j] = 0;
            for (int64_t p = 0; p < parameters; p++)
                expected[i][j] += (double)gradients[i][p] * (double)gradients[j][p];
        }
}

static struct sample_gradients *rows_of(struct network *network, int first, int count)
{
    static float dlogits[MANY * CLASSES];
    struct sample_gradients *rows = NULL;
    const int block = network_max_batch(network);
    assert_int_equal(sample_gradients_create(network, count, &rows, NULL), STATUS_OK);
    for (int at = 0; at < count; at += block) {
        const int n = count - at < block ? count - at : block;
        forward_some(network, first + at, n, dlogits);
        sample_gradients_add(rows, network, dlogits, n);
    }
    return rows;
}

static void check_products(int count, const char *what)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            const double off = fabs(found[i][j] - expected[i][j]) / sqrt(expected[i][i] * expected[j][j]);
            if (!(off < TOLERANCE))
                fail_msg("%s: the product of samples %d and %d is off by %g of their norms", what, i, j, off);
        }
}

/* All at once, and as two sets. */
static void check_network(struct network *network, int count, const char *what)
{
    const int cut = count / 3;
    find_naively(network, count);
    struct sample_gradients *all = rows_of(network, 0, count);
    sample_gradients_products(all, all, &found[0][0], MANY);
    check_products(count, what);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_memory_equal(&found[i][j], &found[j][i], sizeof(double));
    sample_gradients_destroy(&all);

    struct sample_gradients *first = rows_of(network, 0, cut), *second = rows_of(network, cut, count - cut);
    memset(found, 0, sizeof found);
    sample_gradients_products(first, first, &found[0][0], MANY);
    sample_gradients_products(second, second, &found[cut][cut], MANY);
    sample_gradients_products(first, second, &found[0][cut], MANY);
    sample_gradients_products(second, first, &found[cut][0], MANY);
    check_products(count, what);
    sample_gradients_destroy(&first);
    sample_gradients_destroy(&second);
}

/* Parameters are drawn, those with a fixed start too: nothing is right by accident of a zero bias. */
static void shake(struct network *network)
{
    float *const parameters = network_parameters(network);
    struct random random = random_start(STREAM_DATA, 9, 0);
    network_initialise(network, 3);
    const int64_t count = network_parameter_count(network), all = count + network_state_count(network);
    for (int64_t i = 0; i < all; i++)
        parameters[i] += (float)(i < count ? 0.1 * random_normal(&random) : 0.3 * random_uniform(&random));
}

static struct network *preset(const char *spelled, int max_batch)
{
    struct model_config model;
    struct network *network = NULL;
    struct error error;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, spelled);
    const struct shape shape = {SIDE, SIDE, 1};
    if (network_create(&model, shape, CLASSES, max_batch, &network, &error) != STATUS_OK)
        fail_msg("%s: %s", spelled, error.text);
    shake(network);
    return network;
}

static const char *const presets[] = {"mlp",
                                      "mlp activation=tanh",
                                      "cnn",
                                      "cnn batch_norm=true dropout=0.3 activation=gelu",
                                      "cnn pooling=average activation=sigmoid",
                                      "resnet depth=8",
                                      "resnet depth=8 shortcut=projection batch_norm=false"};

static void products_are_those_of_the_gradients_of_every_preset(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        struct network *network = preset(presets[i], BATCH);
        check_network(network, SAMPLES, presets[i]);
        network_destroy(&network);
    }
}

static void products_of_more_samples_than_a_tile_are_right(void **state)
{
    (void)state;
    struct network *network = preset("mlp hidden=[24]", MANY);
    check_network(network, MANY, "mlp");
    network_destroy(&network);
}

static void a_layer_without_a_way_of_its_own_is_taken_sample_by_sample(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct network *network = NULL;
    const struct convolution_settings first = {
        .channels = 3, .kernel = 3, .stride = 2, .padding = 1, .activation = kind_find(&activation_table, "tanh")};
    const struct dense_settings last = {.units = CLASSES, .activation = kind_find(&activation_table, "linear")};
    const struct choice init = choice_of(&initialisation_table, "he");
    assert_int_equal(layer_list_add(&list, &layer_convolution, &first, sizeof first, NULL), STATUS_OK);
    assert_int_equal(layer_list_add(&list, &layer_scale, NULL, 0, NULL), STATUS_OK);
    assert_int_equal(layer_list_add(&list, &layer_dense, &last, sizeof last, NULL), STATUS_OK);
    const struct shape shape = {SIDE, SIDE, 1};
    assert_int_equal(network_build(&list, &init, shape, BATCH, &network, NULL), STATUS_OK);
    shake(network);
    assert_null(layer_scale.backward_each);
    check_network(network, SAMPLES, "scale");
    network_destroy(&network);
}

static void expect_moment(double wanted, double size, double got, const char *what, int64_t parameter)
{
    if (!(fabs(got - wanted) <= 1e-5 * size))
        fail_msg("%s: moment of parameter %lld is %.9g, expected %.9g", what, (long long)parameter, got, wanted);
}

static void moments_are_those_of_the_gradients(void **state)
{
    (void)state;
    static double weights[SAMPLES], sums[ROOM], squares[ROOM];
    for (int i = 0; i < SAMPLES; i++)
        weights[i] = 1.0 / (1 + i);
    for (size_t k = 0; k < sizeof presets / sizeof *presets; k++) {
        struct network *network = preset(presets[k], BATCH);
        find_naively(network, SAMPLES);
        struct sample_gradients *rows = rows_of(network, 0, SAMPLES);
        memset(sums, 0, sizeof sums);
        memset(squares, 0, sizeof squares);
        sample_gradients_moments(rows, weights, sums, squares);
        double largest = 0;
        for (int64_t p = 0; p < network_parameter_count(network); p++)
            largest = fmax(largest, fabs((double)gradients[0][p]));
        for (int64_t p = 0; p < network_parameter_count(network); p++) {
            double sum = 0, square = 0;
            for (int i = 0; i < SAMPLES; i++) {
                const double g = weights[i] * (double)gradients[i][p];
                sum += g;
                square += g * g;
            }
            expect_moment(sum, largest, sums[p], presets[k], p);
            expect_moment(square, largest * largest, squares[p], presets[k], p);
        }
        sample_gradients_destroy(&rows);
        network_destroy(&network);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_DATA, 6, 0);
    for (int i = 0; i < MANY * SIDE * SIDE; i++)
        inputs[i] = (float)random_normal(&random);
    for (int i = 0; i < MANY * CLASSES; i++)
        slopes[i] = (float)random_normal(&random);
    return blas_setup() == 1 ? 0 : 1;
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_gradients_of_every_preset),
        cmocka_unit_test(products_of_more_samples_than_a_tile_are_right),
        cmocka_unit_test(a_layer_without_a_way_of_its_own_is_taken_sample_by_sample),
        cmocka_unit_test(moments_are_those_of_the_gradients),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
