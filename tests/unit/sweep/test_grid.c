#include "base/clock.h"
#include "base/memory.h"
#include "config/keys.h"
#include "sweep/grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct reading {
    struct tree_arena *arena;
    struct config_lists lists;
    struct faults faults;
    struct text printed;
    struct grid *grid;
    struct trial_config config; /* of the last point asked for */
    bool bound;
};

static struct reading reading;

static void read_sets(const char *text, int set_count, const char *const *sets)
{
    struct error error = {0};
    const struct plan_request request = {.name = "dir/s.yaml",
                                         .text = text,
                                         .bytes = strlen(text),
                                         .base_directory = "dir",
                                         .sets = sets,
                                         .set_count = set_count};
    memset(&reading, 0, sizeof reading);
    assert_int_equal(tree_arena_create(&reading.arena, &error), STATUS_OK);
    assert_int_equal(grid_read(&request, reading.arena, &reading.grid, &reading.faults, &error), STATUS_OK);
    faults_print(&reading.faults, &reading.printed);
    assert_int_equal(reading.grid == NULL, reading.faults.count > 0);
}

/* Reads a sweep that is right. */
static void read_grid(const char *text)
{
    read_sets(text, 0, NULL);
    if (reading.printed.data != NULL)
        fail_msg("%s", reading.printed.data);
}

static void read_end(void)
{
    grid_destroy(&reading.grid);
    config_lists_free(&reading.lists);
    tree_arena_destroy(&reading.arena);
    faults_free(&reading.faults);
    text_free(&reading.printed);
    assert_int_equal(memory_balance(), 0);
}

static const struct trial_config *config_at(int64_t point)
{
    const size_t mark = tree_arena_mark(reading.arena);
    const struct tree_node *root = grid_tree(reading.grid, reading.arena, point);
    assert_non_null(root);
    const struct config_reading with = {.base_directory = "dir", .lists = &reading.lists, .faults = &reading.faults};
    reading.bound = config_bind(root, trial_fields, &with, &reading.config);
    tree_arena_rewind(reading.arena, mark);
    return &reading.config;
}

static void check_faults(const char *expected)
{
    assert_string_equal(reading.printed.data == NULL ? "" : reading.printed.data, expected);
    read_end();
}

static void a_sweep_without_grid_is_one_trial(void **state)
{
    (void)state;
    read_grid("train: {epochs: 7}\n");
    assert_int_equal(grid_points(reading.grid), 1);
    assert_int_equal(grid_axis_count(reading.grid), 0);
    assert_int_equal(config_at(0)->train.epochs, 7);
    assert_string_equal(config_at(0)->name, "s");
    read_end();
    read_grid("name: other\ngrid: {}\nzip: []\nexclude:\n");
    assert_int_equal(grid_points(reading.grid), 1);
    assert_string_equal(config_at(0)->name, "other");
    read_end();
}

static void points_count_like_an_odometer(void **state)
{
    (void)state;
    read_grid("grid:\n  seed: [5, 0..2]\n  train.epochs: [1, 2]\n  train.learning_rate: [0.5, 1, 2]\n");
    static const int64_t seeds[] = {5, 0, 1, 2};
    static const double rates[] = {0.5, 1, 2};
    assert_int_equal(grid_points(reading.grid), 24);
    for (int64_t point = 0; point < 24; point++) {
        const struct trial_config *config = config_at(point);
        assert_int_equal(config->seed, seeds[point / 6]);
        assert_int_equal(config->train.epochs, 1 + point / 3 % 2);
        assert_true(config->train.learning_rate == rates[point % 3]);
    }
    read_end();
}

