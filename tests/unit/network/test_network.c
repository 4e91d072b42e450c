/* The flat block and its views, initialisation, and what is known of a network before it is made. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "network/network.h"
#include "settings.h"
#include "toy_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { INPUTS = 784, CLASSES = 10, BATCH = 8 };

static struct model_config mlp(int count, const int64_t *hidden)
{
    struct model_config model;
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", count, hidden);
    return model;
}

static struct network *make(const struct model_config *model)
{
    struct network *network = NULL;
    struct error error;
    if (network_create(model, (struct shape){28, 28, 1}, CLASSES, BATCH, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return network;
}

static void tensors_lie_in_the_flat_block_without_gaps(void **state)
{
    (void)state;
    const struct model_config model = mlp(2, (const int64_t[]){30, 20});
    struct network *network = make(&model);
    const struct tensor_spec *const tensors = network_tensors(network);
    const char *const names[] = {"dense1.weight", "dense1.bias",   "dense2.weight",
                                 "dense2.bias",   "dense3.weight", "dense3.bias"};
    const int dimensions[][2] = {{30, INPUTS}, {30, 1}, {20, 30}, {20, 1}, {CLASSES, 20}, {CLASSES, 1}};
    assert_int_equal(network_tensor_count(network), 6);
    int64_t count = 0;
    for (int t = 0; t < 6; t++) {
        assert_string_equal(tensors[t].name, names[t]);
        assert_int_equal(tensors[t].rank, t % 2 ? 1 : 2);
        assert_int_equal(tensors[t].dimensions[0], dimensions[t][0]);
        if (tensors[t].rank == 2)
            assert_int_equal(tensors[t].dimensions[1], dimensions[t][1]);
        count += dimensions[t][0] * dimensions[t][1];
    }
    assert_int_equal(network_parameter_count(network), count);
    assert_int_equal(network_max_batch(network), BATCH);
    assert_int_equal(network_classes(network), CLASSES);
    network_destroy(&network);
    network_destroy(&network);
}

/* logits = W x + b in double, from the views. */
static void a_linear_network_is_what_its_tensors_say(void **state)
{
    (void)state;
    struct model_config model = mlp(0, NULL);
    model.init = choice_of(&initialisation_table, "uniform");
    struct network *network = make(&model);
    network_initialise(network, 3);
    float *const x = network_input(network);
    for (int i = 0; i < BATCH * INPUTS; i++)
        x[i] = (float)(i % 17) - 8;
    const float *const weight = network_parameters(network), *const bias = weight + CLASSES * INPUTS;
    const float *const logits = network_forward(network, x, BATCH, PASS_EVALUATE);
    for (int i = 0; i < BATCH; i++)
        for (int j = 0; j < CLASSES; j++) {
            double exact = (double)bias[j];
            for (int k = 0; k < INPUTS; k++)
                exact += (double)weight[j * INPUTS + k] * (double)x[i * INPUTS + k];
            assert_true(fabs((double)logits[i * CLASSES + j] - exact) < 1e-4);
        }
    network_destroy(&network);
}

static void biases_are_where_they_are_asked_for(void **state)
{
    (void)state;
    const struct {
        const char *bias;
        int tensors;
    } cases[] = {{"all", 6}, {"last", 4}, {"none", 3}};
    for (int i = 0; i < 3; i++) {
        struct model_config model = mlp(2, (const int64_t[]){4, 3});
        model.bias = kind_find(&bias_table, cases[i].bias);
        struct network *network = make(&model);
        assert_int_equal(network_tensor_count(network), cases[i].tensors);
        network_destroy(&network);
    }
}

/* Every preset, and a list of layers. */
enum { MODELS = 8 };

static void all_models(struct model_config models[MODELS])
{
    int count = 0;
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++, count++) {
        assert_in_range(count, 0, MODELS - 1);
        settings_default(model_fields, &models[count]);
        models[count].kind = strcmp((*kind)->name, "layers") == 0 ? toy_layers(&model_table, &layer_item_table)
                                                                  : choice_of(&model_table, (*kind)->name);
    }
    assert_int_equal(count, MODELS);
}

static struct network *make_for_images(const struct model_config *model)
{
    struct network *network = NULL;
    struct error error;
    if (network_create(model, (struct shape){32, 32, 3}, CLASSES, 1, &network, &error) != STATUS_OK)
        fail_msg("%s: %s", model->kind.kind->name, error.text);
    return network;
}

