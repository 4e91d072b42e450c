/* expansion.h - a model as the list of layers that a sweep file would give for it. */
#ifndef SEEDBED_CONFIG_EXPANSION_H
#define SEEDBED_CONFIG_EXPANSION_H

#include "base/text.h"
#include "network/network.h"
#include "seedbed/status.h"

/* Adds a section `model` of kind `layers` that makes the same network for inputs of this shape: the same layers in the
 * same order, so the same initial weights. Its last layer has as many outputs as there are classes. Any rank. */
enum status expansion_write(const struct model_config *model, struct shape input, struct text *out,
                            struct error *error);

/* Adds that of every model of the table but `layers`, settings at their defaults, for images of 32 x 32 x 3. */
enum status expansion_write_all(struct text *out, struct error *error);

#endif