static void spaced_values_are_round_and_end_exactly(void **state)
{
    (void)state;
    static const double logarithmic[] = {1e-3, 1e-2, 1e-1, 1};
    static const double linear[] = {0, 0.1, 0.2, 0.3};
    read_grid("data: {label_noise: symmetric}\ngrid:\n  train.learning_rate: {log: [1e-3, 1, 4]}\n"
              "  data.label_noise.rate: {lin: [0, 0.3, 4]}\n");
    for (int64_t point = 0; point < 16; point++) {
        const void *rate = NULL;
        assert_true(config_at(point)->train.learning_rate == logarithmic[point / 4]);
        assert_non_null(config_value(trial_fields, &reading.config, "data.label_noise.rate", &rate));
        assert_true(*(const double *)rate == linear[point % 4]);
    }
    read_end();
    read_grid("grid: {train.learning_rate: {log: [0.3, 0.7, 1]}}\n");
    assert_true(config_at(0)->train.learning_rate == 0.3);
    read_end();
}

static void whole_sections_and_kinds_are_values(void **state)
{
    (void)state;
    read_grid("model: {kind: mlp, hidden: [4], activation: tanh}\n"
              "grid:\n  model.hidden: [[8], [16, 16]]\n  model: [{activation: relu}, mlp]\n"
              "  train.schedule: [constant, {kind: cosine, minimum: 0.01}]\n");
    assert_int_equal(grid_points(reading.grid), 8);
    for (int64_t point = 0; point < 8; point++) {
        const void *hidden = NULL;
        const struct trial_config *config = config_at(point);
        assert_true(reading.bound);
        assert_non_null(config_value(trial_fields, config, "model.hidden", &hidden));
        assert_int_equal(((const struct integer_list *)hidden)->count, 1 + point / 4);
        assert_string_equal(config->train.schedule.kind->name, point % 2 == 0 ? "constant" : "cosine");
    }
    read_end();
}

static void a_setting_joins_the_kind_chosen_by_another_axis(void **state)
{
    (void)state;
    read_grid("grid:\n  train.optimizer.momentum: [0, 0.5]\n  train.optimizer: [sgd, {kind: sgd, nesterov: false, "
              "weight_decay: 0.1}]\n");
    const void *value = NULL;
    config_at(3);
    assert_non_null(config_value(trial_fields, &reading.config, "train.optimizer.momentum", &value));
    assert_true(*(const double *)value == 0.5);
    assert_non_null(config_value(trial_fields, &reading.config, "train.optimizer.weight_decay", &value));
    assert_true(*(const double *)value == 0.1);
    read_end();
}

static void zip_groups_move_together_and_are_crossed(void **state)
{
    (void)state;
    read_grid("grid: {seed: 0..1}\nzip:\n  - {train.batch_size: [32, 128], train.epochs: [20, 40]}\n"
              "  - {train.learning_rate: [1, 2, 3], train.loss: [mse, mse_logits, cross_entropy]}\n");
    assert_int_equal(grid_points(reading.grid), 12);
    assert_int_equal(grid_axis_count(reading.grid), 5);
    for (int64_t point = 0; point < 12; point++) {
        const struct trial_config *config = config_at(point);
        assert_int_equal(config->seed, point / 6);
        assert_int_equal(config->train.batch_size, point / 3 % 2 == 0 ? 32 : 128);
        assert_int_equal(config->train.epochs, point / 3 % 2 == 0 ? 20 : 40);
        assert_true(config->train.learning_rate == (double)(1 + point % 3));
        assert_string_equal(config->train.loss.kind->name, point % 3 == 0   ? "mse"
                                                           : point % 3 == 1 ? "mse_logits"
                                                                            : "cross_entropy");
    }
    read_end();
}

static void a_union_goes_through_its_grids_in_order(void **state)
{
    (void)state;
    read_grid("train: {epochs: 3}\ngrid:\n  - {seed: 0..2}\n  - {}\n  - {train.epochs: [5, 6], seed: [9]}\n");
    static const int64_t expected[][2] = {{0, 3}, {1, 3}, {2, 3}, {0, 3}, {9, 5}, {9, 6}};
    assert_int_equal(grid_points(reading.grid), 6);
    for (int64_t point = 0; point < 6; point++) {
        const struct trial_config *config = config_at(point);
        assert_int_equal(config->seed, expected[point][0]);
        assert_int_equal(config->train.epochs, expected[point][1]);
    }
    assert_int_equal(grid_axis_count(reading.grid), 2);
    assert_string_equal(grid_axis_name(reading.grid, 0), "seed");
    assert_string_equal(grid_axis_name(reading.grid, 1), "train.epochs");
    assert_string_equal(grid_axis_value(reading.grid, reading.arena, 2, 0)->text, "2");
    assert_null(grid_axis_value(reading.grid, reading.arena, 2, 1));
    assert_string_equal(grid_axis_value(reading.grid, reading.arena, 5, 1)->text, "6");
    read_end();
}

