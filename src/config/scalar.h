/* scalar.h - what the text of a scalar means. Each returns NULL and sets *out, or what is wrong with the text, in words
 * that follow it: "'abc' is not a number". */
#ifndef SEEDBED_CONFIG_SCALAR_H
#define SEEDBED_CONFIG_SCALAR_H

#include <stdint.h>

#include "config/tree.h"

const char *scalar_real(const struct tree_node *node, double *out);

/* A whole number; 1e4 and 5.0 are whole too. */
const char *scalar_integer(const struct tree_node *node, int64_t *out);

const char *scalar_flag(const struct tree_node *node, bool *out);

/* Seconds: 90, 90s, 10m, 2h, 3d, [D-]HH:MM:SS, MM:SS. */
const char *scalar_duration(const struct tree_node *node, double *out);

/* Whether the text has the form of a range `a..b` of whole numbers, both ends in. */
bool scalar_is_range(const struct tree_node *node);
const char *scalar_range(const struct tree_node *node, int64_t *first, int64_t *last);

#endif
