/* A batch passes the layers in blocks, which nothing must show. Copies of a few samples have the statistics of those
 * few, so every copy has their outputs, and the gradient is that of the few, times the copies; the few fit one block.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "network/build.h"
#include "network/models.h"
#include "network/network.h"
#include "network/sample_gradients.h"
#include "seedbed/random.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FEW = 2, COPIES = 21, BATCH = FEW * COPIES, INPUTS = 32 * 32 * 3, CLASSES = 10, PARAMETERS = 1 << 20 };

static float inputs[BATCH * INPUTS], d_inputs[BATCH * INPUTS];

static struct network *make(struct model_config *model)
{
    struct network *network = NULL;
    struct error error;
    model->init = choice_of(&initialisation_table, "he");
    if (network_create(model, (struct shape){32, 32, 3}, CLASSES, BATCH, &network, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    network_initialise(network, 1);
    return network;
}

static struct model_config named(const char *name)
{
    struct model_config model;
    settings_default(model_fields, &model);
    model.kind = choice_of(&model_table, name);
    return model;
}

static double distance(int64_t count, const float *found, const float *expected, double factor)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += pow((double)found[i] - factor * (double)expected[i], 2);
        size += pow(factor * (double)expected[i], 2);
    }
    return sqrt(difference / size);
}

/* The gradient of a loss that treats copies alike. */
static void set_slopes(int n, float *dlogits)
{
    for (int i = 0; i < n * CLASSES; i++)
        dlogits[i] = (float)(i % (FEW * CLASSES) % 7) - 3.0f;
}

/* Logits of n samples, and the gradient. */
static void pass(struct network *network, int n, float *logits, float *gradient)
{
    float dlogits[BATCH * CLASSES];
    set_slopes(n, dlogits);
    memcpy(logits, network_forward(network, inputs, n, PASS_TRAIN), sizeof *logits * (size_t)(n * CLASSES));
    network_backward(network, dlogits, n);
    memcpy(gradient, network_gradient(network), sizeof *gradient * (size_t)network_parameter_count(network));
}

/* Gradients of n samples in evaluation mode: over the parameters, and over the inputs into d_inputs. */
static void differentiate(struct network *network, int n, float *gradient)
{
    float dlogits[BATCH * CLASSES];
    set_slopes(n, dlogits);
    network_forward(network, inputs, n, PASS_DIFFERENTIATE);
    network_backward_input(network, dlogits, n, d_inputs);
    memcpy(gradient, network_gradient(network), sizeof *gradient * (size_t)network_parameter_count(network));
}

/* In evaluation mode the gradient is the sum of the samples' own. few, many [parameters] room */
static void check_differentiation(struct network *network, float *few, float *many)
{
    static double sums[PARAMETERS], squares[PARAMETERS];
    static float few_inputs[FEW * INPUTS];
    const int64_t count = network_parameter_count(network);
    assert_true(count <= PARAMETERS);
    differentiate(network, FEW, few);
    memcpy(few_inputs, d_inputs, sizeof few_inputs);
    differentiate(network, BATCH, many);
    assert_true(distance(count, many, few, COPIES) < 1e-4);
    for (int copy = 0; copy < COPIES; copy++)
        assert_true(distance(FEW * INPUTS, d_inputs + copy * FEW * INPUTS, few_inputs, 1) < 1e-4);

    struct sample_gradients *rows = NULL;
    float dlogits[BATCH * CLASSES];
    double weights[BATCH];
    assert_int_equal(sample_gradients_create(network, BATCH, &rows, NULL), STATUS_OK);
    for (int i = 0; i < BATCH; i++)
        weights[i] = 1;
    set_slopes(BATCH, dlogits);
    network_forward(network, inputs, BATCH, PASS_DIFFERENTIATE);
    sample_gradients_add(rows, network, dlogits, BATCH);
    memset(sums, 0, sizeof sums);
    memset(squares, 0, sizeof squares);
    sample_gradients_moments(rows, weights, sums, squares);
    for (int64_t i = 0; i < count; i++)
        few[i] = (float)sums[i];
    assert_true(distance(count, few, many, 1) < 1e-4);
    sample_gradients_destroy(&rows);
}

