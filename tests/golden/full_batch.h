/* full_batch.h - training as the scripts in tools/golden do it, by the rate, momentum and decay of the golden header
 * that is included before. */
#ifndef SEEDBED_TESTS_FULL_BATCH_H
#define SEEDBED_TESTS_FULL_BATCH_H

#include "settings.h"
#include "training/training.h"

/* Every step takes all of the samples. */
static enum status train_full_batch(struct network *network, const struct samples *samples, int count, int steps)
{
    struct train_config config;
    settings_default(train_fields, &config);
    config.epochs = steps;
    config.batch_size = count;
    config.learning_rate = golden_rate;
    choice_real(&config.optimizer, "momentum", golden_momentum);
    choice_real(&config.optimizer, "weight_decay", golden_decay);
    const struct training training = {.network = network, .samples = samples, .config = &config};
    const struct training_hooks hooks = {0};
    return training_run(&training, &hooks, NULL);
}

#endif
