/* encoding.h - whether bytes are text that the YAML reader may see. */
#ifndef SEEDBED_CONFIG_ENCODING_H
#define SEEDBED_CONFIG_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "config/tree.h"

/* Whether the bytes are UTF-8 without byte order mark and control characters; else one fault with its place.
 * where: file, and line 0 when places have no line. */
bool encoding_check(const struct tree_node *where, const char *text, size_t bytes, struct faults *faults);

#endif
