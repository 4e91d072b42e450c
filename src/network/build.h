/* build.h - a network out of any list of layers, for presets and tests. */
#ifndef SEEDBED_NETWORK_BUILD_H
#define SEEDBED_NETWORK_BUILD_H

#include "network/model.h"
#include "network/network.h"

/* As network_create. Takes over the list, whatever the status. init: struct initialisation_ops; copied. */
enum status network_build(struct layer_list *layers, const struct choice *init, struct shape input, int max_batch,
                          struct network **out, struct error *error);

#endif
