/* Fifty full-batch steps of small convolutional networks end where PyTorch ends: weights, running statistics, and the
 * outputs in evaluation mode. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../golden/networks.h"

#include "../../golden/full_batch.h"
#include "base/memory.h"
#include "network/build.h"
#include "network/models.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const double TOLERANCE = 1e-5;

static void must(enum status status)
{
    assert_int_equal(status, STATUS_OK);
}

static void convolution(struct layer_list *list, struct convolution_part part)
{
    must(add_convolution(list, &part, NULL));
}

static void batch_norm(struct layer_list *list, const char *activation)
{
    const struct batch_norm_settings norm = {
        .momentum = 0.1, .epsilon = 1e-5, .activation = kind_find(&activation_table, activation)};
    must(layer_list_add(list, &layer_batch_norm, &norm, sizeof norm, NULL));
}

static void strided(struct layer_list *list)
{
    convolution(list, (struct convolution_part){5, 3, 2, 1, true, false, "gelu"});
    convolution(list, (struct convolution_part){4, 2, 1, 1, false, false, "sigmoid"});
    must(add_max_pool(list, 3, 2, 1, NULL));
}

static void pooled(struct layer_list *list)
{
    convolution(list, (struct convolution_part){3, 5, 1, 2, true, false, "leaky_relu"});
    must(add_average_pool(list, 3, 2, 1, NULL));
    convolution(list, (struct convolution_part){4, 1, 1, 0, true, false, "tanh"});
    must(add_max_pool(list, 2, 2, 0, NULL));
}

static void normalised(struct layer_list *list)
{
    convolution(list, (struct convolution_part){4, 3, 1, 1, false, true, "relu"});
    must(add_max_pool(list, 2, 2, 0, NULL));
    must(add_dense(list, 5, "linear", NULL));
    batch_norm(list, "tanh");
}

static void residual(struct layer_list *list)
{
    convolution(list, (struct convolution_part){3, 3, 1, 1, false, true, "relu"});
    must(add_residual(list, &(struct residual_part){.channels = 3, .stride = 1, .batch_norm = true}, NULL));
    must(add_residual(list, &(struct residual_part){.channels = 4, .stride = 2, .batch_norm = true}, NULL));
    must(add_residual(list, &(struct residual_part){.channels = 5, .stride = 2, .projects = true, .batch_norm = true},
                      NULL));
    must(layer_list_add(list, &layer_global_average_pool, NULL, 0, NULL));
}

static void branched(struct layer_list *list)
{
    convolution(list, (struct convolution_part){3, 1, 1, 0, true, true, "relu"});
    convolution(list, (struct convolution_part){4, 3, 1, 1, true, true, "relu"});
    layer_list_rewire(list, 2, 0);
    must(layer_list_add(list, &layer_concatenate, NULL, 0, NULL));
    layer_list_inputs(list, 2, (const int[]){2, 4});
    must(add_average_pool(list, 6, 6, 0, NULL));
}

static const struct {
    const char *name;
    void (*expand)(struct layer_list *list);
} builders[] = {{"strided", strided},
                {"pooled", pooled},
                {"normalised", normalised},
                {"residual", residual},
                {"branched", branched}};

static struct network *build(const char *name)
{
    struct layer_list list = {0};
    struct network *network = NULL;
    struct error error;
    const struct choice init = choice_of(&initialisation_table, "he");
    for (size_t i = 0; i < sizeof builders / sizeof *builders; i++)
        if (strcmp(builders[i].name, name) == 0)
            builders[i].expand(&list);
    must(add_dense(&list, GOLDEN_CLASSES, "linear", NULL));
    const struct shape shape = {GOLDEN_SIDE, GOLDEN_SIDE, GOLDEN_CHANNELS};
    if (network_build(&list, &init, shape, 256, &network, &error) != STATUS_OK)
        fail_msg("%s: %s", name, error.text);
    network_initialise(network, 0);
    return network;
}

static struct samples golden_samples(void)
{
    struct samples samples =
        toy_samples(GOLDEN_SAMPLES, (int)(sizeof golden_x / sizeof *golden_x) / GOLDEN_SAMPLES, GOLDEN_CLASSES, 0, 0);
    struct dataset *const dataset = (struct dataset *)(uintptr_t)samples.dataset;
    memcpy(dataset_values(dataset, PART_TRAIN), golden_x, sizeof golden_x);
    return samples;
}

static double distance(int count, const float *found, const float *expected)
{
    double difference = 0, size = 0;
    for (int i = 0; i < count; i++) {
        difference += pow((double)found[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    return sqrt(difference / size);
}

static void check(const struct golden_network *golden, const char *what, int count, const float *found,
                  const float *expected)
{
    const double away = distance(count, found, expected);
    if (!(away < TOLERANCE))
        fail_msg("%s: %s are %g away", golden->name, what, away);
}

static void networks_end_where_pytorch_ends(void **state)
{
    (void)state;
    struct samples samples = golden_samples();
    for (size_t i = 0; i < sizeof golden_networks / sizeof *golden_networks; i++) {
        const struct golden_network *const golden = &golden_networks[i];
        const int states = golden->numbers - golden->parameters;
        struct network *network = build(golden->name);
        float *const block = network_parameters(network);
        assert_int_equal(network_parameter_count(network), golden->parameters);
        assert_int_equal(network_state_count(network), states);
        if (states > 0)
            check(golden, "fresh running statistics", states, block + golden->parameters,
                  golden->start + golden->parameters);
        memcpy(block, golden->start, sizeof *block * (size_t)golden->numbers);
        must(train_full_batch(network, &samples, GOLDEN_SAMPLES, GOLDEN_STEPS));
        check(golden, "weights", golden->parameters, block, golden->end);
        if (states > 0)
            check(golden, "running statistics", states, block + golden->parameters, golden->end + golden->parameters);
        const float *const logits = network_forward(network, golden_x, GOLDEN_SAMPLES, PASS_EVALUATE);
        check(golden, "outputs", GOLDEN_SAMPLES * GOLDEN_CLASSES, logits, golden->logits);
        network_destroy(&network);
    }
    toy_samples_free(&samples);
}

/* All samples in one block: the statistics of the first layer are those of one batch, whatever they were before. */
static void running_statistics_are_made_anew_from_given_data(void **state)
{
    (void)state;
    struct samples samples = golden_samples();
    struct evaluator *evaluator = NULL;
    struct network *network = build("normalised");
    float *const states = network_parameters(network) + network_parameter_count(network);
    float once[4], again[4];
    must(evaluator_create(&samples, GOLDEN_CLASSES, &evaluator, NULL));
    must(evaluator_estimate(evaluator, network, NULL, NULL));
    memcpy(once, states, sizeof once);
    states[0] += 5;
    must(evaluator_estimate(evaluator, network, NULL, NULL));
    memcpy(again, states, sizeof again);
    for (int c = 0; c < 4; c++) {
        network_forward(network, golden_x, GOLDEN_SAMPLES, PASS_TRAIN);
        assert_true(fabsf(once[c] - again[c]) < 1e-6f);
        assert_true(fabsf(states[c] - once[c]) < 1e-6f);
    }
    evaluator_destroy(&evaluator);
    network_destroy(&network);
    toy_samples_free(&samples);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_end_where_pytorch_ends),
        cmocka_unit_test(running_statistics_are_made_anew_from_given_data),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
