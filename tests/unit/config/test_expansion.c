/* A model and its printed list of layers, read back, are the same network to the bit. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/expansion.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SAMPLES = 2, SIDE = 32, CHANNELS = 3, INPUTS = SIDE * SIDE * CHANNELS, CLASSES = 10 };
static const struct shape image = {SIDE, SIDE, CHANNELS};

static struct config_lists lists;

/* The section `model` of text. */
static struct model_config model_of(const char *text)
{
    struct faults faults = {0};
    struct text printed = {0};
    struct tree_arena *arena = NULL;
    struct model_config model;
    const struct config_reading reading = {.lists = &lists, .faults = &faults};
    assert_int_equal(tree_arena_create(&arena, NULL), STATUS_OK);
    const struct tree_node *root = tree_parse(arena, "s", text, strlen(text), &faults);
    if (root == NULL || !config_bind(tree_get(root, "model"), model_fields, &reading, &model)) {
        faults_print(&faults, &printed);
        fail_msg("%s\n%s", text, printed.data);
    }
    tree_arena_destroy(&arena);
    return model;
}

static struct network *network_of(const struct model_config *model)
{
    struct network *network = NULL;
    struct error error;
    if (network_create(model, image, CLASSES, SAMPLES, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(network, 3);
    network_set_step(network, 4, 5);
    return network;
}

static void check_same_layout(const struct network *a, const struct network *b)
{
    assert_int_equal(network_parameter_count(a), network_parameter_count(b));
    assert_int_equal(network_state_count(a), network_state_count(b));
    assert_int_equal(network_tensor_count(a), network_tensor_count(b));
    for (int t = 0; t < network_tensor_count(a) + network_state_tensor_count(a); t++) {
        const struct tensor_spec *const x = &network_tensors(a)[t], *const y = &network_tensors(b)[t];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dimensions, y->dimensions, (size_t)x->rank * sizeof *x->dimensions);
    }
}

static void check_same_logits(struct network *a, struct network *b, enum pass_mode mode)
{
    static float inputs[SAMPLES * INPUTS];
    struct random random = random_start(STREAM_DATA, 6, 0);
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        inputs[i] = (float)random_normal(&random);
    const float *const x = network_forward(a, inputs, SAMPLES, mode);
    const float *const y = network_forward(b, inputs, SAMPLES, mode);
    assert_memory_equal(x, y, SAMPLES * CLASSES * sizeof *x);
    assert_true(x[0] != x[CLASSES]);
}

/* text: a sweep file's section, whose init and bias are those of the list too. */
static void check_model(const char *text)
{
    struct text printed = {0};
    struct error error;
    const struct model_config model = model_of(text);
    if (expansion_write(&model, image, &printed, &error) != STATUS_OK)
        fail_msg("%s: %s", text, error.text);
    struct model_config pasted = model_of(printed.data);
    assert_string_equal(pasted.kind.kind->name, "layers");
    pasted.init = model.init;
    pasted.bias = model.bias;
    struct network *a = network_of(&model), *b = network_of(&pasted);
    check_same_layout(a, b);
    check_same_logits(a, b, PASS_EVALUATE);
    check_same_logits(a, b, PASS_TRAIN);
    network_destroy(&a);
    network_destroy(&b);
    text_free(&printed);
    config_lists_free(&lists);
}

static void every_model_is_the_list_printed_for_it(void **state)
{
    (void)state;
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++) {
        struct text text = {0};
        if (strcmp((*kind)->name, "layers") == 0)
            continue;
        text_add(&text, "model: {kind: %s}\n", (*kind)->name);
        check_model(text.data);
        text_free(&text);
    }
}

