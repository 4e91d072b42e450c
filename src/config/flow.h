/* flow.h - default texts of field tables, read without an arena and fast: once per key that a trial leaves out. */
#ifndef SEEDBED_CONFIG_FLOW_H
#define SEEDBED_CONFIG_FLOW_H

#include "config/tree.h"

enum { FLOW_NODES = 96, FLOW_TEXT_BYTES = 1024 };

struct flow_room {
    struct tree_node nodes[FLOW_NODES];
    const struct tree_node *children[2 * FLOW_NODES];
    char text[FLOW_TEXT_BYTES];
    int node_count, child_count;
    size_t text_count;
};

/* The flow-style YAML text as a tree that lives as long as room and text: scalars, [a, b], {key: value}; quoted text
 * without escapes. NULL when it is none or too long: a mistake in a table. */
const struct tree_node *flow_parse(const char *text, struct flow_room *room);

#endif
