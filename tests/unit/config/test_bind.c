#include "example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct example_reading reading;

/* Reads text and compares all faults. */
static void check_faults(const char *text, const char *expected)
{
    example_read(&reading, text);
    assert_string_equal(reading.printed.data == NULL ? "" : reading.printed.data, expected);
    assert_int_equal(reading.good, expected[0] == '\0');
    example_end(&reading);
    assert_int_equal(memory_balance(), 0);
}

static void everything_has_its_default(void **state)
{
    (void)state;
    example_read(&reading, "count: 4\n");
    const struct example *config = &reading.config;
    assert_true(reading.good);
    assert_string_equal(config->title, "no: title");
    assert_string_equal(config->path, "base/here");
    assert_true(config->wait == 600);
    assert_int_equal(config->sizes.count, 2);
    assert_int_equal(config->weights.count, 0);
    assert_ptr_equal(config->colour, &kind_red);
    assert_ptr_equal(config->colours.values[0], &kind_red);
    assert_ptr_equal(config->tool.kind, &kind_tape);
    assert_ptr_equal(config->other.kind, &kind_drill);
    const struct example_drill *drill = (const void *)config->other.settings;
    assert_true(drill->speed == 2);
    assert_int_equal(drill->bits.count, 4);
    assert_int_equal(drill->bits.values[3], 7);
    assert_int_equal(config->extras.count, 0);
    assert_true(config->inner.careful);
    assert_int_equal(config->inner.pinned, -1);
    example_end(&reading);
}

static void everything_can_be_given(void **state)
{
    (void)state;
    example_read(&reading, "title: 2024\npath: /abs\ncount: 1e2\nwait: 1-00:00:01\nsizes: [9, 0..2]\n"
                           "weights: [1e-3, -.5]\ncolour: no\ncolours: [no, red]\ntool: hammer\nweight: 7\n"
                           "other: tape\nextras:\n  tape:\n  drill: {speed: 3}\n"
                           "inner: {rate: -1, careful: false, pinned: 12}\n");
    const struct example *config = &reading.config;
    assert_true(reading.good);
    assert_string_equal(config->title, "2024");
    assert_string_equal(config->path, "/abs");
    assert_int_equal(config->count, 100);
    assert_true(config->wait == 86401);
    assert_int_equal(config->sizes.count, 4);
    assert_int_equal(config->sizes.values[3], 2);
    assert_true(config->weights.values[1] == -0.5);
    assert_ptr_equal(config->colour, &kind_no);
    assert_int_equal(config->colours.count, 2);
    assert_int_equal(((const struct example_hammer *)(const void *)config->tool.settings)->weight, 7);
    assert_ptr_equal(config->other.kind, &kind_tape);
    assert_int_equal(config->extras.count, 2);
    assert_ptr_equal(config->extras.items[1].kind, &kind_drill);
    assert_true(((const struct example_drill *)(const void *)config->extras.items[1].settings)->speed == 3);
    assert_false(config->inner.careful);
    assert_int_equal(config->inner.pinned, 12);
    example_end(&reading);
}

static void a_spaced_list_is_rounded_and_has_each_number_once(void **state)
{
    (void)state;
    static const int64_t wanted[] = {1, 2, 3, 6, 10};
    example_read(&reading, "other: {bits: {log: [1, 10, 5]}}\n");
    assert_true(reading.good);
    const struct integer_list *bits =
        &((const struct example_drill *)(const void *)reading.config.other.settings)->bits;
    assert_int_equal(bits->count, 5);
    assert_memory_equal(bits->values, wanted, sizeof wanted);
    example_end(&reading);
    example_read(&reading, "other: {bits: {lin: [2, 3, 9]}}\n");
    assert_int_equal(bits->count, 2);
    example_end(&reading);
    check_faults("other: {bits: {lin: [2, 3, 129]}}\n", "s:1:15: other.bits: the list has more than 128 values\n");
    check_faults(
        "sizes: {lin: [2, 3, 9]}\n",
        "s:1:8: sizes: one value is expected, not a map; allowed: a list of whole numbers, each from 0 to 50\n");
}

static void a_choice_without_kind_has_the_default_kind(void **state)
{
    (void)state;
    example_read(&reading, "other: {speed: 4}\n");
    assert_true(reading.good);
    assert_ptr_equal(reading.config.other.kind, &kind_drill);
    example_end(&reading);
}