static void every_setting_of_the_models_is_in_the_list(void **state)
{
    (void)state;
    check_model("model: {kind: mlp, hidden: [], bias: none}\n");
    check_model("model: {kind: mlp, hidden: [7, 5], activation: gelu, bias: last, init: uniform}\n");
    check_model("model: {kind: cnn, channels: [4, 6], kernel: 5, pooling: average, batch_norm: true, hidden: [8], "
                "dropout: 0.25, activation: tanh}\n");
    check_model("model: {kind: cnn, channels: [4, 6], pooling: none, bias: none}\n");
    check_model("model: {kind: lenet, activation: sigmoid}\n");
    check_model("model: {kind: resnet, depth: 8, shortcut: projection}\n");
    check_model("model: {kind: resnet, depth: 14, batch_norm: false, bias: last}\n");
    check_model("model: {kind: inception_lite, batch_norm: false, init: glorot}\n");
}

static void a_list_is_printed_as_it_was_given(void **state)
{
    (void)state;
    static const char list[] =
        "model:\n"
        "  kind: layers\n"
        "  layers:\n"
        "    - {kind: convolution, channels: 3, kernel: 3, stride: 1, padding: 1, bias: true, activation: linear}\n"
        "    - {kind: max_pool, kernel: 4, stride: 4, padding: 0, activation: relu}\n"
        "    - kind: concatenate\n"
        "      branches:\n"
        "        - []\n"
        "        -\n"
        "          - tanh\n"
        "          - kind: residual\n"
        "            layers:\n"
        "              - {kind: convolution, channels: 3, kernel: 1, stride: 1, padding: 0, bias: true, activation: "
        "softplus}\n"
        "            shortcut: []\n"
        "            zero_pad: false\n"
        "            activation: linear\n"
        "        -\n"
        "          - {kind: dropout, rate: 0.5}\n"
        "    - {kind: dense, units: 0, bias: true, activation: linear}\n";
    struct text printed = {0};
    const struct model_config model = model_of(list);
    assert_int_equal(expansion_write(&model, image, &printed, NULL), STATUS_OK);
    assert_string_equal(printed.data, list);
    text_free(&printed);
    config_lists_free(&lists);
    check_model(list);
}

static void a_function_is_part_of_the_layer_before_it(void **state)
{
    (void)state;
    struct text printed = {0};
    const struct model_config model =
        model_of("model: {kind: layers, layers: [{kind: dense, units: 4}, tanh, relu, dense]}\n");
    assert_int_equal(expansion_write(&model, image, &printed, NULL), STATUS_OK);
    assert_string_equal(printed.data, "model:\n  kind: layers\n  layers:\n"
                                      "    - {kind: dense, units: 4, bias: true, activation: tanh}\n"
                                      "    - relu\n"
                                      "    - {kind: dense, units: 0, bias: true, activation: linear}\n");
    text_free(&printed);
    config_lists_free(&lists);
}

static void more_layers_than_a_list_holds_are_refused(void **state)
{
    (void)state;
    struct text printed = {0};
    struct error error;
    const struct model_config model = model_of("model: {kind: resnet, depth: 1202}\n");
    assert_int_equal(expansion_write(&model, image, &printed, &error), STATUS_BAD_SWEEP);
    assert_non_null(strstr(error.text, "more than 128 layers follow one another"));
    text_free(&printed);
    config_lists_free(&lists);
}

static void all_models_are_printed(void **state)
{
    (void)state;
    struct text printed = {0};
    assert_int_equal(expansion_write_all(&printed, NULL), STATUS_OK);
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++) {
        char heading[64];
        snprintf(heading, sizeof heading, "\n# {kind: %s} for images of 32 x 32 x 3\nmodel:\n", (*kind)->name);
        assert_true((strstr(printed.data, heading) != NULL) == (strcmp((*kind)->name, "layers") != 0));
    }
    text_free(&printed);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_is_the_list_printed_for_it),
        cmocka_unit_test(every_setting_of_the_models_is_in_the_list),
        cmocka_unit_test(a_list_is_printed_as_it_was_given),
        cmocka_unit_test(a_function_is_part_of_the_layer_before_it),
        cmocka_unit_test(more_layers_than_a_list_holds_are_refused),
        cmocka_unit_test(all_models_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