/* Biases of the network; *last: whether the last weight has one. */
static int count_biases(const struct network *network, bool *last)
{
    int count = 0;
    for (int t = 0; t < network_tensor_count(network); t++) {
        *last = network_tensors(network)[t].role == TENSOR_BIAS;
        count += *last;
    }
    return count;
}

static void biases_of_every_model_are_where_they_are_asked_for(void **state)
{
    (void)state;
    struct model_config models[MODELS];
    const char *const biases[] = {"all", "last", "none"};
    /* Convolutions and dense layers: mlp 3, cnn 3, lenet 5, vgg11 9, inception_lite 20; resnet's convolutions have
     * none. */
    const int counts[][MODELS] = {{3, 3, 5, 9, 1, 1, 20, 5}, {1, 1, 1, 1, 1, 1, 1, 1}, {0}};
    all_models(models);
    for (int b = 0; b < 3; b++)
        for (int m = 0; m < MODELS; m++) {
            bool last = false;
            models[m].bias = kind_find(&bias_table, biases[b]);
            struct network *network = make_for_images(&models[m]);
            const int found = count_biases(network, &last);
            if (found != counts[b][m] || last != (counts[b][m] > 0))
                fail_msg("%s, bias %s: %d biases", models[m].kind.kind->name, biases[b], found);
            network_destroy(&network);
        }
}

struct moments {
    double mean, deviation, largest;
};

static struct moments moments_of(int64_t count, const float *x)
{
    double total = 0, squares = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        total += (double)x[i];
        squares += (double)x[i] * (double)x[i];
        largest = fmax(largest, fabs((double)x[i]));
    }
    const double mean = total / (double)count;
    return (struct moments){.mean = mean, .deviation = sqrt(squares / (double)count - mean * mean), .largest = largest};
}

