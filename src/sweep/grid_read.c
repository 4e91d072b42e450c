/* grid_read.c - `grid` and `zip` to blocks of dimensions. */
#include <inttypes.h>
#include <string.h>

#include "config/names.h"
#include "sweep/grid_parts.h"
#include "sweep/same_values.h"

struct grid_reader {
    struct grid *grid;
    struct tree_arena *arena;
    struct faults *faults;
};

/* Adds to block; false when the key is there already or there are too many. */
static bool add_axis(struct grid_reader *reader, struct block *block, const struct axis *axis, int dimension)
{
    for (int i = 0; i < block->axis_count; i++)
        if (strcmp(block->axes[i].axis->key->text, axis->key->text) == 0) {
            char place[256];
            tree_place(block->axes[i].axis->key, place, sizeof place);
            axis_fault(reader->faults, axis->key, "%s is an axis twice; its values are already given at %s",
                       axis->key->text, place);
            return false;
        }
    if (block->axis_count == GRID_AXES_MAX) {
        axis_fault(reader->faults, axis->key, "a grid has at most %d axes", GRID_AXES_MAX);
        return false;
    }
    int i = block->axis_count++;
    for (; i > 0 && block->axes[i - 1].axis->depth > axis->depth; i--)
        block->axes[i] = block->axes[i - 1];
    block->axes[i] = (struct block_axis){.axis = axis, .dimension = dimension};
    return true;
}

static void add_dimension(struct grid_reader *reader, struct block *block, const struct dimension *dimension)
{
    int added = 0;
    for (int i = 0; i < dimension->axis_count; i++)
        added += add_axis(reader, block, &dimension->axes[i], block->dimension_count);
    if (added > 0)
        block->dimensions[block->dimension_count++] = *dimension;
}

/* Reads one key. An option that sets the key takes its values' place; false: no axis is left, or it is wrong. */
static bool read_axis(struct grid_reader *reader, const struct tree_node *key, const struct tree_node *value,
                      struct axis *out)
{
    struct grid_set *set = grid_find_set(reader->grid, key->text);
    if (set == NULL)
        return axis_read(reader->arena, key, value, out, reader->faults);
    if (!axis_is_several(key->text, set->value))
        return false;
    set->is_axis = true;
    return axis_read(reader->arena, &set->key, set->value, out, reader->faults);
}

static bool is_map_of_axes(struct grid_reader *reader, const struct tree_node *node, const char *what)
{
    if (node->type == TREE_MAP)
        return true;
    axis_fault(reader->faults, node, "%s is a map from dotted keys to their values, such as {seed: 0..9}", what);
    return false;
}

static struct axis *room_for_axes(struct grid_reader *reader, const struct tree_node *node)
{
    if (node->count > GRID_AXES_MAX) {
        axis_fault(reader->faults, node, "a grid has at most %d axes", GRID_AXES_MAX);
        return NULL;
    }
    struct axis *axes = tree_arena_room(reader->arena, (size_t)node->count * sizeof *axes);
    if (axes == NULL)
        axis_fault(reader->faults, node, "no memory for the grid");
    return axes;
}

static void read_grid(struct grid_reader *reader, struct block *block)
{
    const struct tree_node *node = block->node;
    if (node == NULL || tree_is_empty(node) || !is_map_of_axes(reader, node, "a grid"))
        return;
    struct axis *axes = room_for_axes(reader, node);
    for (int i = 0; axes != NULL && i < node->count; i++)
        if (read_axis(reader, node->keys[i], node->items[i], &axes[i]) && same_values_check(&axes[i], reader->faults))
            add_dimension(reader, block,
                          &(struct dimension){.axes = &axes[i], .axis_count = 1, .count = axes[i].count});
}

/* Whether the axes of a group have as many values each. */
static bool lengths_agree(struct grid_reader *reader, const struct dimension *group)
{
    for (int i = 1; i < group->axis_count; i++)
        if (group->axes[i].count != group->count) {
            axis_fault(reader->faults, group->axes[i].key,
                       "keys of a zip group need as many values each: %s has %" PRId64 ", %s has %" PRId64,
                       group->axes[i].key->text, group->axes[i].count, group->axes[0].key->text, group->count);
            return false;
        }
    return true;
}

static void read_group(struct grid_reader *reader, const struct tree_node *node)
{
    if (!is_map_of_axes(reader, node, "a zip group"))
        return;
    struct dimension group = {.axes = room_for_axes(reader, node)};
    for (int i = 0; group.axes != NULL && i < node->count; i++)
        if (read_axis(reader, node->keys[i], node->items[i], &group.axes[group.axis_count]))
            group.axis_count++;
    if (group.axis_count == 0)
        return;
    group.count = group.axes[0].count;
    for (int b = 0; b < reader->grid->block_count && lengths_agree(reader, &group); b++)
        add_dimension(reader, &reader->grid->blocks[b], &group);
}

