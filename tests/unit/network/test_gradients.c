/* Every layer of the table, with every activation and every loss: the gradient along a random direction against
 * differences of the loss. The differences are of fourth order, in double; the network runs in float, so a loss of size
 * 1 carries an error of about 1e-7 and the quotient 1e-7 / STEP = 5e-5 of it. No relu changes sides within 2 STEP. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/activation.h"
#include "network/build.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "seedbed/random.h"
#include "settings.h"
#include "toy_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct layer_ops layer_scale;   /* of tests/plugins */
extern const struct loss_ops loss_huberised; /* of tests/plugins */

enum { SAMPLES = 6, HEIGHT = 4, WIDTH = 3, CHANNELS = 2, INPUTS = HEIGHT * WIDTH * CHANNELS, UNITS = 5, CLASSES = 3 };
static const struct shape input_shape = {HEIGHT, WIDTH, CHANNELS};
static const double STEP = 0x1p-9;
static const double TOLERANCE = 3e-3;        /* float32 leaves up to 1e-3 of a central difference, by CPU */
static const double PRESET_TOLERANCE = 1e-2; /* with thousands of relus, some do change sides */

enum { INPUTS_MAX = 25 * 25 * 3 };
static float inputs[SAMPLES * INPUTS_MAX];
static const int16_t labels[SAMPLES] = {0, 1, 2, 2, 1, 0};

/* y = a + 2 b      a, b, y [n, ...] */
static enum status add_plan(const void *settings, int input_count, const struct shape *shapes, struct layer_plan *plan,
                            struct error *error)
{
    (void)settings;
    if (input_count != 2)
        return (fail)(error, STATUS_BAD_SWEEP, "add: %d inputs found; it reads exactly two", input_count);
    plan->output = shapes[0];
    return STATUS_OK;
}

static void add_forward(const struct layer_pass *pass)
{
    for (int i = 0; i < pass->n * pass->output_shape.channels; i++)
        pass->output[i] = pass->inputs[0][i] + 2.0f * pass->inputs[1][i];
}

static void add_backward(const struct layer_pass *pass)
{
    for (int i = 0; i < pass->n * pass->output_shape.channels; i++) {
        if (pass->d_inputs[0] != NULL)
            pass->d_inputs[0][i] = pass->d_output[i];
        if (pass->d_inputs[1] != NULL)
            pass->d_inputs[1][i] = 2.0f * pass->d_output[i];
    }
}

static const struct layer_ops layer_weighted = {
    .kind = {.name = "add"}, .plan = add_plan, .forward = add_forward, .backward = add_backward};

static void add_dense(struct layer_list *list, int units, const char *activation)
{
    const struct dense_settings dense = {
        .units = units, .bias = true, .activation = kind_find(&activation_table, activation)};
    assert_int_equal(layer_list_add(list, &layer_dense, &dense, sizeof dense, NULL), STATUS_OK);
}

