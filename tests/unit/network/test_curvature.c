/* Products of the Hessian with directions: every loss, layer, activation and preset against fourth-order differences of
 * gradients where functions are smooth; symmetric everywhere. The network runs in float: a gradient carries an error of
 * about 1e-7 of itself, and the quotient 1e-7 / STEP. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/activation.h"
#include "network/build.h"
#include "network/curvature.h"
#include "network/layer_dense.h"
#include "network/layers.h"
#include "network/losses.h"
#include "seedbed/random.h"
#include "settings.h"
#include "toy_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct layer_ops layer_scale; /* of tests/plugins */

enum { SAMPLES = 6, SIDE = 25, CLASSES = 3, MOST = SAMPLES * SIDE * SIDE * 3 };
static const double STEP = 0x1p-8;
static const double TOLERANCE = 2e-3, SYMMETRY = 1e-5; /* of the product's size */

static float inputs[MOST];
static const int16_t labels[SAMPLES] = {0, 1, 2, 2, 1, 0};

static float *floats(int64_t count)
{
    float *const block = calloc((size_t)count, sizeof *block);
    assert_non_null(block);
    return block;
}

/* A direction of length about 1. */
static float *direction_of(int64_t count, uint32_t substream)
{
    float *const v = floats(count);
    struct random random = random_start(STREAM_DATA, 8, substream);
    for (int64_t i = 0; i < count; i++)
        v[i] = (float)((random_uniform(&random) - 0.5) * sqrt(12 / (double)count));
    return v;
}

static double dot(int64_t count, const float *a, const float *b)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        total += (double)a[i] * (double)b[i];
    return total;
}

/* gradient at start + distance * v, added to out by weight */
static void add_gradient(struct network *network, const struct choice *loss, const float *start, const float *v,
                         double distance, double weight, double *out)
{
    float *const parameters = network_parameters(network);
    float dlogits[SAMPLES * CLASSES];
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        parameters[i] = (float)((double)start[i] + distance * (double)v[i]);
    const float *const logits = network_forward(network, inputs, SAMPLES, PASS_DIFFERENTIATE);
    ((const struct loss_ops *)loss->kind)->gradient(loss->settings, SAMPLES, CLASSES, logits, labels, 1.0f, dlogits);
    network_backward(network, dlogits, SAMPLES);
    for (int64_t i = 0; i < network_parameter_count(network); i++)
        out[i] += weight * (double)network_gradient(network)[i];
}

