/* spacing.h - evenly spaced numbers: {lin: [first, last, how many]}, or {log: ...} for even steps in the logarithm. */
#ifndef SEEDBED_CONFIG_SPACING_H
#define SEEDBED_CONFIG_SPACING_H

#include <stdint.h>

#include "config/tree.h"

struct spacing {
    bool logarithmic;
    const struct tree_node *from, *to; /* the ends as they were written; lent by the tree */
    double low, high;                  /* the same as numbers */
    int64_t count;
};

/* Whether node has the form of a spacing: a map of the one key log or lin. */
bool spacing_is(const struct tree_node *node);

/* Says what is wrong at a node, in words that follow the key's path. */
struct spacing_report {
    void *context;
    void (*refuse)(void *context, const struct tree_node *node, const char *message);
};

/* Reads a node that has the form; false and reports when it is wrong. */
bool spacing_read(const struct tree_node *node, struct spacing *out, const struct spacing_report *report);

/* The value at index, rounded to 12 digits, so that 0.3 is 0.3 and every machine's library gives the same number. */
void spacing_write(const struct spacing *spacing, int64_t index, char *text, size_t bytes);

#endif
