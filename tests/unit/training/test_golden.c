/* Fifty full-batch steps from given weights end where PyTorch ends, for every optimizer setting, loss and schedule. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../golden/training.h"
#include "network/network.h"
#include "settings.h"
#include "toy_samples.h"
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct samples golden_samples(void)
{
    struct samples samples = toy_samples(GOLDEN_SAMPLES, GOLDEN_FEATURES, GOLDEN_CLASSES, 0, 0);
    struct dataset *const dataset = (struct dataset *)(uintptr_t)samples.dataset;
    memcpy(dataset_values(dataset, PART_TRAIN), golden_x, sizeof golden_x);
    return samples;
}

static struct train_config golden_train(const struct golden_case *golden)
{
    struct train_config train;
    settings_default(train_fields, &train);
    train.epochs = GOLDEN_STEPS;
    train.batch_size = GOLDEN_SAMPLES;
    train.learning_rate = golden_rate;
    train.loss = choice_of(&loss_table, golden->loss);
    for (int i = 0; i < GOLDEN_LOSS_SETTINGS && golden->settings[i].key != NULL; i++)
        if (golden->settings[i].name != NULL)
            choice_name(&train.loss, golden->settings[i].key, golden->settings[i].name);
        else
            choice_real(&train.loss, golden->settings[i].key, golden->settings[i].value);
    choice_real(&train.optimizer, "momentum", golden->momentum);
    choice_real(&train.optimizer, "weight_decay", golden->decay);
    choice_flag(&train.optimizer, "nesterov", golden->nesterov);
    train.schedule = choice_of(&schedule_table, golden->schedule);
    if (strcmp(golden->schedule, "step") == 0) {
        choice_integer(&train.schedule, "every", 20);
        choice_real(&train.schedule, "factor", 0.5);
    }
    return train;
}

/* Distance of the weights from PyTorch's, relative to their norm. */
static double distance(const float *found, const float *expected)
{
    double difference = 0, size = 0;
    for (int i = 0; i < GOLDEN_PARAMETERS; i++) {
        difference += pow((double)found[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    return sqrt(difference / size);
}

static double golden_distance(const struct golden_case *golden, const struct samples *samples)
{
    const struct train_config train = golden_train(golden);
    struct model_config model;
    struct network *network = NULL;
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", 2, (const int64_t[]){golden_hidden[0], golden_hidden[1]});
    choice_name(&model.kind, "activation", golden->activation);
    assert_int_equal(network_create(&model, samples->dataset->shape.sample, GOLDEN_CLASSES,
                                    training_max_batch(&train, GOLDEN_SAMPLES), &network, NULL),
                     STATUS_OK);
    assert_int_equal(network_parameter_count(network), GOLDEN_PARAMETERS);
    memcpy(network_parameters(network), golden_start, sizeof golden_start);
    const struct training training = {.network = network, .samples = samples, .config = &train};
    const struct training_hooks hooks = {0};
    assert_int_equal(training_run(&training, &hooks, NULL), STATUS_OK);
    const double found = distance(network_parameters(network), golden->end);
    network_destroy(&network);
    return found;
}

static void fifty_steps_end_where_pytorch_ends(void **state)
{
    (void)state;
    struct samples samples = golden_samples();
    for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++) {
        const double found = golden_distance(&golden_cases[i], &samples);
        if (!(found < 1e-5))
            fail_msg("case %zu (%s, %s): %g away", i, golden_cases[i].loss, golden_cases[i].activation, found);
    }
    toy_samples_free(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fifty_steps_end_where_pytorch_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