static int count_kept(void)
{
    int kept = 0;
    for (int64_t point = 0; point < grid_points(reading.grid); point++)
        kept += !grid_excluded(reading.grid, config_at(point));
    return kept;
}

static void exclude_compares_resolved_values(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        int kept; /* of 3 losses x 5 seeds x 3 rates = 45 */
    } cases[] = {{"{train.loss: mse}", 30},
                 {"{train.loss: [mse, cross_entropy], seed: 0}", 39},
                 {"{train.learning_rate: 1e-1}", 30},
                 {"{train.learning_rate: {above: 0.1}}", 30},
                 {"{train.learning_rate: {at_least: 0.1}}", 15},
                 {"{train.learning_rate: {below: 0.1, above: 0.001}}", 30},
                 {"{train.learning_rate: {at_most: 0.01}, seed: 0..3}", 33},
                 {"{seed: [0..1, 4]}", 18},
                 {"{train.epochs: 10}", 0},
                 {"{train.optimizer: sgd, train.optimizer.momentum: 0.9, seed: 4}", 36},
                 {"{train.optimizer: {kind: sgd, nesterov: false}, seed: 4}", 36},
                 {"{model.hidden: [256, 256], train.loss: {kind: mse}}", 30},
                 {"{model.hidden: [[1], [256, 256]], model.kind: mlp, seed: 2}", 36},
                 {"{seeds.init: seed, data.source: glyphs, limits: 3}", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "grid:\n  train.loss: [cross_entropy, mse, mse_logits]\n  seed: 0..4\n"
                 "  train.learning_rate: [0.01, 0.1, 1]\nexclude:\n  - %s\n",
                 cases[i].entry);
        read_sets(text, 0, NULL);
        if (cases[i].kept < 0) {
            assert_null(reading.grid);
        } else {
            if (reading.grid == NULL)
                fail_msg("%s", reading.printed.data);
            const int kept = count_kept();
            if (kept != cases[i].kept)
                fail_msg("%s keeps %d", cases[i].entry, kept);
            grid_check_used(reading.grid, &reading.faults);
            assert_int_equal(reading.faults.count, 0);
        }
        read_end();
    }
}

static void an_exclude_that_drops_nothing_is_a_fault(void **state)
{
    (void)state;
    read_grid("grid: {seed: 0..4}\nexclude:\n  - {seed: 3}\n  - {seed: {above: 2}}\n  - {seed: 7}\n");
    assert_int_equal(count_kept(), 3);
    grid_check_used(reading.grid, &reading.faults);
    faults_print(&reading.faults, &reading.printed);
    check_faults("dir/s.yaml:5:5: this entry of 'exclude' matches no combination; correct or remove it\n");
}

static int64_t units_at(int64_t point, const char *path)
{
    const void *value = NULL;
    const struct trial_config *config = config_at(point);
    assert_non_null(config_value(trial_fields, config, path, &value));
    return *(const int64_t *)value;
}

#define LISTED "model: {kind: layers, layers: [{kind: dense, units: 8}, relu, {kind: dense, units: 3}, dense]}\n"

static void an_axis_may_be_a_setting_of_a_layer_in_a_list(void **state)
{
    (void)state;
    read_grid(LISTED "grid: {model.layers.0.units: [4, 5], model.layers.1: [tanh, {kind: dropout, rate: 0.25}]}\n"
                     "zip:\n  - {model.layers.2.units: [6, 7], seed: [1, 2]}\n");
    assert_int_equal(grid_points(reading.grid), 8);
    assert_int_equal(units_at(0, "model.layers.0.units"), 4);
    assert_int_equal(units_at(7, "model.layers.0.units"), 5);
    assert_int_equal(units_at(6, "model.layers.2.units"), 6);
    assert_int_equal(units_at(7, "model.layers.2.units"), 7);
    assert_int_equal(config_at(7)->seed, 2);
    const void *rate = NULL;
    assert_non_null(config_value(trial_fields, config_at(2), "model.layers.1.rate", &rate));
    assert_true(*(const double *)rate == 0.25);
    assert_null(config_value(trial_fields, config_at(0), "model.layers.1.rate", &rate));
    read_end();
}

