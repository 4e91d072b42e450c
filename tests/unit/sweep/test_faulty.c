/* test_faulty.c - every file of unit/config/faulty gets exactly the faults of its .expect: lines `line:column: text`.
 * `plan ...` lines are faults that only show once data are there: such files read without fault here. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "sweep/grid.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "unit/config/faulty"

static struct text file_text(const char *name, const char *suffix)
{
    char path[512], block[4096];
    struct text text = {0};
    snprintf(path, sizeof path, FOLDER "/%s%s", name, suffix);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
        text_add_bytes(&text, block, count);
    text_add_bytes(&text, "", 0);
    fclose(file);
    return text;
}

/* What reading the sweep prints, places without the file's name. */
static struct text faults_of(const struct text *sweep)
{
    struct error error = {0};
    struct tree_arena *arena = NULL;
    struct grid *grid = NULL;
    struct faults faults = {0};
    struct config_lists lists = {0};
    const struct config_reading with = {.base_directory = FOLDER, .lists = &lists, .faults = &faults};
    struct text printed = {0};
    const struct plan_request request = {
        .name = "f", .text = sweep->data, .bytes = sweep->length, .base_directory = FOLDER};
    assert_int_equal(tree_arena_create(&arena, &error), STATUS_OK);
    assert_int_equal(grid_read(&request, arena, &grid, &faults, &error), STATUS_OK);
    struct trial_config *config = calloc(1, sizeof *config);
    for (int64_t point = 0; grid != NULL && point < grid_points(grid); point++) {
        config_bind(grid_tree(grid, arena, point), trial_fields, &with, config);
        grid_excluded(grid, config);
    }
    if (grid != NULL)
        grid_check_used(grid, &faults);
    free(config);
    faults_print(&faults, &printed);
    text_add_bytes(&printed, "", 0);
    faults_free(&faults);
    config_lists_free(&lists);
    grid_destroy(&grid);
    tree_arena_destroy(&arena);
    return printed;
}

/* Compares line by line: each printed line begins with "f:" and its expected line. */
static bool agree(const char *printed, const char *expected)
{
    while (*expected != '\0') {
        const size_t expected_length = strcspn(expected, "\n");
        if (strncmp(expected, "plan ", 5) != 0) {
            if (strncmp(printed, "f:", 2) != 0 || strncmp(printed + 2, expected, expected_length) != 0)
                return false;
            printed += strcspn(printed, "\n");
            printed += *printed == '\n';
        }
        expected += expected_length + (expected[expected_length] == '\n');
    }
    return *printed == '\0';
}

static void check_file(const char *name)
{
    struct text sweep = file_text(name, ".yaml"), expected = file_text(name, ".expect");
    const double start = clock_monotonic();
    struct text printed = faults_of(&sweep);
    assert_true(clock_monotonic() - start < 1);
    assert_true(expected.length > 0);
    if (!agree(printed.data, expected.data))
        fail_msg("%s.yaml is expected to say\n%s\nbut says\n%s", name, expected.data, printed.data);
    text_free(&sweep);
    text_free(&expected);
    text_free(&printed);
    assert_int_equal(memory_balance(), 0);
}

static void every_faulty_sweep_gets_all_its_faults_in_place(void **state)
{
    (void)state;
    int files = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[300];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *suffix = strstr(name, ".yaml");
        if (suffix == NULL)
            continue;
        *suffix = '\0';
        check_file(name);
        files++;
    }
    closedir(folder);
    assert_true(files >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_faulty_sweep_gets_all_its_faults_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