static struct network *build(struct layer_list *list)
{
    struct network *network = NULL;
    struct error error;
    const struct choice init = choice_of(&initialisation_table, "uniform");
    if (network_build(list, &init, input_shape, SAMPLES, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(network, 7);
    return network;
}

/* Training or evaluation: both have a way back. */
static enum pass_mode mode = PASS_TRAIN;

static double loss_at(struct network *network, const struct choice *loss, const float *start, const float *direction,
                      double distance)
{
    float *const parameters = network_parameters(network);
    double values[SAMPLES], total = 0;
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        parameters[i] = (float)((double)start[i] + distance * (double)direction[i]);
    const float *const logits = network_forward(network, inputs, SAMPLES, mode);
    ((const struct loss_ops *)loss->kind)->value(loss->settings, SAMPLES, CLASSES, logits, labels, values);
    for (int i = 0; i < SAMPLES; i++)
        total += values[i];
    return total;
}

/* Derivative along direction found by the network, and the norm of its gradient. */
static double derivative(struct network *network, const struct choice *loss, const float *direction, double *norm)
{
    float dlogits[SAMPLES * CLASSES];
    const float *const logits = network_forward(network, inputs, SAMPLES, mode);
    ((const struct loss_ops *)loss->kind)->gradient(loss->settings, SAMPLES, CLASSES, logits, labels, 1.0f, dlogits);
    network_backward(network, dlogits, SAMPLES);
    const float *const gradient = network_gradient(network);
    double along = 0, squares = 0;
    for (int64_t i = 0; i < network_parameter_count(network); i++) {
        along += (double)gradient[i] * (double)direction[i];
        squares += (double)gradient[i] * (double)gradient[i];
    }
    *norm = sqrt(squares);
    return along;
}

/* Relative error of the gradient along a random direction of length about 1. */
static double gradient_error(struct network *network, const struct choice *loss, uint32_t substream)
{
    enum { ROOM = 1 << 17 };
    static float start[ROOM], direction[ROOM];
    const int64_t count = network_parameter_count(network);
    assert_true(count <= ROOM);
    memcpy(start, network_parameters(network), sizeof(float) * (size_t)count);
    struct random random = random_start(STREAM_DATA, 8, substream);
    for (int64_t i = 0; i < count; i++)
        direction[i] = (float)(random_normal(&random) / sqrt((double)count));
    double norm;
    const double found = derivative(network, loss, direction, &norm);
    const double near =
        loss_at(network, loss, start, direction, STEP) - loss_at(network, loss, start, direction, -STEP);
    const double far =
        loss_at(network, loss, start, direction, 2 * STEP) - loss_at(network, loss, start, direction, -2 * STEP);
    memcpy(network_parameters(network), start, sizeof(float) * (size_t)count);
    return fabs(found - (8 * near - far) / (12 * STEP)) / (norm / sqrt((double)count));
}

static void check_within(double tolerance, struct network *network, const struct choice *loss, const char *what)
{
    for (uint32_t substream = 0; substream < 3; substream++) {
        const double error = gradient_error(network, loss, substream);
        if (!(error < tolerance))
            fail_msg("%s with %s: gradient is off by %g of its size", what, loss->kind->name, error);
    }
}

static void check(struct network *network, const struct choice *loss, const char *what)
{
    check_within(TOLERANCE, network, loss, what);
}

static void check_every_loss(struct network *network, const char *what)
{
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++) {
        const struct choice loss = choice_of(&loss_table, (*kind)->name);
        check(network, &loss, what);
    }
}

/* Settings that fit, and what the layer reads: the first layer's output, twice if it joins several. */
static void add_tested(struct layer_list *list, const struct kind *kind, const char *activation)
{
    const struct choice layer = toy_layer(&layer_table, kind->name, activation);
    assert_int_equal(layer_list_add(list, (const struct layer_ops *)kind, layer.settings, sizeof layer.settings, NULL),
                     STATUS_OK);
    if (strcmp(kind->name, "add") == 0 || strcmp(kind->name, "concatenate") == 0)
        layer_list_inputs(list, 2, (const int[]){1, 1});
}

/* A list of a first convolution, the layer under test, and a last layer. */
static struct network *network_around(const struct kind *kind, const char *activation)
{
    struct layer_list list = {0};
    const struct convolution_settings first = {.channels = 4,
                                               .kernel = 3,
                                               .stride = 1,
                                               .padding = 1,
                                               .bias = true,
                                               .activation = kind_find(&activation_table, "linear")};
    assert_int_equal(layer_list_add(&list, &layer_convolution, &first, sizeof first, NULL), STATUS_OK);
    add_tested(&list, kind, activation);
    add_dense(&list, CLASSES, "linear");
    return build(&list);
}

static void gradients_are_right_for_every_layer_activation_and_loss(void **state)
{
    (void)state;
    for (const struct kind *const *layer = layer_table.kinds; *layer != NULL; layer++)
        for (const struct kind *const *activation = activation_table.kinds; *activation != NULL; activation++) {
            struct network *network = network_around(*layer, (*activation)->name);
            char what[64];
            snprintf(what, sizeof what, "%s, %s", (*layer)->name, (*activation)->name);
            check_every_loss(network, what);
            network_destroy(&network);
        }
}

/* Running statistics of their own, so that evaluation is another function than training. */
static void gradients_are_right_in_evaluation_mode(void **state)
{
    (void)state;
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    for (const struct kind *const *layer = layer_table.kinds; *layer != NULL; layer++) {
        struct network *network = network_around(*layer, "tanh");
        network_set_step(network, 5, 11);
        for (int i = 0; i < 3; i++)
            network_forward(network, inputs, SAMPLES, PASS_TRAIN);
        mode = PASS_DIFFERENTIATE;
        check(network, &loss, (*layer)->name);
        mode = PASS_TRAIN;
        network_destroy(&network);
    }
}

/* The loss where inputs lie a distance along direction. */
static double loss_beside(struct network *network, const struct choice *loss, const float *direction, double distance)
{
    float beside[SAMPLES * INPUTS];
    double values[SAMPLES], total = 0;
    for (int i = 0; i < SAMPLES * INPUTS; i++)
        beside[i] = (float)((double)inputs[i] + distance * (double)direction[i]);
    const float *const logits = network_forward(network, beside, SAMPLES, mode);
    ((const struct loss_ops *)loss->kind)->value(loss->settings, SAMPLES, CLASSES, logits, labels, values);
    for (int i = 0; i < SAMPLES; i++)
        total += values[i];
    return total;
}

static void check_inputs(struct network *network, const struct choice *loss, const char *what)
{
    float dlogits[SAMPLES * CLASSES], d_inputs[SAMPLES * INPUTS], direction[SAMPLES * INPUTS];
    struct random random = random_start(STREAM_DATA, 9, 0);
    double along = 0, squares = 0;
    const float *const logits = network_forward(network, inputs, SAMPLES, mode);
    ((const struct loss_ops *)loss->kind)->gradient(loss->settings, SAMPLES, CLASSES, logits, labels, 1.0f, dlogits);
    network_backward_input(network, dlogits, SAMPLES, d_inputs);
    for (int i = 0; i < SAMPLES * INPUTS; i++) {
        direction[i] = (float)(random_normal(&random) / sqrt(SAMPLES * INPUTS));
        along += (double)d_inputs[i] * (double)direction[i];
        squares += (double)d_inputs[i] * (double)d_inputs[i];
    }
    const double near = loss_beside(network, loss, direction, STEP) - loss_beside(network, loss, direction, -STEP);
    const double far =
        loss_beside(network, loss, direction, 2 * STEP) - loss_beside(network, loss, direction, -2 * STEP);
    const double error = fabs(along - (8 * near - far) / (12 * STEP)) / sqrt(squares / (SAMPLES * INPUTS));
    if (!(error < TOLERANCE))
        fail_msg("%s, mode %d: gradient of the inputs is off by %g of its size", what, (int)mode, error);
}

static void gradients_of_the_inputs_are_right_in_both_modes(void **state)
{
    (void)state;
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    for (const struct kind *const *layer = layer_table.kinds; *layer != NULL; layer++) {
        struct network *network = network_around(*layer, "tanh");
        network_set_step(network, 5, 11);
        check_inputs(network, &loss, (*layer)->name);
        mode = PASS_DIFFERENTIATE;
        check_inputs(network, &loss, (*layer)->name);
        mode = PASS_TRAIN;
        network_destroy(&network);
    }
}

static void gradients_of_inputs_that_several_layers_read_are_added(void **state)
{
    (void)state;
    struct layer_list list = {0};
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    add_dense(&list, UNITS, "tanh");
    add_dense(&list, UNITS, "softplus");
    layer_list_inputs(&list, 1, (const int[]){0});
    assert_int_equal(layer_list_add(&list, &layer_weighted, NULL, 0, NULL), STATUS_OK);
    layer_list_inputs(&list, 2, (const int[]){1, 2});
    add_dense(&list, CLASSES, "linear");
    struct network *network = build(&list);
    check_inputs(network, &loss, "two readers");
    network_destroy(&network);
}

static void gradients_are_right_where_outputs_are_read_more_than_once(void **state)
{
    (void)state;
    struct layer_list list = {0};
    add_dense(&list, UNITS, "tanh");
    add_dense(&list, UNITS, "softplus");
    assert_int_equal(layer_list_add(&list, &layer_weighted, NULL, 0, NULL), STATUS_OK);
    layer_list_inputs(&list, 2, (const int[]){1, 2});
    assert_int_equal(layer_list_add(&list, &layer_weighted, NULL, 0, NULL), STATUS_OK);
    layer_list_inputs(&list, 2, (const int[]){3, 3});
    assert_int_equal(layer_list_add(&list, &layer_weighted, NULL, 0, NULL), STATUS_OK);
    layer_list_inputs(&list, 2, (const int[]){4, 1});
    add_dense(&list, CLASSES, "linear");
    struct network *network = build(&list);
    check_every_loss(network, "residual sums");
    network_destroy(&network);
}

/* Every preset, as small as it gets. In those of millions of parameters a random direction hardly moves the loss. */
static const struct preset {
    const char *model; /* and its settings */
    struct shape input;
    bool large; /* checked along the gradient, not along random directions */
} presets[] = {
    {"mlp hidden=[7,5] activation=gelu", {HEIGHT, WIDTH, CHANNELS}, false},
    {"cnn channels=[5] hidden=[7] batch_norm=true activation=tanh pooling=average dropout=0.25",
     {HEIGHT, WIDTH, CHANNELS},
     false},
    {"cnn channels=[4,6] pooling=max", {8, 6, CHANNELS}, false},
    {"lenet activation=softplus", {16, 16, 1}, false},
    {"vgg activation=tanh", {8, 8, 1}, true},
    {"resnet depth=8 batch_norm=false", {HEIGHT, WIDTH, CHANNELS}, false},
    {"resnet depth=8 batch_norm=false shortcut=projection", {HEIGHT, WIDTH, CHANNELS}, false},
    {"resnet depth=8 shortcut=projection", {8, 8, 1}, true},
    {"resnet18_mnist", {16, 16, 1}, true},
    {"inception_lite batch_norm=false", {25, 25, 3}, true},
    {"layers", {8, 6, 2}, false},
};

static struct network *preset_network(const struct preset *preset)
{
    struct model_config model;
    struct network *network = NULL;
    struct error error;
    settings_default(model_fields, &model);
    model.kind = strcmp(preset->model, "layers") == 0 ? toy_layers(&model_table, &layer_item_table)
                                                      : choice_spelled(&model_table, preset->model);
    if (network_create(&model, preset->input, CLASSES, SAMPLES, &network, &error) != STATUS_OK)
        fail_msg("%s: %s", preset->model, error.text);
    network_initialise(network, 6);
    network_set_step(network, 5, 11);
    return network;
}

/* Relative error of the gradient's length, as the slope of the loss along it. An error anywhere in the gradient shows
 * by its own size squared. */
static double length_error(struct network *network, const struct choice *loss)
{
    const int64_t count = network_parameter_count(network);
    float *const start = malloc(sizeof(float) * (size_t)count), *const direction =
                                                                    malloc(sizeof(float) * (size_t)count);
    const double step = 0x1p-14; /* few relus change sides within it */
    double norm;
    assert_true(start != NULL && direction != NULL);
    memcpy(start, network_parameters(network), sizeof(float) * (size_t)count);
    memset(direction, 0, sizeof(float) * (size_t)count);
    derivative(network, loss, direction, &norm);
    for (int64_t i = 0; i < count; i++)
        direction[i] = (float)((double)network_gradient(network)[i] / norm);
    const double near =
        loss_at(network, loss, start, direction, step) - loss_at(network, loss, start, direction, -step);
    const double far =
        loss_at(network, loss, start, direction, 2 * step) - loss_at(network, loss, start, direction, -2 * step);
    memcpy(network_parameters(network), start, sizeof(float) * (size_t)count);
    free(start);
    free(direction);
    return fabs(norm - (8 * near - far) / (12 * step)) / norm;
}

static void gradients_are_right_for_every_preset(void **state)
{
    (void)state;
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        struct network *network = preset_network(&presets[i]);
        if (presets[i].large) {
            const double error = length_error(network, &loss);
            if (!(error < PRESET_TOLERANCE))
                fail_msg("%s: gradient is off by %g of its size", presets[i].model, error);
        } else {
            check_within(PRESET_TOLERANCE, network, &loss, presets[i].model);
        }
        network_destroy(&network);
    }
}

