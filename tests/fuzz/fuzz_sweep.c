/* fuzz_sweep.c - any bytes as a sweep file: read, checked, and its first points bound, dumped and read back. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/grid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POINTS_MOST = 20 };

/* Whatever binds can be dumped, and the dump reads back without fault. */
static void dump_and_read_back(const struct trial_config *config, struct tree_arena *arena)
{
    struct text dump = {0};
    struct faults faults = {0};
    struct config_lists lists = {0};
    const struct config_reading with = {.lists = &lists, .faults = &faults};
    struct trial_config *again = calloc(1, sizeof *again);
    config_dump(trial_fields, config, &dump);
    const struct tree_node *root = tree_parse(arena, "dump", dump.data, dump.length, &faults);
    if (again == NULL || root == NULL || !config_bind(root, trial_fields, &with, again))
        abort();
    free(again);
    config_lists_free(&lists);
    faults_free(&faults);
    text_free(&dump);
}

static void bind_points(struct grid *grid, struct tree_arena *arena, struct faults *faults)
{
    struct config_lists lists = {0};
    const struct config_reading with = {.lists = &lists, .faults = faults};
    struct trial_config *config = calloc(1, sizeof *config);
    for (int64_t point = 0; point < grid_points(grid) && point < POINTS_MOST; point++) {
        const size_t mark = tree_arena_mark(arena);
        if (config_bind(grid_tree(grid, arena, point), trial_fields, &with, config)) {
            grid_excluded(grid, config);
            dump_and_read_back(config, arena);
        }
        for (int axis = 0; axis < grid_axis_count(grid); axis++)
            grid_axis_value(grid, arena, point, axis);
        tree_arena_rewind(arena, mark);
    }
    config_lists_free(&lists);
    free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree_arena *arena = NULL;
    struct grid *grid = NULL;
    struct faults faults = {0};
    struct text printed = {0};
    const struct plan_request request = {
        .name = "fuzz", .text = (const char *)data, .bytes = size, .base_directory = "."};
    if (tree_arena_create(&arena, NULL) != STATUS_OK)
        return 0;
    if (grid_read(&request, arena, &grid, &faults, NULL) == STATUS_OK && grid != NULL) {
        bind_points(grid, arena, &faults);
        grid_check_used(grid, &faults);
    }
    faults_print(&faults, &printed);
    text_free(&printed);
    faults_free(&faults);
    grid_destroy(&grid);
    tree_arena_destroy(&arena);
    if (memory_balance() != 0)
        abort();
    return 0;
}
