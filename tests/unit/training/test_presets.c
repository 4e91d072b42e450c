/* Every preset of models does what PyTorch does with a network written down by hand: outputs, the gradient of each
 * tensor, what full-batch steps change, running statistics with it, and outputs in evaluation mode afterwards.
 * Both sides fill the parameters by one formula, and compare a projection of each tensor. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../golden/presets.h"

#include "../../golden/full_batch.h"
#include "base/memory.h"
#include "network/network.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PRESETS = sizeof golden_presets / sizeof *golden_presets };

static void must(enum status status)
{
    assert_int_equal(status, STATUS_OK);
}

/* Even in [-1, 1): a hash of stream and place, as in tools/golden/make_preset_golden.py. */
static double number(uint32_t stream, size_t place)
{
    uint32_t x = (uint32_t)place * 0x9E3779B9U + stream * 0x85EBCA6BU;
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    x ^= x >> 16;
    return x / 2147483648.0 - 1;
}

static size_t size_of(const struct tensor_spec *tensor)
{
    size_t size = 1;
    for (int i = 0; i < tensor->rank; i++)
        size *= (size_t)tensor->dimensions[i];
    return size;
}

/* Around 1 or -1: fewer inputs of a relu come near its kink. */
static double off_zero(double drawn)
{
    return drawn < 0 ? -1 + 0.8 * (drawn + 0.5) : 1 + 0.8 * (drawn - 0.5);
}

static double filled(const struct tensor_spec *tensor, double gain, double drawn)
{
    if (tensor->role == TENSOR_WEIGHT)
        return drawn * (gain * sqrt(6.0 / tensor->fan_in));
    return tensor->role == TENSOR_SCALE ? 1 + 0.1 * drawn : off_zero(drawn);
}

/* The parameters by the formula; running statistics as a fresh network has them. */
static void fill(struct network *network, uint32_t stream)
{
    float *values = network_parameters(network);
    double gain = 0.5;
    network_initialise(network, 0);
    for (int t = 0; t < network_tensor_count(network); t++)
        gain = network_tensors(network)[t].role == TENSOR_SCALE ? 1 : gain;
    for (int t = 0; t < network_tensor_count(network); t++) {
        const struct tensor_spec *const tensor = &network_tensors(network)[t];
        for (size_t i = 0; i < size_of(tensor); i++)
            *values++ = (float)filled(tensor, gain, number(stream + (uint32_t)t + 1, i));
    }
}

static struct samples draw_samples(const struct golden_preset *golden)
{
    const size_t features = (size_t)golden->side * (size_t)golden->side * (size_t)golden->channels;
    struct samples samples = toy_samples(GOLDEN_SAMPLES, (int)features, GOLDEN_CLASSES, 0, 0);
    float *const x = dataset_values((struct dataset *)(uintptr_t)samples.dataset, PART_TRAIN);
    for (size_t i = 0; i < GOLDEN_SAMPLES * features; i++)
        x[i] = (float)number(golden->stream, i);
    return samples;
}

static double length(size_t count, const float *values)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

static void check_outputs(const struct golden_preset *golden, const char *what, const float *found,
                          const float *expected, double tolerance)
{
    float away[GOLDEN_SAMPLES * GOLDEN_CLASSES];
    for (int i = 0; i < GOLDEN_SAMPLES * GOLDEN_CLASSES; i++)
        away[i] = found[i] - expected[i];
    const double distance = length(GOLDEN_SAMPLES * GOLDEN_CLASSES, away);
    if (!(distance <= tolerance * length(GOLDEN_SAMPLES * GOLDEN_CLASSES, expected)))
        fail_msg("%s: %s are %g away", golden->model, what,
                 distance / length(GOLDEN_SAMPLES * GOLDEN_CLASSES, expected));
}

/* Values of the first `count` tensors, one after another. */
struct looked_at {
    const char *what;
    int count;
    const float *values, *expected;
    const float *weights; /* that values are small changes of; NULL: they are none */
    double tolerance;
};

/* A tensor that ought to be zero is so to the rounding of the largest; changes are as right as float32 keeps weights,
 * whose rounding a projection on the weights' own draw adds up. */
