/* Lists of items: choices, sections and lists, in the sweep file and by dotted path. */
#include "config/keys.h"
#include "example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct example_reading reading;

static void check_faults(const char *text, const char *expected)
{
    example_read(&reading, text);
    assert_string_equal(reading.printed.data == NULL ? "" : reading.printed.data, expected);
    assert_int_equal(reading.good, expected[0] == '\0');
    example_end(&reading);
}

static const struct choice *tool_at(const struct item_list *list, int i)
{
    assert_in_range(i, 0, list->count - 1);
    return list->items[i];
}

static double speed_of(const struct choice *tool)
{
    assert_ptr_equal(tool->kind, &kind_drill);
    return ((const struct example_drill *)(const void *)tool->settings)->speed;
}

static void items_are_in_order_each_with_its_settings(void **state)
{
    (void)state;
    example_read(&reading, "rack: [tape, {kind: drill, speed: 4}, drill]\n");
    assert_true(reading.good);
    const struct item_list *rack = &reading.config.rack;
    assert_int_equal(rack->count, 3);
    assert_ptr_equal(tool_at(rack, 0)->kind, &kind_tape);
    assert_true(speed_of(tool_at(rack, 1)) == 4);
    assert_true(speed_of(tool_at(rack, 2)) == 1.5);
    example_end(&reading);
}

static void a_list_left_out_is_its_default(void **state)
{
    (void)state;
    example_read(&reading, "count: 4\n");
    assert_true(reading.good);
    assert_int_equal(reading.config.rack.count, 2);
    assert_true(speed_of(tool_at(&reading.config.rack, 1)) == 3);
    assert_int_equal(reading.config.steps.count, 0);
    example_end(&reading);
}

static void lists_lie_in_lists(void **state)
{
    (void)state;
    example_read(&reading,
                 "rack:\n  - {kind: box, tools: [{kind: box, tools: [tape]}], shelves: [[], [tape, drill]]}\n");
    assert_true(reading.good);
    const struct example_box *outer = (const void *)tool_at(&reading.config.rack, 0)->settings;
    const struct example_box *inner = (const void *)tool_at(&outer->tools, 0)->settings;
    assert_ptr_equal(tool_at(&inner->tools, 0)->kind, &kind_tape);
    assert_int_equal(outer->shelves.count, 2);
    const struct item_list *empty = outer->shelves.items[0], *full = outer->shelves.items[1];
    assert_int_equal(empty->count, 0);
    assert_true(speed_of(tool_at(full, 1)) == 1.5);
    example_end(&reading);
}

static void a_list_of_sections_has_their_structs(void **state)
{
    (void)state;
    example_read(&reading, "steps:\n  - {times: 2}\n  - loud: true\n    times: 3\n    with: hammer\n    weight: 7\n");
    assert_true(reading.good);
    const struct example_step *first = reading.config.steps.items[0], *second = reading.config.steps.items[1];
    assert_int_equal(first->times, 2);
    assert_false(first->loud);
    assert_ptr_equal(first->with.kind, &kind_tape);
    assert_int_equal(second->times, 3);
    assert_true(second->loud);
    assert_int_equal(((const struct example_hammer *)(const void *)second->with.settings)->weight, 7);
    example_end(&reading);
}

static void equal_items_are_kept_once(void **state)
{
    (void)state;
    example_read(&reading, "rack: [tape, drill, tape]\n");
    const struct item_list rack = reading.config.rack;
    assert_ptr_equal(rack.items[0], rack.items[2]);
    assert_ptr_not_equal(rack.items[0], rack.items[1]);
    assert_true(example_bind(&reading, tree_parse(reading.arena, "s", "rack: [tape, drill, tape]\n", 26, NULL)));
    assert_ptr_equal(reading.config.rack.items, rack.items);
    example_end(&reading);
}

/* Through several sizes of the table of kept values. */
static void many_distinct_items_are_all_found_again(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct config_lists lists = {0};
    const void *kept[COUNT];
    for (int i = 0; i < COUNT; i++)
        kept[i] = config_lists_keep(&lists, &i, sizeof i);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(*(const int *)kept[i], i);
        assert_ptr_equal(config_lists_keep(&lists, &i, sizeof i), kept[i]);
    }
    config_lists_free(&lists);
    config_lists_free(&lists);
}

