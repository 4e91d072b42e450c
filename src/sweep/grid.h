/* grid.h - a sweep file's axes and points.
 * A point is a number: its mixed-radix digits choose the values, so no list of points is ever made. Points are ordered
 * by grid of a union, then by the keys of `grid` and the groups of `zip` as written, the last one changing fastest;
 * excluded points keep their numbers. */
#ifndef SEEDBED_SWEEP_GRID_H
#define SEEDBED_SWEEP_GRID_H

#include <stdint.h>

#include "config/config.h"
#include "sweep/pairs.h"
#include "sweep/plan.h"

enum { GRID_POINTS_MAX = 10000000, GRID_AXES_MAX = 64, GRID_UNION_MAX = 1000 };

struct grid;

/* Reads the sweep file and binds every value of every axis at least once. *out: owned by the caller, valid while the
 * arena's memory from before this call and of this call is; NULL when faults were added. Any rank. */
enum status grid_read(const struct plan_request *request, struct tree_arena *arena, struct grid **out,
                      struct faults *faults, struct error *error);
void grid_destroy(struct grid **grid);

/* Points, the excluded ones too; 1 without a grid. */
int64_t grid_points(const struct grid *grid);

/* The sweep's tree at a point: that point's values set, without grid, zip, exclude and pairs. Its new nodes are made in
 * the arena, which may be rewound afterwards. NULL without memory. */
const struct tree_node *grid_tree(const struct grid *grid, struct tree_arena *arena, int64_t point);

/* Whether `exclude` drops this resolved point; remembers which entries ever matched. */
bool grid_excluded(struct grid *grid, const struct trial_config *config);

/* A fault for every entry of `exclude` that matched no point asked about. */
void grid_check_used(const struct grid *grid, struct faults *faults);

/* The entries of `pairs`; lent. */
const struct pairs *grid_pairs(const struct grid *grid);

/* A fault at `exclude`, for a sweep that it leaves nothing of. */
void grid_refuse_empty(const struct grid *grid, struct faults *faults);

/* Axes of all grids of the union, each once, in the order that they are written in. */
int grid_axis_count(const struct grid *grid);

/* The dotted path; lent. */
const char *grid_axis_name(const struct grid *grid, int axis);

/* The value that a point gives to an axis, as written; NULL where the point's own grid does not have the axis. May be
 * made in the arena. */
const struct tree_node *grid_axis_value(const struct grid *grid, struct tree_arena *arena, int64_t point, int axis);

#endif
