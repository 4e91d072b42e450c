/* What margins are divided by: singular values against closed forms, and what rescaled weights leave as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "metrics/margin_scales.h"
#include "metrics/metrics.h"
#include "metrics/spectral.h"
#include "network/activation.h"
#include "network/build.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "seedbed/random.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { SIZE = 48, COUNT = 90, CLASSES = 3, COLUMNS_MAX = 96 };

static struct network *build(struct layer_list *list, struct shape input, int max_batch)
{
    struct network *network = NULL;
    struct error error;
    const struct choice init = choice_of(&initialisation_table, "he");
    if (network_build(list, &init, input, max_batch, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(network, 3);
    return network;
}

static void add_dense_layer(struct layer_list *list, int units, const char *activation)
{
    const struct dense_settings dense = {.units = units, .activation = kind_find(&activation_table, activation)};
    assert_int_equal(layer_list_add(list, &layer_dense, &dense, sizeof dense, NULL), STATUS_OK);
}

/* (I - 2 u u^T) diag(values), u of length 1: the singular values are those on the diagonal. */
static double norm_of_reflected(const double *values)
{
    struct layer_list list = {0};
    double u[SIZE], squares = 0, found = 0;
    struct random random = random_start(STREAM_DATA, 1, 0);
    for (int i = 0; i < SIZE; i++) {
        u[i] = random_normal(&random);
        squares += u[i] * u[i];
    }
    add_dense_layer(&list, SIZE, "relu");
    struct network *network = build(&list, (struct shape){1, 1, SIZE}, 1);
    float *const weight = network_parameters(network);
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            weight[i * SIZE + j] = (float)(((i == j) - 2 * u[i] * u[j] / squares) * values[j]);
    assert_int_equal(spectral_norm(network, 0, NULL, &found, NULL), STATUS_OK);
    network_destroy(&network);
    return found;
}

static void the_largest_singular_value_is_found_however_close_the_next_one_is(void **state)
{
    (void)state;
    for (double gap = 1e-6; gap < 1; gap *= 10) {
        double values[SIZE];
        for (int i = 0; i < SIZE; i++)
            values[i] = 3 * (1 - gap * i / SIZE);
        assert_true(fabs(norm_of_reflected(values) / 3 - 1) < 2e-6);
    }
}

static void maps_of_low_rank_have_their_norms(void **state)
{
    (void)state;
    double values[SIZE] = {0};
    assert_true(norm_of_reflected(values) == 0);
    values[5] = 0.25;
    assert_true(fabs(norm_of_reflected(values) - 0.25) < 1e-6);
    values[17] = 1e4;
    assert_true(fabs(norm_of_reflected(values) - 1e4) < 1e-2);
}

/* A kernel of ones over a wide image with padding: all pixels equal gives nearly the nine-fold. */
static void a_convolutions_norm_is_that_of_its_map_on_the_image(void **state)
{
    (void)state;
    struct layer_list list = {0};
    double found = 0;
    const struct convolution_settings settings = {
        .channels = 1, .kernel = 3, .stride = 1, .padding = 1, .activation = kind_find(&activation_table, "relu")};
    assert_int_equal(layer_list_add(&list, &layer_convolution, &settings, sizeof settings, NULL), STATUS_OK);
    struct network *network = build(&list, (struct shape){20, 20, 1}, 1);
    for (int i = 0; i < 9; i++)
        network_parameters(network)[i] = 1;
    assert_int_equal(spectral_norm(network, 0, NULL, &found, NULL), STATUS_OK);
    /* The kernel's rows and columns part; each has the largest eigenvalue 1 + 2 cos(pi / 21) on 20 pixels. */
    const double side = 1 + 2 * cos(acos(-1.0) / 21);
    assert_true(fabs(found / (side * side) - 1) < 1e-6);
    network_destroy(&network);
}

static void the_runner_up_is_the_first_of_the_highest_others(void **state)
{
    (void)state;
    const float z[] = {1, 4, 4, -2};
    assert_int_equal(runner_up(4, z, 0), 1);
    assert_int_equal(runner_up(4, z, 1), 2);
    assert_int_equal(runner_up(4, z, 2), 1);
    assert_int_equal(runner_up(2, z, 1), 0);
}

