/* What a weight tensor does by itself: batch normalisation folded in, as a network of one linear layer, and its depth.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "network/activation.h"
#include "network/build.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "seedbed/random.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIDE = 6, CHANNELS = 2, INPUTS = SIDE * SIDE * CHANNELS, OUT = 3, SAMPLES = 8 };
static float inputs[SAMPLES * INPUTS];

static void add(struct layer_list *list, const struct layer_ops *ops, const void *settings, size_t bytes)
{
    assert_int_equal(layer_list_add(list, ops, settings, bytes, NULL), STATUS_OK);
}

static const struct kind *linear(void)
{
    return kind_find(&activation_table, "linear");
}

static void add_convolution_layer(struct layer_list *list)
{
    const struct convolution_settings settings = {
        .channels = OUT, .kernel = 3, .stride = 2, .padding = 1, .bias = true, .activation = linear()};
    add(list, &layer_convolution, &settings, sizeof settings);
}

static void add_batch_norm(struct layer_list *list)
{
    const struct batch_norm_settings settings = {.momentum = 0.5, .epsilon = 1e-5, .activation = linear()};
    add(list, &layer_batch_norm, &settings, sizeof settings);
}

/* All parameters drawn, and running statistics that have seen data. */
static struct network *build(struct layer_list *list, int max_batch)
{
    struct network *network = NULL;
    struct error error;
    const struct choice init = choice_of(&initialisation_table, "uniform");
    const struct shape shape = {SIDE, SIDE, CHANNELS};
    if (network_build(list, &init, shape, max_batch, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(network, 3);
    struct random random = random_start(STREAM_DATA, 4, 0);
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        network_parameters(network)[i] = (float)random_normal(&random);
    network_forward(network, inputs, SAMPLES, PASS_TRAIN);
    return network;
}

/* f(x) - f(0) of the whole network in evaluation mode */
static void difference(struct network *network, int count, double *out)
{
    static const float zero[INPUTS];
    const float *y = network_forward(network, inputs, 1, PASS_EVALUATE);
    for (int i = 0; i < count; i++)
        out[i] = (double)y[i];
    y = network_forward(network, zero, 1, PASS_EVALUATE);
    for (int i = 0; i < count; i++)
        out[i] -= (double)y[i];
}

static void the_linear_part_is_the_layer_with_its_batch_norm_but_for_what_is_added(void **state)
{
    (void)state;
    enum { OUTPUTS = OUT * SIDE * SIDE / 4 };
    for (int normed = 0; normed < 2; normed++) {
        struct layer_list list = {0};
        add_convolution_layer(&list);
        if (normed)
            add_batch_norm(&list);
        struct network *network = build(&list, SAMPLES), *part = NULL;
        struct shape input;
        double wanted[OUTPUTS];
        difference(network, OUTPUTS, wanted);
        assert_int_equal(network_linear_part(network, 0, &input, &part, NULL), STATUS_OK);
        assert_true(input.height == SIDE && input.width == SIDE && input.channels == CHANNELS);
        const float *const found = network_forward(part, inputs, 1, PASS_EVALUATE);
        for (int i = 0; i < OUTPUTS; i++)
            assert_true(fabs((double)found[i] - wanted[i]) < 1e-5 * (1 + fabs(wanted[i])));
        network_destroy(&part);
        network_destroy(&network);
    }
}

/* A sum reads the convolution's output beside batch normalisation: the factors are not those of all that it does. */
static void batch_norm_is_not_folded_where_others_read_before_it(void **state)
{
    (void)state;
    struct layer_list list = {0};
    const struct add_settings sum = {.shortcut = kind_find(&shortcut_table, "identity"), .activation = linear()};
    add_convolution_layer(&list);
    add_batch_norm(&list);
    add(&list, &layer_add, &sum, sizeof sum);
    layer_list_inputs(&list, 2, (const int[]){2, 1});
    struct network *network = build(&list, SAMPLES);
    float weight[OUT * 9 * CHANNELS];
    network_folded_weight(network, 0, weight);
    assert_memory_equal(weight, network_parameters(network), sizeof weight);
    network_destroy(&network);
}

static void depth_counts_layers_with_weights_on_the_longest_path(void **state)
{
    (void)state;
    struct layer_list list = {0};
    const struct dense_settings dense = {.units = OUT, .bias = true, .activation = linear()};
    const struct add_settings sum = {.shortcut = kind_find(&shortcut_table, "identity"), .activation = linear()};
    add(&list, &layer_dense, &dense, sizeof dense);
    add_batch_norm(&list);
    add(&list, &layer_dense, &dense, sizeof dense);
    add(&list, &layer_add, &sum, sizeof sum);
    layer_list_inputs(&list, 2, (const int[]){3, 2});
    add(&list, &layer_dense, &dense, sizeof dense);
    struct network *network = build(&list, SAMPLES);
    static const struct {
        const char *name;
        int layer, depth;
    } wanted[] = {{"dense1.weight", 0, 1},     {"dense1.bias", 0, 1},   {"batch_norm1.scale", 1, 1},
                  {"batch_norm1.shift", 1, 1}, {"dense2.weight", 2, 2}, {"dense2.bias", 2, 2},
                  {"dense3.weight", 4, 3},     {"dense3.bias", 4, 3}};
    for (int t = 0; t < network_tensor_count(network); t++) {
        const struct tensor_spec *const tensor = &network_tensors(network)[t];
        assert_string_equal(tensor->name, wanted[t].name);
        assert_int_equal(tensor->layer, wanted[t].layer);
        assert_int_equal(tensor->depth, wanted[t].depth);
    }
    assert_int_equal(network_tensors(network)[8].depth, 1);
    network_destroy(&network);
}

static enum status plan_weight(const void *settings, int input_count, const struct shape *shapes,
                               struct layer_plan *plan, struct error *error)
{
    (void)settings, (void)input_count, (void)error;
    plan->output = shapes[0];
    plan->tensor_count = 1;
    plan->tensors[0] = (struct tensor_spec){
        .name = "weight", .role = TENSOR_WEIGHT, .rank = 1, .dimensions = {1}, .fan_in = 1, .fan_out = 1};
    return STATUS_OK;
}

static void copy_input(const struct layer_pass *pass)
{
    memcpy(pass->output, pass->inputs[0], (size_t)pass->n * INPUTS * sizeof(float));
}

static const struct layer_ops layer_silent = {.kind = {.name = "silent"}, .plan = plan_weight, .forward = copy_input};

static void a_layer_that_does_not_say_its_linear_part_is_named(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct network *part = NULL;
    struct shape input;
    struct error error;
    add(&list, &layer_silent, NULL, 0);
    struct network *network = build(&list, SAMPLES);
    assert_int_equal(network_linear_part(network, 0, &input, &part, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "layer silent1 does not say its linear part, so it has no spectral norm");
    assert_null(part);
    network_destroy(&network);
}

static int set_up(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_DATA, 6, 0);
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        inputs[i] = (float)random_normal(&random);
    return 0;
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_linear_part_is_the_layer_with_its_batch_norm_but_for_what_is_added),
        cmocka_unit_test(batch_norm_is_not_folded_where_others_read_before_it),
        cmocka_unit_test(depth_counts_layers_with_weights_on_the_longest_path),
        cmocka_unit_test(a_layer_that_does_not_say_its_linear_part_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
