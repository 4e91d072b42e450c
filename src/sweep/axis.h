/* axis.h - one key of a grid and its values, which are made when asked for: an axis of a million seeds takes no room.
 */
#ifndef SEEDBED_SWEEP_AXIS_H
#define SEEDBED_SWEEP_AXIS_H

#include <stdint.h>

#include "config/spacing.h"
#include "config/tree.h"

enum axis_part_type {
    AXIS_VALUE, /* one value, a node of the sweep file */
    AXIS_RANGE, /* whole numbers first, first + 1, ... */
    AXIS_SPACED
};

struct axis_part {
    enum axis_part_type type;
    const struct tree_node *node; /* the value, or the place of the others */
    struct spacing spacing;       /* of AXIS_SPACED */
    int64_t first;                /* of AXIS_RANGE */
    double low, high;             /* ends of AXIS_RANGE */
    int64_t start, count;         /* positions in the axis */
};

struct axis {
    const struct tree_node *key; /* its text is the dotted path */
    int depth;                   /* parts of the path */
    struct axis_part *parts;     /* in the arena */
    int part_count;
    int64_t count;
};

/* Reads `key: value` of a grid; false and faults when it is wrong. Nodes and parts live in the arena. */
bool axis_read(struct tree_arena *arena, const struct tree_node *key, const struct tree_node *value, struct axis *out,
               struct faults *faults);

/* Whether value lists several values of this key, rather than being one. */
bool axis_is_several(const char *path, const struct tree_node *value);

/* The value at a position; lent by the sweep's tree or made in the arena. NULL without memory. */
const struct tree_node *axis_value(const struct axis *axis, struct tree_arena *arena, int64_t position);

/* The last position worth trying to see whether the part that holds `position` is valid: ranges hold or fail by their
 * ends. */
int64_t axis_next_to_check(const struct axis *axis, int64_t position);

/* A fault at a node: "path: ...". */
void axis_fault(struct faults *faults, const struct tree_node *node, const char *format, ...) SEEDBED_PRINTF(3, 4);

#endif
