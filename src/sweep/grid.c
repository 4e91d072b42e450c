/* grid.c - a sweep file to a grid, and a point to its tree. The base tree has everything but the axes; a point sets its
 * values on it, sharing all other nodes. */
#include "sweep/grid.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/keys.h"
#include "sweep/grid_parts.h"

struct grid_set *grid_find_set(const struct grid *grid, const char *path)
{
    for (int i = grid->set_count - 1; i >= 0; i--)
        if (strcmp(grid->sets[i].key.text, path) == 0)
            return &grid->sets[i];
    return NULL;
}

/* Whether a key at the root is about trials, not within them. */
static bool describes_grid(const char *key)
{
    static const char *const keys[] = {"grid", "zip", "exclude", "pairs"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static void refuse_key(const struct grid_set *set, struct faults *faults)
{
    char message[ERROR_TEXT_BYTES];
    const char *path = set->key.text;
    if (describes_grid(path))
        snprintf(message, sizeof message,
                 "'%s' cannot be set by an option; name the key itself: its values take the axis's place", path);
    else
        config_explain_key(trial_fields, path, message, sizeof message);
    axis_fault(faults, &set->key, "%s", message);
}

/* Reads "KEY=VALUE"; false: a fault, or no memory with one. */
static bool read_set(struct tree_arena *arena, const char *option, struct grid_set *set, struct faults *faults)
{
    const char *equals = strchr(option, '=');
    const size_t name_bytes = strlen(option) + sizeof "--set ";
    const size_t key_bytes = equals == NULL ? 0 : (size_t)(equals - option);
    char *name = tree_arena_room(arena, name_bytes);
    char *key = tree_arena_room(arena, key_bytes + 1);
    if (name == NULL || key == NULL) {
        faults_add(faults, "--set", "no memory for the option");
        return false;
    }
    snprintf(name, name_bytes, "--set %s", option);
    memcpy(key, option, key_bytes);
    key[key_bytes] = '\0';
    set->key = (struct tree_node){.type = TREE_SCALAR, .file = name, .text = key};
    set->is_axis = false;
    if (key_bytes == 0) {
        axis_fault(faults, &set->key, "an option to set a key is KEY=VALUE, such as train.epochs=5");
        return false;
    }
    if (!config_find_key(trial_fields, key, NULL)) {
        refuse_key(set, faults);
        return false;
    }
    set->value = tree_parse_option(arena, name, equals + 1, faults);
    return set->value != NULL;
}

static void read_sets(struct grid *grid, struct tree_arena *arena, const struct plan_request *request,
                      struct faults *faults)
{
    grid->sets = tree_arena_room(arena, (size_t)request->set_count * sizeof *grid->sets);
    for (int i = 0; grid->sets != NULL && i < request->set_count; i++)
        if (read_set(arena, request->sets[i], &grid->sets[grid->set_count], faults))
            grid->set_count++;
}

/* root without the keys that describe the grid. */
static const struct tree_node *without_grid(struct tree_arena *arena, const struct tree_node *root)
{
    struct tree_node *copy = tree_arena_room(arena, sizeof *copy);
    const struct tree_node **items = tree_arena_room(arena, 2 * (size_t)root->count * sizeof *items);
    if (copy == NULL || items == NULL)
        return NULL;
    const struct tree_node **keys = items + root->count;
    *copy = *root;
    copy->count = 0;
    for (int i = 0; i < root->count; i++) {
        const char *key = root->keys[i]->text;
        if (describes_grid(key))
            continue;
        keys[copy->count] = root->keys[i];
        items[copy->count++] = root->items[i];
    }
    copy->items = items;
    copy->keys = keys;
    return copy;
}

/* A scalar with the sweep file's own name, without folder and suffix. */
static const struct tree_node *stem_node(struct tree_arena *arena, const struct tree_node *place)
{
    const char *slash = strrchr(place->file, '/');
    const char *start = slash == NULL ? place->file : slash + 1;
    const char *dot = strrchr(start, '.');
    const size_t length = dot == NULL || dot == start ? strlen(start) : (size_t)(dot - start);
    struct tree_node *node = tree_arena_room(arena, sizeof *node);
    char *text = tree_arena_room(arena, length + 1);
    if (node == NULL || text == NULL)
        return NULL;
    memcpy(text, start, length);
    text[length] = '\0';
    *node = (struct tree_node){
        .file = place->file, .line = place->line, .column = place->column, .text = text, .quoted = true};
    return node;
}

static const struct tree_node *make_base(struct grid *grid, struct tree_arena *arena, const struct tree_node *root)
{
    const struct tree_node *base = without_grid(arena, root);
    const struct tree_node *stem = stem_node(arena, root);
    if (base != NULL && stem != NULL && tree_get(base, "name") == NULL && stem->text[0] != '\0' &&
        strlen(stem->text) < FIELD_TEXT_BYTES)
        base = tree_set(arena, base, "name", stem);
    for (int i = 0; base != NULL && i < grid->set_count; i++)
        if (!grid->sets[i].is_axis)
            base = tree_set(arena, base, grid->sets[i].key.text, grid->sets[i].value);
    return stem == NULL ? NULL : base;
}

/* Everything but the structure's own allocation. */
static enum status fill(struct grid *grid, struct tree_arena *arena, const struct plan_request *request,
                        struct faults *faults, struct error *error)
{
    read_sets(grid, arena, request, faults);
    const struct tree_node *root = tree_parse(arena, request->name, request->text, request->bytes, faults);
    if (root == NULL)
        return STATUS_OK;
    if (root->type != TREE_MAP) {
        axis_fault(faults, root, "a sweep file is a map of keys, such as 'model:' and 'train:'");
        return STATUS_OK;
    }
    grid_read_blocks(grid, arena, root, faults);
    exclude_read(arena, tree_get(root, "exclude"), &grid->exclude, faults);
    pairs_read(arena, tree_get(root, "pairs"), grid->names, grid->name_count, &grid->pairs, faults);
    grid->base = make_base(grid, arena, root);
    if (grid->base == NULL || grid->blocks == NULL || grid->sets == NULL)
        return fail(error, STATUS_NO_MEMORY, "no memory for the grid of %s", request->name);
    return grid_check_values(grid, arena, request->base_directory, faults, error);
}

enum status grid_read(const struct plan_request *request, struct tree_arena *arena, struct grid **out,
                      struct faults *faults, struct error *error)
{
    void *room = NULL;
    const int before = faults->count;
    TRY(memory_allocate(&room, 1, sizeof(struct grid), "grid", error));
    struct grid *grid = room;
    const enum status status = fill(grid, arena, request, faults, error);
    if (status != STATUS_OK || faults->count > before)
        grid_destroy(&grid);
    *out = grid;
    return status;
}

void grid_destroy(struct grid **grid)
{
    memory_free(*grid);
    *grid = NULL;
}

int64_t grid_points(const struct grid *grid)
{
    return grid->points;
}

static const struct block *find_block(const struct grid *grid, int64_t point)
{
    int low = 0, high = grid->block_count - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (grid->blocks[middle].first + grid->blocks[middle].points > point)
            high = middle;
        else
            low = middle + 1;
    }
    return &grid->blocks[low];
}

/* digits [dimension_count], the last one fastest */
static void decode(const struct block *block, int64_t point, int64_t *digits)
{
    int64_t rest = point - block->first;
    for (int d = block->dimension_count - 1; d >= 0; d--) {
        digits[d] = rest % block->dimensions[d].count;
        rest /= block->dimensions[d].count;
    }
}

const struct tree_node *grid_tree_at(const struct grid *grid, struct tree_arena *arena, const struct block *block,
                                     const int64_t *digits)
{
    const struct tree_node *root = grid->base;
    for (int i = 0; root != NULL && i < block->axis_count; i++) {
        const struct block_axis *at = &block->axes[i];
        const struct tree_node *value = axis_value(at->axis, arena, digits[at->dimension]);
        root = value == NULL ? NULL : tree_set(arena, root, at->axis->key->text, value);
    }
    return root;
}

const struct tree_node *grid_tree(const struct grid *grid, struct tree_arena *arena, int64_t point)
{
    const struct block *block = find_block(grid, point);
    int64_t digits[GRID_AXES_MAX];
    decode(block, point, digits);
    return grid_tree_at(grid, arena, block, digits);
}

bool grid_excluded(struct grid *grid, const struct trial_config *config)
{
    return exclude_matches(&grid->exclude, config);
}

void grid_check_used(const struct grid *grid, struct faults *faults)
{
    exclude_check_used(&grid->exclude, faults);
}

const struct pairs *grid_pairs(const struct grid *grid)
{
    return &grid->pairs;
}

void grid_refuse_empty(const struct grid *grid, struct faults *faults)
{
    axis_fault(faults, grid->exclude.node, "exclude leaves no trial");
}

int grid_axis_count(const struct grid *grid)
{
    return grid->name_count;
}

const char *grid_axis_name(const struct grid *grid, int axis)
{
    return grid->names[axis];
}

const struct tree_node *grid_axis_value(const struct grid *grid, struct tree_arena *arena, int64_t point, int axis)
{
    const struct block *block = find_block(grid, point);
    int64_t digits[GRID_AXES_MAX];
    decode(block, point, digits);
    for (int i = 0; i < block->axis_count; i++)
        if (strcmp(block->axes[i].axis->key->text, grid->names[axis]) == 0)
            return axis_value(block->axes[i].axis, arena, digits[block->axes[i].dimension]);
    return NULL;
}