static void check_projections(const struct golden_preset *golden, const struct network *network,
                              const struct looked_at *it)
{
    double largest = 0;
    const float *values = it->values, *weights = it->weights;
    const struct tensor_spec *const tensors = network_tensors(network);
    const float *of = values;
    for (int t = 0; t < it->count; of += size_of(&tensors[t++]))
        largest = fmax(largest, length(size_of(&tensors[t]), of));
    for (int t = 0; t < it->count; values += size_of(&tensors[t++])) {
        const size_t size = size_of(&tensors[t]);
        double projection = 0, squares = 0;
        for (size_t i = 0; i < size; i++) {
            const double along = number((uint32_t)t + 1, i);
            projection += (double)values[i] * along;
            squares += along * along;
        }
        const double rounding = weights == NULL ? 0 : 3e-8 * length(size, weights) * sqrt(squares);
        const double scale = length(size, values) + 1e-3 * largest, away = fabs(projection - (double)it->expected[t]);
        if (!(away <= it->tolerance * scale + rounding))
            fail_msg("%s: %s of %s is %g where PyTorch has %g, %g away", golden->model, it->what, tensors[t].name,
                     projection, (double)it->expected[t], away / scale);
        weights = weights == NULL ? NULL : weights + size;
    }
}

static void check_gradients(const struct golden_preset *golden, struct network *network, const float *x,
                            const int16_t *labels)
{
    const struct choice loss = choice_of(&loss_table, "cross_entropy");
    float dlogits[GOLDEN_SAMPLES * GOLDEN_CLASSES];
    const float *const logits = network_forward(network, x, GOLDEN_SAMPLES, PASS_TRAIN);
    ((const struct loss_ops *)loss.kind)
        ->gradient(loss.settings, GOLDEN_SAMPLES, GOLDEN_CLASSES, logits, labels, 1.0f / GOLDEN_SAMPLES, dlogits);
    network_backward(network, dlogits, GOLDEN_SAMPLES);
    check_projections(golden, network,
                      &(struct looked_at){.what = "the gradient",
                                          .count = golden->tensors,
                                          .values = network_gradient(network),
                                          .expected = golden->gradients,
                                          .tolerance = tolerance_of_gradients});
}

static void check_training(const struct golden_preset *golden, struct network *network, const struct samples *samples)
{
    const size_t count = (size_t)network_parameter_count(network) + (size_t)network_state_count(network);
    float *const values = network_parameters(network);
    void *memory = NULL;
    must(memory_allocate(&memory, count, sizeof(float), "start", NULL));
    float *const changes = memory;
    memcpy(changes, values, count * sizeof *changes);
    must(train_full_batch(network, samples, GOLDEN_SAMPLES, golden->steps));
    for (size_t i = 0; i < count; i++)
        changes[i] = values[i] - changes[i];
    check_projections(golden, network,
                      &(struct looked_at){.what = "the change",
                                          .count = golden->kept,
                                          .values = changes,
                                          .expected = golden->changes,
                                          .weights = values,
                                          .tolerance = tolerance_of_changes});
    memory_free(memory);
}

static void check_preset(const struct golden_preset *golden)
{
    struct samples samples = draw_samples(golden);
    const float *const x = dataset_values((struct dataset *)(uintptr_t)samples.dataset, PART_TRAIN);
    const struct shape shape = {golden->side, golden->side, golden->channels};
    struct model_config model;
    struct network *network = NULL;
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, golden->model);
    must(network_create(&model, shape, GOLDEN_CLASSES, 256, &network, NULL));
    assert_int_equal(network_parameter_count(network), golden->parameters);
    assert_int_equal(network_tensor_count(network), golden->tensors);
    assert_int_equal(network_tensor_count(network) + network_state_tensor_count(network), golden->kept);
    fill(network, golden->stream);
    check_outputs(golden, "outputs", network_forward(network, x, GOLDEN_SAMPLES, PASS_EVALUATE), golden->first,
                  tolerance_of_first);
    check_gradients(golden, network, x, samples.labels);
    fill(network, golden->stream);
    check_training(golden, network, &samples);
    check_outputs(golden, "outputs at the end", network_forward(network, x, GOLDEN_SAMPLES, PASS_EVALUATE),
                  golden->last, tolerance_of_last);
    network_destroy(&network);
    toy_samples_free(&samples);
}

static void presets_do_what_pytorch_does(void **state)
{
    (void)state;
    for (int i = 0; i < PRESETS; i++)
        check_preset(&golden_presets[i]);
}

/* By its name, the first word of what is spelled. */
static void every_preset_is_compared(void **state)
{
    (void)state;
    for (const struct kind *const *kind = model_table.kinds; *kind != NULL; kind++) {
        const size_t bytes = strlen((*kind)->name);
        bool found = strcmp((*kind)->name, "layers") == 0; /* no preset */
        for (int i = 0; i < PRESETS; i++)
            found |= strcspn(golden_presets[i].model, " ") == bytes &&
                     strncmp(golden_presets[i].model, (*kind)->name, bytes) == 0;
        if (!found)
            fail_msg("tools/golden/make_preset_golden.py has no case of model %s", (*kind)->name);
    }
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_do_what_pytorch_does),
        cmocka_unit_test(every_preset_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
