/* golden_run.h - the tiny network of a golden header, trained from its weights. Included behind that header, by the two
 * tests that have one. */
#include <math.h>
#include <stdint.h>
#include <string.h>

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

/* What both have: full batches for so many steps. */
static struct train_config golden_defaults(void)
{
    struct train_config train;
    settings_default(train_fields, &train);
    train.epochs = GOLDEN_STEPS;
    train.batch_size = GOLDEN_SAMPLES;
    return train;
}

/* Distance of the trained weights from the expected ones, relative to their norm.   end [GOLDEN_PARAMETERS] */
static double golden_distance(const struct train_config *train, const char *activation, const struct samples *samples,
                              const float *end)
{
    struct model_config model;
    struct network *network = NULL;
    settings_default(model_fields, &model);
    choice_integers(&model.kind, "hidden", 2, (const int64_t[]){golden_hidden[0], golden_hidden[1]});
    choice_name(&model.kind, "activation", activation);
    assert_int_equal(network_create(&model, samples->dataset->shape.sample, GOLDEN_CLASSES,
                                    training_max_batch(train, GOLDEN_SAMPLES), &network, NULL),
                     STATUS_OK);
    assert_int_equal(network_parameter_count(network), GOLDEN_PARAMETERS);
    memcpy(network_parameters(network), golden_start, sizeof golden_start);
    const struct training training = {.network = network, .samples = samples, .config = train};
    const struct training_hooks hooks = {0};
    assert_int_equal(training_run(&training, &hooks, NULL), STATUS_OK);
    double difference = 0, size = 0;
    for (int i = 0; i < GOLDEN_PARAMETERS; i++) {
        difference += pow((double)network_parameters(network)[i] - (double)end[i], 2);
        size += pow((double)end[i], 2);
    }
    network_destroy(&network);
    return sqrt(difference / size);
}
