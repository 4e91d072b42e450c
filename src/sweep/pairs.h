/* pairs.h - the entries of `pairs:`: which axes the two trials of a pair agree in. */
#ifndef SEEDBED_SWEEP_PAIRS_H
#define SEEDBED_SWEEP_PAIRS_H

#include <stdbool.h>

#include "config/tree.h"

struct pairs_entry {
    const struct tree_node *node;
    const bool *agree; /* [axes] of the sweep: whether both trials have the same value of it; in the arena */
};

struct pairs {
    struct pairs_entry *entries; /* in the arena */
    int count;
};

/* Reads the value of `pairs:` (NULL: none); axes [axis_count] are the sweep's. Wrong entries are faults and left out.
 */
void pairs_read(struct tree_arena *arena, const struct tree_node *node, const char *const *axes, int axis_count,
                struct pairs *out, struct faults *faults);

#endif