static void wrong_values_say_what_is_allowed(void **state)
{
    (void)state;
    check_faults("count: many\n", "s:1:8: count: 'many' is not a number; allowed: a whole number from 1 to 100\n");
    check_faults("count: 0\n", "s:1:8: count: '0' is too small; allowed: a whole number from 1 to 100\n");
    check_faults("other: {speed: 0}\n",
                 "s:1:16: other.speed: '0' is too small; allowed: a number above 0 and below 10\n");
    check_faults("sizes: [1, 51]\n",
                 "s:1:12: sizes: '51' is too large; allowed: a list of whole numbers, each from 0 to 50\n");
    check_faults("inner: {careful: yes}\n",
                 "s:1:18: inner.careful: 'yes' is neither true nor false; allowed: true or false\n");
    check_faults("colour: rad\n",
                 "s:1:9: colour: 'rad' is not a known colour (did you mean 'red'?); allowed: red, no\n");
    check_faults("other: [tape]\n",
                 "s:1:8: other: a tool is named by one word, not by a list; several values of a key go "
                 "under 'grid'; allowed: drill, hammer, tape\n");
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    check_faults("cuont: 3\n", "s:1:1: unknown key 'cuont'; did you mean 'count'?\n");
    check_faults("inner: {rte: 3}\n", "s:1:9: inner: unknown key 'rte'; did you mean 'rate'?\n");
    check_faults("inner: {xyzzy: 3}\n", "s:1:9: inner: unknown key 'xyzzy'; allowed: rate, careful, pinned\n");
    check_faults("careful: false\n", "s:1:1: unknown key 'careful'; did you mean 'inner.careful'?\n");
    check_faults("other: {kind: drill, speeed: 3}\n", "s:1:22: other: unknown key 'speeed'; did you mean 'speed'?\n");
}

static void settings_of_other_kinds_are_named(void **state)
{
    (void)state;
    check_faults("other: {kind: drill, weight: 3}\n", "s:1:22: other: drill has no setting 'weight'; hammer has\n");
    check_faults("speed: 3\n", "s:1:1: tape has no setting 'speed'; drill has\n");
    check_faults("extras: {tape: {speed: 1}}\n", "s:1:17: extras.tape: tape has no setting 'speed'; drill has\n");
}

static void an_unknown_kind_is_one_fault(void **state)
{
    (void)state;
    check_faults("tool: hamer\nweight: 3\n",
                 "s:1:7: tool: 'hamer' is not a known tool; did you mean 'hammer'? allowed: drill, hammer, tape\n");
}

static void a_matrix_is_bound_row_after_row(void **state)
{
    (void)state;
    example_read(&reading, "table: [[1, 2.5, -3], [4e-1, 5, 6]]\n");
    assert_true(reading.good);
    const struct real_matrix *table = &reading.config.table;
    assert_int_equal(table->rows, 2);
    assert_int_equal(table->columns, 3);
    assert_memory_equal(table->values, ((double[]){1, 2.5, -3, 0.4, 5, 6}), 6 * sizeof(double));
    example_end(&reading);
    check_faults("table: 3\n", "s:1:8: table: '3' is one value where a list is expected; write [3]\n");
    check_faults("table: [[1], 2]\n", "s:1:14: table: row 1 is no list of numbers; a matrix is a list of rows, such as "
                                      "[[0.9, 0.1], [0.2, 0.8]]\n");
    check_faults("table: [[1, 2], [3]]\n",
                 "s:1:17: table: row 1 has 1 numbers, but row 0 has 2; all rows of a matrix are as long\n");
    check_faults("table: [[10]]\n",
                 "s:1:10: table: '10' is too large; allowed: a list of rows, lists of numbers, each from -9 to 9\n");
}

static void a_key_without_default_is_required(void **state)
{
    (void)state;
    check_faults("tool: hammer\n", "s:1:1: weight: is missing and has no default; allowed: a whole number\n");
    check_faults("other:\n  kind: hammer\n",
                 "s:2:3: other.weight: is missing and has no default; allowed: a whole number\n");
}