static void check(struct model_config model)
{
    struct network *network = make(&model);
    float few[FEW * CLASSES], many[BATCH * CLASSES], alone[CLASSES];
    void *block = NULL;
    const int64_t count = network_parameter_count(network);
    assert_int_equal(memory_allocate(&block, 2 * (size_t)count, sizeof(float), "gradients", NULL), STATUS_OK);
    float *const gradient = block;
    pass(network, FEW, few, gradient);
    pass(network, BATCH, many, gradient + count);
    for (int copy = 0; copy < COPIES; copy++)
        assert_true(distance(FEW * CLASSES, many + copy * FEW * CLASSES, few, 1) < 1e-4);
    assert_true(distance(count, gradient + count, gradient, COPIES) < 1e-4);
    memcpy(many, network_forward(network, inputs, BATCH, PASS_EVALUATE), sizeof many);
    for (int i = 0; i < BATCH; i++) {
        memcpy(alone, network_forward(network, inputs + (i % FEW) * INPUTS, 1, PASS_EVALUATE), sizeof alone);
        assert_true(distance(CLASSES, many + i * CLASSES, alone, 1) < 1e-4);
    }
    check_differentiation(network, gradient, gradient + count);
    memory_free(block);
    network_destroy(&network);
}

static void copies_of_samples_pass_as_the_samples_do(void **state)
{
    (void)state;
    struct model_config cnn = named("cnn"), resnet = named("resnet"), projecting = named("resnet");
    check(cnn);
    choice_flag(&cnn.kind, "batch_norm", true);
    check(cnn);
    choice_name(&cnn.kind, "activation", "tanh");
    check(cnn);
    choice_name(&cnn.kind, "pooling", "average");
    check(cnn);
    choice_integer(&resnet.kind, "depth", 8);
    check(resnet);
    choice_integer(&projecting.kind, "depth", 8);
    choice_name(&projecting.kind, "shortcut", "projection");
    check(projecting);
}

/* What is dropped depends on a sample's place in the batch, not in its block. */
static void blocks_do_not_repeat_what_is_dropped(void **state)
{
    (void)state;
    const struct choice init = choice_of(&initialisation_table, "he");
    const struct convolution_part part = {.channels = 16, .kernel = 3, .stride = 1, .padding = 1, .activation = "relu"};
    const struct dropout_settings dropout = {.rate = 0.5};
    struct layer_list list = {0};
    struct network *network = NULL;
    float logits[BATCH * CLASSES];
    assert_int_equal(add_convolution(&list, &part, NULL), STATUS_OK);
    assert_int_equal(layer_list_add(&list, &layer_dropout, &dropout, sizeof dropout, NULL), STATUS_OK);
    assert_int_equal(add_dense(&list, CLASSES, "linear", NULL), STATUS_OK);
    assert_int_equal(network_build(&list, &init, (struct shape){32, 32, 3}, BATCH, &network, NULL), STATUS_OK);
    network_initialise(network, 1);
    network_set_step(network, 3, 0);
    memcpy(logits, network_forward(network, inputs, BATCH, PASS_TRAIN), sizeof logits);
    for (int i = 1; i < COPIES; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(logits + i * FEW * CLASSES, logits + j * FEW * CLASSES, CLASSES * sizeof(float));
    network_destroy(&network);
}

static int set_up(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_DATA, 5, 0);
    for (int i = 0; i < FEW * INPUTS; i++)
        inputs[i] = (float)random_normal(&random);
    for (int copy = 1; copy < COPIES; copy++)
        memcpy(inputs + copy * FEW * INPUTS, inputs, sizeof *inputs * FEW * INPUTS);
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
        cmocka_unit_test(copies_of_samples_pass_as_the_samples_do),
        cmocka_unit_test(blocks_do_not_repeat_what_is_dropped),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
