/* toy_layers.h - a small network as a list of layers, with every kind of group, shortcut and function among them. */
#ifndef SEEDBED_TESTS_TOY_LAYERS_H
#define SEEDBED_TESTS_TOY_LAYERS_H

#include "seedbed/field.h"

/* The model `layers` out of models, its layers out of items. Four convolutions with a bias, and a dense layer. Lent:
 * the same list each time. */
struct choice toy_layers(const struct kind_table *models, const struct kind_table *items);

/* A layer by name with settings that fit small inputs: five units or channels, and the activation where it has one. */
struct choice toy_layer(const struct kind_table *layers, const char *name, const char *activation);

#endif