static void every_model_of_the_table_is_among_the_presets(void **state)
{
    (void)state;
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++) {
        bool found = false;
        for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
            found |= strcspn(presets[i].model, " ") == strlen((*kind)->name) &&
                     strncmp(presets[i].model, (*kind)->name, strlen((*kind)->name)) == 0;
        if (!found)
            fail_msg("%s has no entry", (*kind)->name);
    }
}

static void plugins_from_the_public_headers_alone_have_right_gradients(void **state)
{
    (void)state;
    struct layer_list list = {0};
    add_dense(&list, UNITS, "tanh");
    assert_int_equal(layer_list_add(&list, &layer_scale, NULL, 0, NULL), STATUS_OK);
    add_dense(&list, CLASSES, "linear");
    struct network *network = build(&list);
    check_every_loss(network, "scale");
    struct choice loss = {.kind = &loss_huberised.kind};
    settings_default(loss_huberised.kind.fields, loss.settings);
    check(network, &loss, "scale");
    assert_string_equal(network_tensors(network)[2].name, "scale1.scale");
    network_destroy(&network);
}

static void a_layer_whose_output_nobody_reads_is_refused(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct network *network = NULL;
    struct error error;
    add_dense(&list, UNITS, "tanh");
    add_dense(&list, CLASSES, "linear");
    layer_list_inputs(&list, 1, (const int[]){0});
    const struct choice init = choice_of(&initialisation_table, "he");
    assert_int_equal(network_build(&list, &init, input_shape, SAMPLES, &network, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "layer dense1: no other layer reads its output; remove it or connect it");
    assert_null(network);
}

static void a_layer_says_which_inputs_it_takes(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct network *network = NULL;
    struct error error;
    assert_int_equal(layer_list_add(&list, &layer_weighted, NULL, 0, NULL), STATUS_OK);
    const struct choice init = choice_of(&initialisation_table, "he");
    assert_int_equal(network_build(&list, &init, input_shape, SAMPLES, &network, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "layer add1: add: 1 inputs found; it reads exactly two");
}

static int set_up(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_DATA, 6, 0);
    for (int i = 0; i < SAMPLES * INPUTS_MAX; i++)
        inputs[i] = (float)random_normal(&random);
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
        cmocka_unit_test(gradients_are_right_for_every_layer_activation_and_loss),
        cmocka_unit_test(gradients_are_right_in_evaluation_mode),
        cmocka_unit_test(gradients_of_the_inputs_are_right_in_both_modes),
        cmocka_unit_test(gradients_of_inputs_that_several_layers_read_are_added),
        cmocka_unit_test(gradients_are_right_where_outputs_are_read_more_than_once),
        cmocka_unit_test(gradients_are_right_for_every_preset),
        cmocka_unit_test(every_model_of_the_table_is_among_the_presets),
        cmocka_unit_test(plugins_from_the_public_headers_alone_have_right_gradients),
        cmocka_unit_test(a_layer_whose_output_nobody_reads_is_refused),
        cmocka_unit_test(a_layer_says_which_inputs_it_takes),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