static void an_axis_may_be_a_whole_list_and_then_a_setting_in_it(void **state)
{
    (void)state;
    read_grid("model: {kind: layers, layers: [dense]}\n"
              "grid: {model.layers.0.units: [4, 5], model.layers: [[dense, relu], [{kind: dense, bias: false}]]}\n");
    assert_int_equal(grid_points(reading.grid), 4);
    assert_int_equal(units_at(3, "model.layers.0.units"), 5);
    const void *bias = NULL;
    config_value(trial_fields, config_at(3), "model.layers.0.bias", &bias);
    assert_false(*(const bool *)bias);
    read_end();
}

static void exclude_and_options_reach_into_lists(void **state)
{
    (void)state;
    static const char *const sets[] = {"model.layers.2.units=9", "model.layers.1=[tanh, relu]"};
    read_sets(LISTED "grid: {model.layers.0.units: [4, 5], model.layers.1: [gelu]}\n"
                     "exclude:\n  - {model.layers.0.units: {above: 4}, model.layers.1: relu}\n",
              2, sets);
    assert_null(reading.printed.data);
    assert_int_equal(grid_points(reading.grid), 4);
    assert_int_equal(units_at(0, "model.layers.2.units"), 9);
    for (int64_t point = 0; point < 4; point++)
        assert_int_equal(grid_excluded(reading.grid, config_at(point)), point == 3);
    read_end();
}

static void options_set_keys_of_the_base(void **state)
{
    (void)state;
    static const char *const sets[] = {"train.epochs=5",        "train.optimizer.momentum=0.5",
                                       "data.source=gaussians", "model.hidden=[3]",
                                       "train.epochs=6",        "name=x=y"};
    read_sets("train: {epochs: 3, optimizer: sgd}\n", 6, sets);
    const struct trial_config *config = config_at(0);
    const void *value = NULL;
    assert_int_equal(config->train.epochs, 6);
    assert_string_equal(config->name, "x=y");
    assert_string_equal(config->data.source.kind->name, "gaussians");
    assert_non_null(config_value(trial_fields, config, "train.optimizer.momentum", &value));
    assert_true(*(const double *)value == 0.5);
    read_end();
}

static void options_take_the_place_of_an_axis(void **state)
{
    (void)state;
    static const char text[] = "grid: {seed: 0..9, train.epochs: [1, 2]}\nzip:\n  - {train.batch_size: [1, 2], "
                               "train.learning_rate: [0.1, 0.2]}\n";
    static const char *const sets[] = {"seed=3", "train.batch_size=7"};
    read_sets(text, 2, sets);
    assert_int_equal(grid_points(reading.grid), 4);
    assert_int_equal(grid_axis_count(reading.grid), 2);
    assert_int_equal(config_at(3)->seed, 3);
    assert_int_equal(config_at(3)->train.batch_size, 7);
    read_end();
    static const char *const several[] = {"seed=2..4", "train.epochs=[8]", "train.batch_size=[5, 6]"};
    read_sets(text, 3, several);
    assert_int_equal(grid_points(reading.grid), 6);
    assert_int_equal(config_at(0)->seed, 2);
    assert_int_equal(config_at(5)->seed, 4);
    assert_int_equal(config_at(5)->train.epochs, 8);
    assert_int_equal(config_at(5)->train.batch_size, 6);
    read_end();
}