static void read_zip(struct grid_reader *reader, const struct tree_node *node)
{
    if (node == NULL || tree_is_empty(node))
        return;
    if (node->type != TREE_LIST) {
        axis_fault(reader->faults, node,
                   "'zip' is a list of groups, each behind a '-': - {train.epochs: [20, 40], ...}");
        return;
    }
    for (int i = 0; i < node->count; i++)
        read_group(reader, node->items[i]);
}

static void add_product(struct phrase *product, const struct block *block)
{
    for (int i = 0; i < block->dimension_count; i++)
        phrase_add(product, "%s%s (%" PRId64 ")", i == 0 ? "" : " x ", block->dimensions[i].axes[0].key->text,
                   block->dimensions[i].count);
}

/* Numbers the points of a block; too many are a fault, with the product spelled out. */
static void count_points(struct grid_reader *reader, struct block *block, const struct tree_node *place)
{
    struct grid *grid = reader->grid;
    double points = 1;
    block->first = grid->points;
    block->points = 1;
    for (int i = 0; i < block->dimension_count; i++) {
        points *= (double)block->dimensions[i].count;
        if (points <= GRID_POINTS_MAX)
            block->points *= block->dimensions[i].count;
    }
    if (points <= GRID_POINTS_MAX && grid->points + block->points <= GRID_POINTS_MAX) {
        grid->points += block->points;
        return;
    }
    struct phrase product = {0};
    add_product(&product, block);
    block->points = 0;
    axis_fault(reader->faults, place, "the grid has more than %d points: %s = %.15g%s; split the sweep",
               GRID_POINTS_MAX, product.text, points, grid->block_count > 1 ? " in this grid of the union" : "");
}

static void add_name(struct grid *grid, const char *name)
{
    for (int i = 0; i < grid->name_count; i++)
        if (strcmp(grid->names[i], name) == 0)
            return;
    grid->names[grid->name_count++] = name;
}

/* The union of the blocks' axes: as many names as there are keys at most. */
static bool collect_names(struct grid_reader *reader)
{
    struct grid *grid = reader->grid;
    size_t most = 0;
    for (int b = 0; b < grid->block_count; b++)
        most += (size_t)grid->blocks[b].axis_count;
    grid->names = tree_arena_room(reader->arena, most * sizeof *grid->names);
    for (int b = 0; grid->names != NULL && b < grid->block_count; b++)
        for (int d = 0; d < grid->blocks[b].dimension_count; d++)
            for (int i = 0; i < grid->blocks[b].dimensions[d].axis_count; i++)
                add_name(grid, grid->blocks[b].dimensions[d].axes[i].key->text);
    return grid->names != NULL;
}

/* One block for a map or nothing, else one for each grid of the union. NULL without memory. */
static void make_blocks(struct grid_reader *reader, const struct tree_node *node)
{
    struct grid *grid = reader->grid;
    const bool is_union = node != NULL && node->type == TREE_LIST;
    if (is_union && (node->count == 0 || node->count > GRID_UNION_MAX))
        axis_fault(reader->faults, node,
                   node->count == 0 ? "'grid' is an empty list; give axes or leave it out"
                                    : "'grid' lists %d grids; at most %d can be united",
                   node->count, GRID_UNION_MAX);
    const bool usable = is_union && node->count > 0 && node->count <= GRID_UNION_MAX;
    grid->block_count = usable ? node->count : 1;
    const size_t bytes = (size_t)grid->block_count * sizeof *grid->blocks;
    grid->blocks = tree_arena_room(reader->arena, bytes);
    if (grid->blocks == NULL)
        return;
    memset(grid->blocks, 0, bytes);
    for (int b = 0; b < grid->block_count; b++)
        grid->blocks[b].node = usable ? node->items[b] : is_union ? NULL : node;
}

void grid_read_blocks(struct grid *grid, struct tree_arena *arena, const struct tree_node *root, struct faults *faults)
{
    struct grid_reader reader = {.grid = grid, .arena = arena, .faults = faults};
    make_blocks(&reader, tree_get(root, "grid"));
    for (int b = 0; grid->blocks != NULL && b < grid->block_count; b++)
        read_grid(&reader, &grid->blocks[b]);
    if (grid->blocks != NULL)
        read_zip(&reader, tree_get(root, "zip"));
    for (int b = 0; grid->blocks != NULL && b < grid->block_count; b++)
        count_points(&reader, &grid->blocks[b], grid->blocks[b].node != NULL ? grid->blocks[b].node : root);
    if (grid->blocks == NULL || !collect_names(&reader))
        axis_fault(faults, root, "no memory for the grid");
}
