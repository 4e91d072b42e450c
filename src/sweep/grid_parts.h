/* grid_parts.h - what a grid consists of: shared by the files that read it and that walk it. */
#ifndef SEEDBED_SWEEP_GRID_PARTS_H
#define SEEDBED_SWEEP_GRID_PARTS_H

#include "sweep/axis.h"
#include "sweep/exclude.h"
#include "sweep/grid.h"

/* Axes that share a digit: one key of `grid`, or the keys of a group of `zip`. */
struct dimension {
    struct axis *axes;
    int axis_count;
    int64_t count;
};

/* One axis of a block, with its dimension's digit. */
struct block_axis {
    const struct axis *axis;
    int dimension;
};

/* One grid of the union, crossed with the groups of `zip`. */
struct block {
    const struct tree_node *node; /* its map; NULL: none */
    struct dimension dimensions[GRID_AXES_MAX];
    int dimension_count;
    struct block_axis axes[GRID_AXES_MAX]; /* shallow keys first: a setting comes after the section it stands in */
    int axis_count;
    int64_t first, points;
};

/* `--set KEY=VALUE` */
struct grid_set {
    struct tree_node key; /* text: the dotted path */
    const struct tree_node *value;
    bool is_axis; /* replaces the values of an axis; else it is set in the base */
};

struct grid {
    const struct tree_node *base;
    struct block *blocks; /* in the arena */
    int block_count;
    int64_t points;
    const char **names; /* in the arena */
    int name_count;
    struct exclude exclude;
    struct pairs pairs;
    struct grid_set *sets; /* in the arena; read in order, the last of a key holds */
    int set_count;
};

/* Reads `grid` and `zip` of root into grid->blocks; wrong axes are faults and left out. */
void grid_read_blocks(struct grid *grid, struct tree_arena *arena, const struct tree_node *root, struct faults *faults);

/* The last option that sets this key; NULL: none. */
struct grid_set *grid_find_set(const struct grid *grid, const char *path);

/* The tree at given digits [dimension_count] of a block. NULL without memory. */
const struct tree_node *grid_tree_at(const struct grid *grid, struct tree_arena *arena, const struct block *block,
                                     const int64_t *digits);

/* Binds the first point of every block, and around it every value of every axis; all points of a small faulty grid. */
enum status grid_check_values(const struct grid *grid, struct tree_arena *arena, const char *base_directory,
                              struct faults *faults, struct error *error);

#endif