static float normalised[COLUMNS_MAX][COUNT];
static double numbers[COLUMNS_MAX];

static void measure(struct network *network, const struct samples *samples)
{
    struct choice metric = choice_of(&metric_table, "margins");
    choice_names(&metric, "normalise", 1, (const char *const[]){"all"});
    const struct metric_ops *const ops = (const struct metric_ops *)(const void *)metric.kind;
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    struct evaluator *evaluator = NULL;
    struct evaluation part;
    void *row[COLUMNS_MAX];
    assert_int_equal(evaluator_create(samples, CLASSES, &evaluator, NULL), STATUS_OK);
    assert_int_equal(evaluator_run(evaluator, network, &loss, NULL, &part, NULL), STATUS_OK);
    for (int c = 0; c < ops->column_count; c++)
        row[c] = ops->columns[c].type == COLUMN_FLOAT32 ? (void *)normalised[c] : (void *)&numbers[c];
    const struct measurement at = {.classes = CLASSES,
                                   .parts = {part},
                                   .tensor_count = network_tensor_count(network),
                                   .tensors = network_tensors(network),
                                   .network = network,
                                   .samples = samples};
    assert_int_equal(ops->measure(metric.settings, &at, NULL, row, NULL), STATUS_OK);
    evaluator_destroy(&evaluator);
}

/* Without biases a relu network's logits grow with each layer's weights, and so do all norms. */
static void margins_over_rho_do_not_change_when_weights_are_rescaled(void **state)
{
    (void)state;
    struct layer_list list = {0};
    float before[SCALE_COUNT][COUNT];
    struct samples samples = toy_samples(COUNT, 6, CLASSES, 1.0, 4);
    add_dense_layer(&list, 24, "relu");
    add_dense_layer(&list, 16, "relu");
    add_dense_layer(&list, CLASSES, "linear");
    struct network *network = build(&list, (struct shape){1, 6, 1}, 32);
    measure(network, &samples);
    memcpy(before, normalised, sizeof before);
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        network_parameters(network)[i] *= i < 6 * 24 ? 7.3f : 0.11f;
    measure(network, &samples);
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabsf(normalised[SCALE_NONE][i] - before[SCALE_NONE][i]) > 0.5f * fabsf(before[SCALE_NONE][i]));
        for (int scale = SCALE_FROBENIUS; scale < SCALE_COUNT; scale++)
            if (scale != SCALE_LAST_LAYER)
                assert_true(fabsf(normalised[scale][i] - before[scale][i]) <= 2e-5f * fabsf(before[scale][i]) + 1e-6f);
    }
    network_destroy(&network);
    toy_samples_free(&samples);
}

/* A network that is dead at every input: margins are 0, their gradients have no length. */
static void samples_without_a_gradient_are_left_out(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct samples samples = toy_samples(COUNT, 6, CLASSES, 1.0, 4);
    add_dense_layer(&list, 4, "relu");
    add_dense_layer(&list, CLASSES, "linear");
    struct network *network = build(&list, (struct shape){1, 6, 1}, 32);
    memset(network_parameters(network), 0, 4 * 6 * sizeof(float));
    measure(network, &samples);
    for (int i = 0; i < COUNT; i++)
        assert_true(normalised[SCALE_NONE][i] == 0 && isnan(normalised[SCALE_INPUT_GRADIENT][i]));
    assert_true(isnan(numbers[SCALE_COUNT + SCALE_INPUT_GRADIENT]));
    network_destroy(&network);
    toy_samples_free(&samples);
}

static int set_up(void **state)
{
    (void)state;
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
        cmocka_unit_test(the_largest_singular_value_is_found_however_close_the_next_one_is),
        cmocka_unit_test(maps_of_low_rank_have_their_norms),
        cmocka_unit_test(a_convolutions_norm_is_that_of_its_map_on_the_image),
        cmocka_unit_test(the_runner_up_is_the_first_of_the_highest_others),
        cmocka_unit_test(margins_over_rho_do_not_change_when_weights_are_rescaled),
        cmocka_unit_test(samples_without_a_gradient_are_left_out),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