static void wrong_options_are_faults_that_name_them(void **state)
{
    (void)state;
    static const char *const sets[] = {"train.epochs=x", "train.epoch=3", "seed", "=1", "grid.seed=[1]", "seed=[1"};
    read_sets("seed: 1\n", 6, sets);
    check_faults(
        "--set train.epoch=3: unknown key 'train.epoch'; did you mean 'train.epochs'?\n"
        "--set seed: an option to set a key is KEY=VALUE, such as train.epochs=5\n"
        "--set =1: an option to set a key is KEY=VALUE, such as train.epochs=5\n"
        "--set grid.seed=[1]: unknown key 'grid.seed'; allowed: name, seed, seeds, data, model, train, metrics, "
        "comparison, limits, schedule, results\n"
        "--set seed=[1: did not find expected ',' or ']': while parsing a flow sequence\n"
        "--set train.epochs=x: train.epochs: 'x' is not a number; allowed: a whole number from 0 to 1000000\n");
}

static void a_huge_grid_is_refused_at_once_and_by_its_product(void **state)
{
    (void)state;
    const double start = clock_monotonic();
    const int64_t before = memory_balance();
    read_sets("grid:\n  seed: 0..999999999999\n  train.epochs: 1..1000\n", 0, NULL);
    assert_true(clock_monotonic() - start < 0.5);
    assert_in_range(memory_balance() - before, 1, 8);
    check_faults("dir/s.yaml:2:3: the grid has more than 10000000 points: seed (1000000000000) x train.epochs (1000) = "
                 "1e+15; split the sweep\n");
}

static void ten_million_points_are_a_grid_without_a_list(void **state)
{
    (void)state;
    read_grid("grid: {seed: 0..9999999}\n");
    assert_int_equal(grid_points(reading.grid), 10000000);
    assert_int_equal(config_at(9999999)->seed, 9999999);
    assert_in_range(memory_balance(), 1, 8);
    read_end();
}

static void every_value_is_checked_though_not_every_combination(void **state)
{
    (void)state;
    read_sets("grid:\n  seed: 0..9999\n  train.epochs: [1, 2, x]\n  train.learning_rate: [0.1, -1]\n", 0, NULL);
    check_faults("dir/s.yaml:3:24: train.epochs: 'x' is not a number; allowed: a whole number from 0 to 1000000\n"
                 "dir/s.yaml:4:30: train.learning_rate: '-1' is too small; allowed: a number from 0 to 1000000\n");
}

static void points_leave_no_memory_behind(void **state)
{
    (void)state;
    read_grid("grid: {seed: 0..99, train.learning_rate: {log: [1e-3, 1, 10]}, model.hidden: [[8], [16]]}\n");
    config_at(0);
    const size_t mark = tree_arena_mark(reading.arena);
    const int64_t balance = memory_balance();
    for (int64_t point = 0; point < grid_points(reading.grid); point++)
        config_at(point);
    assert_int_equal(tree_arena_mark(reading.arena), mark);
    assert_int_equal(memory_balance(), balance);
    read_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_without_grid_is_one_trial),
        cmocka_unit_test(points_count_like_an_odometer),
        cmocka_unit_test(spaced_values_are_round_and_end_exactly),
        cmocka_unit_test(whole_sections_and_kinds_are_values),
        cmocka_unit_test(a_setting_joins_the_kind_chosen_by_another_axis),
        cmocka_unit_test(zip_groups_move_together_and_are_crossed),
        cmocka_unit_test(a_union_goes_through_its_grids_in_order),
        cmocka_unit_test(exclude_compares_resolved_values),
        cmocka_unit_test(an_exclude_that_drops_nothing_is_a_fault),
        cmocka_unit_test(an_axis_may_be_a_setting_of_a_layer_in_a_list),
        cmocka_unit_test(an_axis_may_be_a_whole_list_and_then_a_setting_in_it),
        cmocka_unit_test(exclude_and_options_reach_into_lists),
        cmocka_unit_test(options_set_keys_of_the_base),
        cmocka_unit_test(options_take_the_place_of_an_axis),
        cmocka_unit_test(wrong_options_are_faults_that_name_them),
        cmocka_unit_test(a_huge_grid_is_refused_at_once_and_by_its_product),
        cmocka_unit_test(ten_million_points_are_a_grid_without_a_list),
        cmocka_unit_test(every_value_is_checked_though_not_every_combination),
        cmocka_unit_test(points_leave_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
