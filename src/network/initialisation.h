/* initialisation.h - how weights and biases are drawn. */
#ifndef SEEDBED_NETWORK_INITIALISATION_H
#define SEEDBED_NETWORK_INITIALISATION_H

#include "seedbed/field.h"
#include "seedbed/layer.h"
#include "seedbed/random.h"

struct initialisation_ops {
    struct kind kind;
    /* Fills a tensor whose role is TENSOR_WEIGHT or TENSOR_BIAS. values [count], zero before */
    void (*draw)(const void *settings, const struct tensor_spec *tensor, struct random *random, int64_t count,
                 float *values);
};

#endif