static void faults_name_the_item(void **state)
{
    (void)state;
    check_faults("rack: [tape, {kind: drill, speed: 99}]\n",
                 "s:1:35: rack.1.speed: '99' is too large; allowed: a number above 0 and below 10\n");
    check_faults("rack:\n  - tape\n  - tpae\n",
                 "s:3:5: rack.1: 'tpae' is not a known tool; did you mean 'tape'? allowed: drill, hammer, tape, box\n");
    check_faults("rack: [{speed: 3}]\n", "s:1:8: rack.0: names no kind; write {kind: NAME, ...}; allowed: drill, "
                                         "hammer, tape, box\n");
    check_faults("rack: [{kind: drill, sped: 3}]\n", "s:1:22: rack.0: unknown key 'sped'; did you mean 'speed'?\n");
    check_faults("rack: [{kind: box}]\n", "s:1:8: rack.0.tools: is missing and has no default; allowed: a list, each "
                                          "item one of drill, hammer, tape, box\n");
    check_faults("rack: [{kind: box, tools: [], shelves: [[drill], tape]}]\n",
                 "s:1:50: rack.0.shelves.1: 'tape' is one value where a list is expected; write [tape]\n");
    check_faults("steps: [{times: 1}, {times: 0}]\n",
                 "s:1:29: steps.1.times: '0' is too small; allowed: a whole number from 1 to 9\n");
    check_faults("steps: [{loud: true}]\n",
                 "s:1:9: steps.0.times: is missing and has no default; allowed: a whole number from 1 to 9\n");
    check_faults("rack: tape\n", "s:1:7: rack: 'tape' is one value where a list is expected; write [tape]\n");
    check_faults("rack: {kind: tape}\n",
                 "s:1:7: rack: is a list of tools, not a map; write [..., ...], or each tool behind a '-'\n");
}

static void a_list_has_a_longest_length(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "rack: [tape");
    for (int i = 0; i < FIELD_LIST_MAX; i++)
        text_add(&text, ", tape");
    text_add(&text, "]\n");
    check_faults(text.data, "s:1:7: rack: the list has more than 128 values\n");
    text_free(&text);
}

static void add_nested(struct text *text, int depth)
{
    text_add(text, "rack: ");
    for (int i = 1; i < depth; i++)
        text_add(text, "[{kind: box, tools: ");
    text_add(text, "[tape]");
    for (int i = 1; i < depth; i++)
        text_add(text, "}]");
    text_add(text, "\n");
}

static void lists_lie_only_so_deep_in_each_other(void **state)
{
    (void)state;
    struct text text = {0};
    add_nested(&text, FIELD_LIST_DEPTH);
    check_faults(text.data, "");
    text.length = 0;
    add_nested(&text, FIELD_LIST_DEPTH + 1);
    example_read(&reading, text.data);
    assert_non_null(strstr(reading.printed.data, "lists lie more than 12 deep in each other; write fewer"));
    assert_string_equal(strchr(reading.printed.data, 0x0a), "\n");
    example_end(&reading);
    text_free(&text);
}

/* Sets a path in the tree of text and binds it. */
static void set_and_read(const char *text, const char *path, const char *value)
{
    example_read(&reading, text);
    faults_free(&reading.faults);
    const struct tree_node *root = tree_parse(reading.arena, "s", text, strlen(text), &reading.faults);
    const struct tree_node *node = tree_parse_option(reading.arena, "--set", value, &reading.faults);
    reading.good = example_bind(&reading, tree_set(reading.arena, root, path, node));
    text_free(&reading.printed);
    faults_print(&reading.faults, &reading.printed);
}

static void check_set(const char *text, const char *path, const char *value, const char *expected)
{
    set_and_read(text, path, value);
    assert_string_equal(reading.printed.data == NULL ? "" : reading.printed.data, expected);
    example_end(&reading);
}

static void a_number_in_a_dotted_path_is_an_item(void **state)
{
    (void)state;
    set_and_read("rack: [tape, drill]\n", "rack.1.speed", "7");
    assert_true(speed_of(tool_at(&reading.config.rack, 1)) == 7);
    example_end(&reading);
    set_and_read("rack: [tape, tape]\n", "rack.0", "{kind: drill, speed: 2}");
    assert_true(speed_of(tool_at(&reading.config.rack, 0)) == 2);
    assert_ptr_equal(tool_at(&reading.config.rack, 1)->kind, &kind_tape);
    example_end(&reading);
    set_and_read("rack: [{kind: box, tools: [], shelves: [[], [tape, drill]]}]\n", "rack.0.shelves.1.1.speed", "5");
    const struct example_box *box = (const void *)tool_at(&reading.config.rack, 0)->settings;
    assert_true(speed_of(tool_at(box->shelves.items[1], 1)) == 5);
    example_end(&reading);
    set_and_read("steps: [{times: 1}]\n", "steps.0.times", "4");
    assert_int_equal(((const struct example_step *)reading.config.steps.items[0])->times, 4);
    example_end(&reading);
}

static void an_item_that_there_is_not_is_a_fault(void **state)
{
    (void)state;
    check_set("rack: [tape, drill]\n", "rack.2.speed", "7",
              "--set: rack: there is no tool 2: the list has 2, numbered 0 to 1\n");
    check_set("rack: []\n", "rack.0", "tape", "--set: rack: there is no tool 0: the list is empty\n");
    check_set("count: 3\n", "steps.0.times", "2", "--set: steps: there is no step 0: the list is empty\n");
}