/* Size of the difference between the product and differences of the gradient, as a share of the product's. */
static double product_error(struct network *network, const struct choice *loss, const float *v, const float *product)
{
    const int64_t count = network_parameter_count(network);
    float *const start = floats(count);
    double *const expected = calloc((size_t)count, sizeof *expected);
    double off = 0, size = 0;
    assert_non_null(expected);
    memcpy(start, network_parameters(network), sizeof(float) * (size_t)count);
    for (int side = -1; side <= 1; side += 2) {
        add_gradient(network, loss, start, v, side * STEP, side * 8 / (12 * STEP), expected);
        add_gradient(network, loss, start, v, side * 2 * STEP, -side / (12 * STEP), expected);
    }
    memcpy(network_parameters(network), start, sizeof(float) * (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        off += pow((double)product[i] - expected[i], 2);
        size += expected[i] * expected[i];
    }
    free(start);
    free(expected);
    return sqrt(off / size);
}

/* smooth: no function has a kink, so that gradients have differences. */
static void check(struct network *network, const char *loss_name, bool smooth, const char *what)
{
    const struct choice loss = choice_of(&loss_table, loss_name);
    const int64_t count = network_parameter_count(network);
    struct curvature *curvature = NULL;
    struct error error;
    if (curvature_create(network, &curvature, &error) != STATUS_OK)
        fail_msg("%s: %s", what, error.text);
    const int batch = curvature_batch(curvature), n = batch < SAMPLES ? batch : SAMPLES;
    float *const u = direction_of(count, 1), *const v = direction_of(count, 2), *const product = floats(count);
    const float *const lent = curvature_product(curvature, &loss, n, inputs, labels, 1.0f, v);
    memcpy(product, lent, sizeof(float) * (size_t)count);
    const double one_way = dot(count, u, product), size = sqrt(dot(count, product, product));
    assert_true(size > 0);
    const double other_way = dot(count, v, curvature_product(curvature, &loss, n, inputs, labels, 1.0f, u));
    if (!(fabs(one_way - other_way) < SYMMETRY * size))
        fail_msg("%s, %s: u.Hv = %.9g, v.Hu = %.9g", what, loss_name, one_way, other_way);
    if (smooth) {
        assert_int_equal(n, SAMPLES);
        const double off = product_error(network, &loss, v, product);
        if (!(off < TOLERANCE))
            fail_msg("%s, %s: the product is off by %g of its size", what, loss_name, off);
    }
    curvature_destroy(&curvature);
    free(u);
    free(v);
    free(product);
}

static void add(struct layer_list *list, const struct layer_ops *ops, const void *settings, size_t bytes)
{
    assert_int_equal(layer_list_add(list, ops, settings, bytes, NULL), STATUS_OK);
}

static void add_dense(struct layer_list *list, int units, const char *activation)
{
    const struct dense_settings dense = {
        .units = units, .bias = true, .activation = kind_find(&activation_table, activation)};
    add(list, &layer_dense, &dense, sizeof dense);
}

/* Nothing is right by accident of a zero bias, a scale of one or statistics as they start. */
static void shake(struct network *network)
{
    float *const parameters = network_parameters(network);
    struct random random = random_start(STREAM_DATA, 9, 0);
    const int64_t count = network_parameter_count(network), all = count + network_state_count(network);
    network_initialise(network, 7);
    for (int64_t i = 0; i < all; i++)
        parameters[i] += (float)(i < count ? 0.3 * (random_uniform(&random) - 0.5) : 0.3 * random_uniform(&random));
}

static struct network *build(struct layer_list *list)
{
    struct network *network = NULL;
    struct error error;
    const struct choice init = choice_of(&initialisation_table, "uniform");
    const struct shape shape = {6, 5, 2};
    if (network_build(list, &init, shape, SAMPLES, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    shake(network);
    return network;
}

static void add_tested(struct layer_list *list, const struct kind *kind, const char *activation)
{
    struct choice layer = toy_layer(&layer_table, kind->name, activation);
    choice_name(&layer, "function", activation);
    add(list, (const struct layer_ops *)kind, layer.settings, sizeof layer.settings);
    if (strcmp(kind->name, "add") == 0 || strcmp(kind->name, "concatenate") == 0)
        layer_list_inputs(list, 2, (const int[]){1, 2});
}

/* Two convolutions that read the same, the layer under test behind the second or both, and a last layer. */
static struct network *network_around(const struct kind *kind, const char *activation)
{
    struct layer_list list = {0};
    const struct convolution_settings first = {.channels = 4,
                                               .kernel = 3,
                                               .stride = 1,
                                               .padding = 1,
                                               .bias = true,
                                               .activation = kind_find(&activation_table, "tanh")};
    add(&list, &layer_convolution, &first, sizeof first);
    add(&list, &layer_convolution, &first, sizeof first);
    add_tested(&list, kind, activation);
    if (strcmp(kind->name, "add") != 0 && strcmp(kind->name, "concatenate") != 0) {
        const struct add_settings join = {.shortcut = kind_find(&shortcut_table, "identity"),
                                          .activation = kind_find(&activation_table, "linear")};
        add(&list, &layer_add, &join, sizeof join);
        layer_list_inputs(&list, 2, (const int[]){3, 3});
    }
    add_dense(&list, CLASSES, "linear");
    return build(&list);
}

static bool is_smooth(const struct kind *layer, const struct kind *activation)
{
    return strstr(activation->name, "relu") == NULL && strcmp(layer->name, "max_pool") != 0;
}

static void products_are_right_for_every_layer_and_activation(void **state)
{
    (void)state;
    for (const struct kind *const *layer = layer_table.kinds; *layer != NULL; layer++)
        for (const struct kind *const *activation = activation_table.kinds; *activation != NULL; activation++) {
            struct network *network = network_around(*layer, (*activation)->name);
            char what[64];
            snprintf(what, sizeof what, "%s, %s", (*layer)->name, (*activation)->name);
            check(network, "cross_entropy", is_smooth(*layer, *activation), what);
            network_destroy(&network);
        }
}

static void products_are_right_for_every_loss(void **state)
{
    (void)state;
    for (const struct kind *const *loss = loss_table.kinds; *loss != NULL; loss++) {
        struct layer_list list = {0};
        add_dense(&list, 7, "tanh");
        add_dense(&list, CLASSES, "linear");
        struct network *network = build(&list);
        check(network, (*loss)->name, true, "mlp");
        network_destroy(&network);
    }
}

/* Batch normalisation right on the input, branches that hold the input itself, a value that many read. */
static void products_are_right_where_inputs_do_not_depend_on_the_parameters(void **state)
{
    (void)state;
    struct layer_list list = {0};
    const struct batch_norm_settings norm = {
        .momentum = 0.1, .epsilon = 1e-5, .activation = kind_find(&activation_table, "sigmoid")};
    const struct pool_settings pool = {.kernel = 3, .stride = 2};
    add(&list, &layer_average_pool, &pool, sizeof pool);
    add(&list, &layer_batch_norm, &norm, sizeof norm);
    add(&list, &layer_concatenate, NULL, 0);
    layer_list_inputs(&list, 3, (const int[]){1, 2, 1});
    add_dense(&list, 6, "gelu");
    add_dense(&list, 6, "tanh");
    layer_list_inputs(&list, 1, (const int[]){3});
    add(&list, &layer_concatenate, NULL, 0);
    layer_list_inputs(&list, 3, (const int[]){4, 5, 4});
    add_dense(&list, CLASSES, "linear");
    struct network *network = build(&list);
    check(network, "mse", true, "still inputs");
    network_destroy(&network);
}

static const struct preset {
    const char *model; /* and its settings */
    struct shape input;
    bool smooth;
} presets[] = {
    {"mlp hidden=[7,5] activation=gelu", {4, 3, 2}, true},
    {"mlp hidden=[9,8]", {4, 3, 2}, false},
    {"cnn channels=[5] hidden=[7] batch_norm=true activation=tanh pooling=average dropout=0.25", {4, 3, 2}, true},
    {"cnn channels=[4,6] batch_norm=true activation=softplus", {8, 6, 2}, false},
    {"lenet activation=softplus", {16, 16, 1}, false},
    {"vgg activation=tanh", {8, 8, 1}, false},
    {"resnet depth=8 batch_norm=false", {4, 3, 2}, false},
    {"resnet depth=8 shortcut=projection", {8, 8, 1}, false},
    {"resnet18_mnist", {16, 16, 1}, false},
    {"inception_lite", {SIDE, SIDE, 3}, false},
    {"layers", {8, 6, 2}, true},
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
    shake(network);
    return network;
}

static void products_are_right_for_every_preset(void **state)
{
    (void)state;
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++) {
        bool found = false;
        for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
            if (strncmp(presets[i].model, (*kind)->name, strlen((*kind)->name)) != 0)
                continue;
            struct network *network = preset_network(&presets[i]);
            check(network, "cross_entropy", presets[i].smooth, presets[i].model);
            network_destroy(&network);
            found = true;
        }
        if (!found)
            fail_msg("%s has no entry", (*kind)->name);
    }
}

static void a_sure_network_keeps_its_curvature(void **state)
{
    (void)state;
    const float z[] = {40, 0, 1}, t[] = {0.3f, -1, 2};
    const int16_t label = 0;
    float d[3];
    loss_cross_entropy.gradient_along(NULL, 1, 3, z, &label, 1.0f, t, d);
    const double one = exp(-40.0), two = exp(-39.0), mean = one * (-1 - 0.3) + two * (2 - 0.3);
    const double expected[] = {-mean, one * (-1 - 0.3), two * (2 - 0.3)};
    for (int j = 0; j < 3; j++)
        assert_true(fabs((double)d[j] / expected[j] - 1) < 1e-6);
}

static void batches_add_up(void **state)
{
    (void)state;
    struct network *network = preset_network(&presets[3]);
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    const int64_t count = network_parameter_count(network);
    const size_t image = 8 * 6 * 2;
    struct curvature *curvature = NULL;
    assert_int_equal(curvature_create(network, &curvature, NULL), STATUS_OK);
    float *const v = direction_of(count, 3), *const whole = floats(count), *const parts = floats(count);
    memcpy(whole, curvature_product(curvature, &loss, SAMPLES, inputs, labels, 1.0f, v), sizeof(float) * (size_t)count);
    for (int first = 0; first < SAMPLES; first += 4) {
        const int n = SAMPLES - first < 4 ? SAMPLES - first : 4;
        const float *const part =
            curvature_product(curvature, &loss, n, inputs + (size_t)first * image, labels + first, 1.0f, v);
        for (int64_t i = 0; i < count; i++)
            parts[i] += part[i];
    }
    for (int64_t i = 0; i < count; i++)
        parts[i] -= whole[i];
    assert_true(dot(count, parts, parts) < 1e-12 * dot(count, whole, whole));
    free(v);
    free(whole);
    free(parts);
    curvature_destroy(&curvature);
    network_destroy(&network);
}

static void a_layer_without_derivatives_along_a_direction_is_refused(void **state)
{
    (void)state;
    struct layer_list list = {0};
    struct curvature *curvature = NULL;
    struct error error;
    add_dense(&list, 5, "tanh");
    add(&list, &layer_scale, NULL, 0);
    add_dense(&list, CLASSES, "linear");
    struct network *network = build(&list);
    assert_int_equal(curvature_create(network, &curvature, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "layer scale1 has no derivatives along a direction, so there is no curvature of "
                                    "its network");
    assert_null(curvature);
    network_destroy(&network);
}

static int set_up(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_DATA, 6, 0);
    for (int i = 0; i < MOST; i++)
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
        cmocka_unit_test(products_are_right_for_every_layer_and_activation),
        cmocka_unit_test(products_are_right_for_every_loss),
        cmocka_unit_test(products_are_right_where_inputs_do_not_depend_on_the_parameters),
        cmocka_unit_test(products_are_right_for_every_preset),
        cmocka_unit_test(a_sure_network_keeps_its_curvature),
        cmocka_unit_test(batches_add_up),
        cmocka_unit_test(a_layer_without_derivatives_along_a_direction_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