static void weights_have_the_variance_of_their_initialisation(void **state)
{
    (void)state;
    enum { UNITS = 200 };
    const struct {
        const char *init, *distribution;
        double variance;
    } cases[] = {{"he", "normal", 2.0 / INPUTS},
                 {"he", "uniform", 2.0 / INPUTS},
                 {"glorot", "normal", 2.0 / (INPUTS + UNITS)},
                 {"glorot", "uniform", 2.0 / (INPUTS + UNITS)},
                 {"lecun", "normal", 1.0 / INPUTS},
                 {"lecun", "uniform", 1.0 / INPUTS},
                 {"uniform", NULL, 1.0 / 3 / INPUTS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config model = mlp(1, (const int64_t[]){UNITS});
        model.init = choice_of(&initialisation_table, cases[i].init);
        choice_real(&model.init, "scale", 1.5);
        if (cases[i].distribution != NULL)
            choice_name(&model.init, "distribution", cases[i].distribution);
        struct network *network = make(&model);
        network_initialise(network, i);
        const double deviation = 1.5 * sqrt(cases[i].variance), count = UNITS * INPUTS;
        const struct moments found = moments_of(UNITS * INPUTS, network_parameters(network));
        const struct moments biases = moments_of(UNITS, network_parameters(network) + UNITS * INPUTS);
        assert_true(fabs(found.mean) < 5 * deviation / sqrt(count));
        assert_true(fabs(found.deviation / deviation - 1) < 5 / sqrt(2 * count));
        const int normal = cases[i].distribution != NULL && strcmp(cases[i].distribution, "normal") == 0;
        assert_true(normal ? found.largest > 3 * deviation : found.largest <= sqrt(3) * deviation * (1 + 1e-6));
        assert_true(cases[i].distribution == NULL ? biases.deviation > 0.8 * deviation : biases.largest == 0);
        network_destroy(&network);
    }
}

/* Inputs of one output, and outputs that one input enters, by the tensor's shape. */
static double fan_in(const struct tensor_spec *weight)
{
    double fan = 1;
    for (int d = 1; d < weight->rank; d++)
        fan *= weight->dimensions[d];
    return fan;
}

static double fan_out(const struct tensor_spec *weight)
{
    return weight->rank == 4 ? weight->dimensions[0] * weight->dimensions[1] * weight->dimensions[2]
                             : weight->dimensions[0];
}

static double variance_of(const char *init, const struct tensor_spec *weight)
{
    if (strcmp(init, "he") == 0)
        return 2 / fan_in(weight);
    if (strcmp(init, "glorot") == 0)
        return 2 / (fan_in(weight) + fan_out(weight));
    return strcmp(init, "lecun") == 0 ? 1 / fan_in(weight) : 1 / (3 * fan_in(weight));
}

/* Weights and biases of every tensor of a network; scales and shifts are 1 and 0. */
static void check_initialisation(struct network *network, const char *init, const char *model)
{
    const float *values = network_parameters(network);
    double variance = 0;
    for (int t = 0; t < network_tensor_count(network); t++) {
        const struct tensor_spec *const tensor = &network_tensors(network)[t];
        int64_t count = 1;
        for (int d = 0; d < tensor->rank; d++)
            count *= tensor->dimensions[d];
        const struct moments found = moments_of(count, values);
        const bool drawn_bias = tensor->role == TENSOR_BIAS && strcmp(init, "uniform") == 0;
        const bool drawn = tensor->role == TENSOR_WEIGHT || drawn_bias;
        variance = tensor->role == TENSOR_WEIGHT ? variance_of(init, tensor) : variance;
        const double bound = drawn_bias ? 1.001 * sqrt(3 * variance) : tensor->role == TENSOR_SCALE ? 1 : 0;
        if (drawn && fabs(found.deviation / sqrt(variance) - 1) > 5 / sqrt((double)count))
            fail_msg("%s, %s: %s has deviation %g, not %g", model, init, tensor->name, found.deviation, sqrt(variance));
        if (tensor->role != TENSOR_WEIGHT && found.largest > bound)
            fail_msg("%s, %s: %s has %g", model, init, tensor->name, found.largest);
        values += count;
    }
}

/* Those of many millions of parameters by the first initialisation alone. */
static void every_model_is_initialised_as_asked(void **state)
{
    (void)state;
    enum { MANY = 5000000 };
    struct model_config models[MODELS];
    all_models(models);
    for (const struct kind *const *init = initialisation_table.kinds; *init != NULL; init++)
        for (int m = 0; m < MODELS; m++) {
            models[m].init = choice_of(&initialisation_table, (*init)->name);
            struct network *network = make_for_images(&models[m]);
            if (init == initialisation_table.kinds || network_parameter_count(network) < MANY) {
                network_initialise(network, 2);
                check_initialisation(network, (*init)->name, models[m].kind.kind->name);
            }
            network_destroy(&network);
        }
}

static void a_tensor_does_not_depend_on_later_layers(void **state)
{
    (void)state;
    const struct model_config narrow = mlp(2, (const int64_t[]){30, 20}), wide = mlp(2, (const int64_t[]){30, 50});
    struct network *a = make(&narrow), *b = make(&wide);
    network_initialise(a, 5);
    network_initialise(b, 5);
    const size_t first = sizeof(float) * 30 * (INPUTS + 1);
    assert_memory_equal(network_parameters(a), network_parameters(b), first);
    network_initialise(b, 6);
    assert_true(memcmp(network_parameters(a), network_parameters(b), first) != 0);
    network_initialise(b, 5);
    assert_memory_equal(network_parameters(a), network_parameters(b), first);
    network_destroy(&a);
    network_destroy(&b);
}

static void the_summary_is_that_of_the_network(void **state)
{
    (void)state;
    const struct model_config model = mlp(2, (const int64_t[]){30, 20});
    struct network_summary summary;
    assert_int_equal(network_summarise(&model, (struct shape){28, 28, 1}, CLASSES, BATCH, &summary, NULL), STATUS_OK);
    struct network *network = make(&model);
    assert_int_equal(summary.parameter_count, network_parameter_count(network));
    assert_int_equal(summary.layer_count, 3);
    assert_int_equal(summary.tensor_count, 6);
    assert_true(summary.flops_per_sample == 2.0 * (INPUTS * 30 + 30 * 20 + 20 * CLASSES));
    assert_true(summary.bytes > sizeof(float) * 2 * (size_t)summary.parameter_count);
    network_destroy(&network);
}

/* Counts of the published networks, or by hand. */
static void presets_have_the_parameters_of_their_papers(void **state)
{
    (void)state;
    const struct shape mnist = {28, 28, 1}, cifar = {32, 32, 3};
    struct model_config models[7];
    for (int i = 0; i < 7; i++)
        settings_default(model_fields, &models[i]);
    choice_integers(&models[0].kind, "hidden", 6, (const int64_t[]){400, 200, 200, 200, 200, 200});
    choice_integers(&models[1].kind, "hidden", 3, (const int64_t[]){500, 300, 100});
    models[2].kind = choice_of(&model_table, "cnn");
    choice_integers(&models[2].kind, "channels", 3, (const int64_t[]){16, 32, 32});
    models[3].kind = choice_of(&model_table, "resnet");
    choice_integer(&models[3].kind, "depth", 32);
    models[4].kind = choice_of(&model_table, "resnet18_mnist");
    models[5].kind = choice_of(&model_table, "inception_lite");
    choice_flag(&models[5].kind, "batch_norm", false);
    models[6].kind = choice_of(&model_table, "lenet");
    const int64_t counts[] = {557010, 573910, 19466, 464154, 11175370, 1659482, 61706};
    for (int i = 0; i < 7; i++) {
        struct network_summary summary;
        const struct shape input = i == 2 || i == 3 || i == 5 ? cifar : mnist;
        assert_int_equal(network_summarise(&models[i], input, CLASSES, BATCH, &summary, NULL), STATUS_OK);
        if (summary.parameter_count != counts[i])
            fail_msg("%s: %lld parameters, not %lld", models[i].kind.kind->name, (long long)summary.parameter_count,
                     (long long)counts[i]);
    }
}

/* Kernels of 3 x 3, each followed by pooling, which halves the side: the CNNs of Fort et al. 2019. */
static int64_t cnn_parameters(int count, const int64_t *channels, int side, int inputs)
{
    int64_t total = 0, before = inputs;
    for (int i = 0; i < count; i++) {
        total += channels[i] * (9 * before + 1);
        before = channels[i];
        side /= 2;
    }
    return total + CLASSES * (before * side * side + 1);
}

static void the_cnns_of_the_stiffness_paper_have_as_many_parameters_as_a_closed_form_says(void **state)
{
    (void)state;
    const int64_t wide[] = {32, 64, 128, 256}, narrow[] = {16, 32, 32};
    const struct shape shapes[] = {{28, 28, 1}, {32, 32, 3}};
    assert_int_equal(cnn_parameters(3, narrow, 32, 3), 19466);
    for (int i = 0; i < 4; i++) {
        const bool is_wide = i % 2 == 1;
        const int count = is_wide ? 4 : 3;
        const int64_t *const channels = is_wide ? wide : narrow;
        struct model_config model;
        struct network_summary summary;
        settings_default(model_fields, &model);
        model.kind = choice_of(&model_table, "cnn");
        choice_integers(&model.kind, "channels", count, channels);
        assert_int_equal(network_summarise(&model, shapes[i / 2], CLASSES, BATCH, &summary, NULL), STATUS_OK);
        assert_int_equal(summary.parameter_count,
                         cnn_parameters(count, channels, shapes[i / 2].height, shapes[i / 2].channels));
    }
}

/* By hand: convolutions 3-4, 4-4, 4-5, 4-5 without bias, 5-3; batch norm 4; dense (3 + 5) x 16 x 16 to 10. */
static void a_list_of_layers_has_the_parameters_of_its_layers(void **state)
{
    (void)state;
    struct model_config model;
    struct network_summary summary;
    settings_default(model_fields, &model);
    model.kind = toy_layers(&model_table, &layer_item_table);
    assert_int_equal(network_summarise(&model, (struct shape){32, 32, 3}, CLASSES, 1, &summary, NULL), STATUS_OK);
    assert_int_equal(summary.parameter_count, 4 * 28 + 4 * 37 + 5 * 37 + 5 * 4 + 3 * 6 + 8 + 10 * (8 * 256 + 1));
    assert_string_equal(summary.layer_path, "");
}

static void a_layer_of_a_list_that_does_not_fit_is_named(void **state)
{
    (void)state;
    struct model_config model;
    struct network_summary summary;
    struct error error;
    settings_default(model_fields, &model);
    const struct choice pool = choice_of(&layer_item_table, "max_pool"), dense = choice_of(&layer_item_table, "dense");
    const void *const small[] = {&pool, &pool, &dense}, *const middle[] = {&dense, &dense}, *const open[] = {&pool};
    const struct {
        int count;
        const void *const *items;
        const char *path, *text;
    } cases[] = {{3, small, "layers.1", "layer max_pool2: max_pool: a window of 2 x 2 does not fit into 1 x 1 pixels"},
                 {2, middle, "layers.0", "layer dense1: dense: units is not given; only the last layer"},
                 {1, open, "layers.0", "layer max_pool1: the network ends with 3 outputs, but there are 10 classes"}};
    for (int i = 0; i < 3; i++) {
        struct network *network = NULL;
        model.kind = choice_of(&model_table, "layers");
        choice_items(&model.kind, "layers", cases[i].count, cases[i].items);
        assert_int_equal(network_summarise(&model, (struct shape){3, 2, 3}, CLASSES, 1, &summary, &error),
                         STATUS_BAD_SWEEP);
        assert_string_equal(summary.layer_path, cases[i].path);
        assert_memory_equal(error.text, cases[i].text, strlen(cases[i].text));
        assert_int_equal(network_create(&model, (struct shape){3, 2, 3}, CLASSES, 1, &network, &error),
                         STATUS_BAD_SWEEP);
        assert_null(network);
    }
}

static void a_network_has_at_most_4096_layers(void **state)
{
    (void)state;
    struct model_config model;
    struct network_summary summary;
    struct error error;
    const void *same[FIELD_LIST_MAX], *groups[FIELD_LIST_MAX];
    const struct choice dropout = choice_of(&layer_item_table, "dropout");
    struct choice residual = choice_of(&layer_item_table, "residual");
    for (int i = 0; i < FIELD_LIST_MAX; i++) {
        same[i] = &dropout;
        groups[i] = &residual;
    }
    choice_items(&residual, "layers", 31, same);
    settings_default(model_fields, &model);
    model.kind = choice_of(&model_table, "layers");
    choice_items(&model.kind, "layers", FIELD_LIST_MAX, groups);
    const struct shape input = {1, 1, CLASSES};
    assert_int_equal(network_summarise(&model, input, CLASSES, 1, &summary, &error), STATUS_OK);
    assert_int_equal(summary.layer_count, 4096);
    choice_items(&residual, "layers", 32, same);
    assert_int_equal(network_summarise(&model, input, CLASSES, 1, &summary, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "the network has more than 4096 layers");
    assert_string_equal(summary.layer_path, "layers.124.layers.4");
}

static void a_description_has_a_line_a_layer(void **state)
{
    (void)state;
    const struct model_config model = mlp(1, (const int64_t[]){30});
    struct network *network = make(&model);
    struct text text = {0};
    network_describe(network, &text);
    assert_non_null(strstr(text.data, "dense1"));
    assert_non_null(strstr(text.data, "23550 parameters\n"));
    assert_non_null(strstr(text.data, "310 parameters\n"));
    text_free(&text);
    network_destroy(&network);
}

static void a_layer_too_large_is_refused_with_its_name(void **state)
{
    (void)state;
    const struct model_config model = mlp(2, (const int64_t[]){1 << 20, 1 << 20});
    struct network *network = NULL;
    struct error error;
    assert_int_equal(network_create(&model, (struct shape){28, 28, 1}, CLASSES, BATCH, &network, &error),
                     STATUS_BAD_SWEEP);
    assert_non_null(strstr(error.text, "layer dense2: dense: 1048576 inputs times 1048576 units"));
    assert_non_null(strstr(error.text, "use fewer units"));
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_lie_in_the_flat_block_without_gaps),
        cmocka_unit_test(a_linear_network_is_what_its_tensors_say),
        cmocka_unit_test(biases_are_where_they_are_asked_for),
        cmocka_unit_test(biases_of_every_model_are_where_they_are_asked_for),
        cmocka_unit_test(weights_have_the_variance_of_their_initialisation),
        cmocka_unit_test(every_model_is_initialised_as_asked),
        cmocka_unit_test(a_tensor_does_not_depend_on_later_layers),
        cmocka_unit_test(the_summary_is_that_of_the_network),
        cmocka_unit_test(presets_have_the_parameters_of_their_papers),
        cmocka_unit_test(the_cnns_of_the_stiffness_paper_have_as_many_parameters_as_a_closed_form_says),
        cmocka_unit_test(a_list_of_layers_has_the_parameters_of_its_layers),
        cmocka_unit_test(a_layer_of_a_list_that_does_not_fit_is_named),
        cmocka_unit_test(a_network_has_at_most_4096_layers),
        cmocka_unit_test(a_description_has_a_line_a_layer),
        cmocka_unit_test(a_layer_too_large_is_refused_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