static void dotted_keys_find_fields_and_values(void **state)
{
    (void)state;
    struct config_key key;
    const void *value = NULL;
    char why[200];
    assert_true(config_find_key(example_fields, "rack.3.tools.0.speed", &key));
    assert_int_equal(key.field->type, FIELD_REAL);
    assert_true(config_find_key(example_fields, "rack.0.shelves.1.1", &key));
    assert_int_equal(key.field->type, FIELD_CHOICE);
    assert_true(config_find_key(example_fields, "steps.127.times", &key));
    static const char *const wrong[] = {"rack.128", "rack.-1", "rack.01", "rack.x", "rack.", "rack.0.", "steps.0.0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(config_find_key(example_fields, wrong[i], NULL));
    config_explain_key(example_fields, "rack.first.speed", why, sizeof why);
    assert_string_equal(why, "unknown key 'rack.first.speed'; allowed in rack: the number of a tool, 0 for the first, "
                             "at most 127");
    example_read(&reading, "rack: [tape, {kind: drill, speed: 6}]\nsteps: [{times: 3}]\n");
    assert_non_null(config_value(example_fields, &reading.config, "rack.1.speed", &value));
    assert_true(*(const double *)value == 6);
    assert_non_null(config_value(example_fields, &reading.config, "steps.0.times", &value));
    assert_int_equal(*(const int64_t *)value, 3);
    assert_null(config_value(example_fields, &reading.config, "rack.0.speed", &value));
    assert_null(config_value(example_fields, &reading.config, "rack.2", &value));
    example_end(&reading);
}

static bool matches(const char *path, const char *wanted)
{
    const void *value = NULL;
    const struct field *field = config_value(example_fields, &reading.config, path, &value);
    assert_non_null(field);
    return config_matches(field, value, tree_parse_option(reading.arena, "--set", wanted, &reading.faults));
}

static void lists_match_item_by_item(void **state)
{
    (void)state;
    example_read(&reading, "rack: [tape, {kind: drill, speed: 6}]\nsteps: [{times: 3}]\n");
    assert_true(matches("rack", "[tape, drill]"));
    assert_true(matches("rack", "[tape, {kind: drill, speed: 6.0}]"));
    assert_false(matches("rack", "[tape, {kind: drill, speed: 5}]"));
    assert_false(matches("rack", "[tape]"));
    assert_false(matches("rack", "[drill, tape]"));
    assert_false(matches("rack", "tape"));
    assert_true(matches("rack.1", "drill"));
    assert_true(matches("steps", "[{times: 3}]"));
    assert_false(matches("steps", "[{times: 3, loud: true}]"));
    example_end(&reading);
}

static bool is_several(const char *path, const char *text)
{
    struct config_key key;
    assert_true(config_find_key(example_fields, path, &key));
    return config_is_several(key.field, tree_parse_option(reading.arena, "--set", text, &reading.faults));
}

static void values_of_a_list_are_lists_of_lists(void **state)
{
    (void)state;
    example_read(&reading, "count: 4\n");
    assert_false(is_several("rack", "[tape, drill]"));
    assert_true(is_several("rack", "[[tape], [drill]]"));
    assert_true(is_several("rack.0", "[tape, drill]"));
    assert_false(is_several("rack.0.shelves", "[[tape], [drill]]"));
    assert_true(is_several("rack.0.shelves", "[[[tape]], [[drill]]]"));
    assert_false(is_several("sizes", "[1, 2]"));
    assert_true(is_several("count", "[1, 2]"));
    example_end(&reading);
}

static void a_value_is_checked_alone(void **state)
{
    (void)state;
    struct text printed = {0};
    example_read(&reading, "count: 4\n");
    const struct tree_node *node =
        tree_parse_option(reading.arena, "--set", "[{kind: drill, speed: x}]", &reading.faults);
    assert_false(config_check_value(example_fields, "rack", node, &reading.faults));
    faults_print(&reading.faults, &printed);
    assert_string_equal(printed.data, "--set: rack.0.speed: 'x' is not a number; allowed: a number above 0 and below "
                                      "10\n");
    node = tree_parse_option(reading.arena, "--set", "[hammer]", &reading.faults);
    assert_true(config_check_value(example_fields, "rack", node, &reading.faults));
    text_free(&printed);
    example_end(&reading);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_in_order_each_with_its_settings),
        cmocka_unit_test(a_list_left_out_is_its_default),
        cmocka_unit_test(lists_lie_in_lists),
        cmocka_unit_test(a_list_of_sections_has_their_structs),
        cmocka_unit_test(equal_items_are_kept_once),
        cmocka_unit_test(many_distinct_items_are_all_found_again),
        cmocka_unit_test(faults_name_the_item),
        cmocka_unit_test(a_list_has_a_longest_length),
        cmocka_unit_test(lists_lie_only_so_deep_in_each_other),
        cmocka_unit_test(a_number_in_a_dotted_path_is_an_item),
        cmocka_unit_test(an_item_that_there_is_not_is_a_fault),
        cmocka_unit_test(dotted_keys_find_fields_and_values),
        cmocka_unit_test(lists_match_item_by_item),
        cmocka_unit_test(values_of_a_list_are_lists_of_lists),
        cmocka_unit_test(a_value_is_checked_alone),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
