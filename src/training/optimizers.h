/* optimizers.h - the optimizers of the table. */
#ifndef SEEDBED_TRAINING_OPTIMIZERS_H
#define SEEDBED_TRAINING_OPTIMIZERS_H

#include "training/training.h"

extern const struct optimizer_ops optimizer_sgd;

#endif
