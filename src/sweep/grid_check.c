/* grid_check.c - every value of every axis is bound before any combination: what is wrong with a value is found in time
 * that grows with the sum of the axes, not with their product. */
#include <stdlib.h>

#include "base/memory.h"
#include "sweep/grid_parts.h"

enum { SMALL_GRID = 2000 };

struct checker {
    const struct grid *grid;
    struct tree_arena *arena;
    struct config_reading reading;
    struct trial_config *config;
};

static enum status check_digits(const struct checker *checker, const struct block *block, const int64_t *digits,
                                struct error *error)
{
    const size_t mark = tree_arena_mark(checker->arena);
    const struct tree_node *root = grid_tree_at(checker->grid, checker->arena, block, digits);
    if (root != NULL)
        config_bind(root, trial_fields, &checker->reading, checker->config);
    tree_arena_rewind(checker->arena, mark);
    return root == NULL ? fail(error, STATUS_NO_MEMORY, "no memory for a point of the grid") : STATUS_OK;
}

/* The next digit worth a look after `digit`: one that is so for any axis of the dimension. */
static int64_t next_digit(const struct dimension *dimension, int64_t digit)
{
    int64_t next = dimension->count;
    for (int i = 0; i < dimension->axis_count; i++) {
        const int64_t of_axis = axis_next_to_check(&dimension->axes[i], digit);
        next = of_axis < next ? of_axis : next;
    }
    return next;
}

static enum status check_block(const struct checker *checker, const struct block *block, struct error *error)
{
    int64_t digits[GRID_AXES_MAX] = {0};
    TRY(check_digits(checker, block, digits, error));
    for (int d = 0; d < block->dimension_count; d++) {
        const struct dimension *dimension = &block->dimensions[d];
        for (;;) {
            digits[d] = next_digit(dimension, digits[d]);
            if (digits[d] >= dimension->count)
                break;
            TRY(check_digits(checker, block, digits, error));
        }
        digits[d] = 0;
    }
    return STATUS_OK;
}

/* Counts on to the next point; false after the last one. */
static bool advance(const struct block *block, int64_t *digits)
{
    for (int d = block->dimension_count - 1; d >= 0; d--) {
        if (++digits[d] < block->dimensions[d].count)
            return true;
        digits[d] = 0;
    }
    return false;
}

static enum status check_points(const struct checker *checker, const struct block *block, struct error *error)
{
    int64_t digits[GRID_AXES_MAX] = {0};
    do
        TRY(check_digits(checker, block, digits, error));
    while (advance(block, digits));
    return STATUS_OK;
}

static enum status check_all(const struct checker *checker, struct error *error)
{
    const struct grid *grid = checker->grid;
    const int before = checker->reading.faults->count;
    for (int b = 0; b < grid->block_count; b++)
        TRY(check_block(checker, &grid->blocks[b], error));
    for (int b = 0; checker->reading.faults->count > before && b < grid->block_count; b++)
        if (grid->points <= SMALL_GRID && grid->blocks[b].points > 0)
            TRY(check_points(checker, &grid->blocks[b], error));
    return STATUS_OK;
}

enum status grid_check_values(const struct grid *grid, struct tree_arena *arena, const char *base_directory,
                              struct faults *faults, struct error *error)
{
    void *room = NULL;
    struct config_lists lists = {0};
    TRY(memory_allocate(&room, 1, sizeof(struct trial_config), "configuration", error));
    const struct checker checker = {.grid = grid,
                                    .arena = arena,
                                    .reading = {.base_directory = base_directory, .lists = &lists, .faults = faults},
                                    .config = room};
    const enum status status = check_all(&checker, error);
    config_lists_free(&lists);
    memory_free(room);
    return status;
}