static void all_faults_of_a_file_are_found(void **state)
{
    (void)state;
    check_faults(
        "count: x\nfoo: 1\ninner: {rate: y}\nextras: {drll: {}}\n",
        "s:1:8: count: 'x' is not a number; allowed: a whole number from 1 to 100\n"
        "s:2:1: unknown key 'foo'; allowed: title, path, count, later, wait, sizes, weights, table, colour, colours, "
        "tool, other, extras, inner, rack, steps\n"
        "s:3:15: inner.rate: 'y' is not a number; allowed: a number\n"
        "s:4:10: extras: 'drll' is not a known tool; did you mean 'drill'? allowed: drill, hammer, tape\n");
}

/* A grid binds into the same struct again and again. */
static void binding_again_leaves_nothing_of_before(void **state)
{
    (void)state;
    struct example first;
    example_read(&reading, "title: short\n");
    memcpy(&first, &reading.config, sizeof first);
    const char *texts[] = {"title: much longer than before\nsizes: [1, 2, 3]\ntool: drill\nextras: {drill: {}}\n",
                           "title: short\n"};
    for (int i = 0; i < 2; i++) {
        const struct tree_node *root = tree_parse(reading.arena, "s", texts[i], strlen(texts[i]), &reading.faults);
        assert_true(example_bind(&reading, root));
    }
    assert_memory_equal(&first, &reading.config, sizeof first);
    example_end(&reading);
}

/* A mistake in a table of the engine shows here, not at a user. */
static void every_default_of_the_sweep_file_is_valid(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct config_lists lists = {0};
    struct text printed = {0};
    const struct config_reading with = {.lists = &lists, .faults = &faults};
    struct trial_config *config = calloc(1, sizeof *config);
    const struct tree_node root = {.type = TREE_MAP, .file = "empty", .line = 1, .column = 1, .text = ""};
    assert_true(config_bind(&root, trial_fields, &with, config));
    faults_print(&faults, &printed);
    assert_null(printed.data);
    assert_int_equal(trial_stream_seed(config, STREAM_NOISE), 0);
    config->seed = 5;
    assert_int_equal(trial_stream_seed(config, STREAM_NOISE), 0);
    assert_int_equal(trial_stream_seed(config, STREAM_INIT), 5);
    config->seeds.stream[STREAM_INIT] = 9;
    assert_int_equal(trial_stream_seed(config, STREAM_INIT), 9);
    free(config);
    config_lists_free(&lists);
    text_free(&printed);
    faults_free(&faults);
}

static void check_defaults(const struct field *fields, const char *kind)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (field->type == FIELD_SECTION)
            check_defaults(field->section, kind);
        if (field->summary == NULL || field->summary[0] == '\0')
            fail_msg("%s.%s has no sentence", kind, field->name);
    }
}

static void every_kind_has_a_sentence_and_settings_that_fit(void **state)
{
    (void)state;
    for (const struct kind_table *const *table = config_tables; *table != NULL; table++)
        for (const struct kind *const *kind = (*table)->kinds; *kind != NULL; kind++) {
            assert_non_null((*kind)->summary);
            assert_ptr_equal(kind_find(*table, (*kind)->name), *kind);
            for (const struct field *field = (*kind)->fields; field != NULL && field->name != NULL; field++)
                assert_in_range(field->offset, 0, CHOICE_BYTES - 1);
            if ((*kind)->fields != NULL)
                check_defaults((*kind)->fields, (*kind)->name);
        }
    check_defaults(trial_fields, "sweep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_its_default),
        cmocka_unit_test(everything_can_be_given),
        cmocka_unit_test(a_spaced_list_is_rounded_and_has_each_number_once),
        cmocka_unit_test(a_choice_without_kind_has_the_default_kind),
        cmocka_unit_test(wrong_values_say_what_is_allowed),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(settings_of_other_kinds_are_named),
        cmocka_unit_test(an_unknown_kind_is_one_fault),
        cmocka_unit_test(a_matrix_is_bound_row_after_row),
        cmocka_unit_test(a_key_without_default_is_required),
        cmocka_unit_test(all_faults_of_a_file_are_found),
        cmocka_unit_test(binding_again_leaves_nothing_of_before),
        cmocka_unit_test(every_default_of_the_sweep_file_is_valid),
        cmocka_unit_test(every_kind_has_a_sentence_and_settings_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
