#include "example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {
    "count: 5\n",
    "title: \"a: [b], {c} #d 'e' \\\"f\\\" \\\\ \\t\\n\\x01\"\npath: /x y/z\n",
    "title: '- dash'\nweights: [0.1, 1e-300, 123456789012345678, -0.0, 3.141592653589793, 5e-324]\n",
    "title: \xc3\xa9t\xc3\xa9\nsizes: [0..20]\ncolour: no\ncolours: []\n",
    "tool: drill\nspeed: 0.30000000000000004\nbits: [-9223372036854775808, 9223372036854775807]\n",
    "other: {kind: hammer, weight: -3}\nextras: {hammer: {weight: 1}, tape: {}}\n",
    "inner: {rate: 1e22, careful: false, pinned: 9}\nwait: 1.5\n",
    "rack: []\nsteps: [{times: 2, with: drill}]\n",
    "table: [[0.1, -0.0, 1e-300], [-9, 9, 3.141592653589793]]\n",
    "rack:\n  - tape\n  - {kind: box, tools: [tape, {kind: hammer, weight: 2}], shelves: [[], [tape, drill]]}\n"
    "steps:\n  - {times: 1, with: hammer, weight: 3}\n  - {loud: true, times: 9}\n",
};

static struct text dump_of(const struct example *config)
{
    struct text text = {0};
    config_dump(example_fields, config, &text);
    assert_int_equal(text_status(&text, NULL), STATUS_OK);
    return text;
}

static void a_dump_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    static struct example_reading first, second;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        example_read(&first, texts[i]);
        assert_true(first.good);
        if (first.config.path[0] != '/')
            memcpy(first.config.path, "/absolute", sizeof "/absolute");
        struct text dump = dump_of(&first.config);
        example_read(&second, dump.data);
        if (!second.good)
            fail_msg("%s\n%s", dump.data, second.printed.data);
        assert_memory_equal(&first.config, &second.config, sizeof first.config);
        text_free(&dump);
        example_end(&first);
        example_end(&second);
    }
    assert_int_equal(memory_balance(), 0);
}

static void numbers_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    static struct example_reading reading;
    example_read(&reading, "weights: [0.1, 600, 5e-4, 1e22]\nwait: 10m\npath: /p\n");
    struct text dump = dump_of(&reading.config);
    assert_non_null(strstr(dump.data, "weights: [0.1, 600, 0.0005, 1e+22]\n"));
    assert_non_null(strstr(dump.data, "wait: 600\n"));
    assert_non_null(strstr(dump.data, "other: {kind: drill, speed: 2, bits: [3, 5, 6, 7]}\n"));
    assert_non_null(strstr(dump.data, "rack:\n  - tape\n  - {kind: drill, speed: 3, bits: [3, 5, 6, 7]}\nsteps: []\n"));
    text_free(&dump);
    example_end(&reading);
}

static struct text canonical_of(const char *text)
{
    static struct example_reading reading;
    struct text canonical = {0};
    example_read(&reading, text);
    assert_true(reading.good);
    config_canonical(example_fields, &reading.config, &canonical);
    example_end(&reading);
    return canonical;
}

static void check_canonical(const char *a, const char *b, bool same)
{
    struct text first = canonical_of(a), second = canonical_of(b);
    if ((strcmp(first.data, second.data) == 0) != same)
        fail_msg("'%s' and '%s' should %s:\n%s", a, b, same ? "be the same" : "differ", first.data);
    text_free(&first);
    text_free(&second);
}

static void spelling_and_order_do_not_enter_the_identity(void **state)
{
    (void)state;
    check_canonical("count: 10\ninner: {rate: 0.5}\n", "inner: {rate: 5e-1}\ncount: 1e1\n", true);
    check_canonical("sizes: [1, 2, 3]\n", "sizes: [1..3]\n", true);
    check_canonical("extras: {tape: , drill: {}}\n", "extras: {drill: {speed: 1.5}, tape: {}}\n", true);
    check_canonical("other: drill\n", "other: {kind: drill, speed: 1.5}\n", true);
    check_canonical("wait: 600\n", "wait: 10m\n", true);
    check_canonical("inner: {rate: 0}\n", "inner: {rate: -0.0}\n", true);
    check_canonical("inner: {pinned: 3}\n", "inner: {pinned: 4}\n", true);
    check_canonical("rack: [tape]\n", "rack:\n  - {kind: tape}\n", true);
    check_canonical("steps: [{times: 2, loud: false}]\n", "steps: [{loud: false, times: 2.0, with: tape}]\n", true);
}

static void every_value_enters_the_identity(void **state)
{
    (void)state;
    static const char *const different[] = {"count: 1\n",
                                            "count: 2\n",
                                            "title: a\n",
                                            "title: ab\n",
                                            "path: a\n",
                                            "wait: 1\n",
                                            "sizes: [1]\n",
                                            "sizes: [12]\n",
                                            "sizes: []\n",
                                            "weights: [1]\n",
                                            "weights: [1, 1]\n",
                                            "table: [[1, 1]]\n",
                                            "table: [[1, 2]]\n",
                                            "table: [[1], [1]]\n",
                                            "colour: no\n",
                                            "colours: [no]\n",
                                            "colours: []\n",
                                            "tool: drill\n",
                                            "tool: hammer\nweight: 1\n",
                                            "tool: hammer\nweight: 2\n",
                                            "other: tape\n",
                                            "other: {speed: 2.0000000000000004}\n",
                                            "extras: {tape: {}}\n",
                                            "extras: {drill: {}}\n",
                                            "inner: {rate: 0.10000000000000002}\n",
                                            "inner: {careful: false}\n",
                                            "rack: []\n",
                                            "rack: [tape]\n",
                                            "rack: [tape, tape]\n",
                                            "rack: [{kind: drill, speed: 3}, tape]\n",
                                            "rack: [{kind: box, tools: [tape]}]\n",
                                            "rack: [{kind: box, tools: []}, tape]\n",
                                            "rack: [{kind: box, tools: [], shelves: [[tape]]}]\n",
                                            "rack: [{kind: box, tools: [], shelves: [[], [tape]]}]\n",
                                            "steps: [{times: 2}]\n",
                                            "steps: [{times: 3}]\n",
                                            "steps: [{times: 3, with: drill}]\n",
                                            "{}\n"};
    const size_t count = sizeof different / sizeof different[0];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            check_canonical(different[i], different[j], false);
}

static void a_later_key_enters_the_identity_only_when_it_is_not_at_its_default(void **state)
{
    (void)state;
    struct text without = canonical_of("count: 5\n"), with = canonical_of("later: -1\n");
    assert_null(strstr(without.data, "later"));
    assert_non_null(strstr(with.data, "later=-1\n"));
    text_free(&without);
    text_free(&with);
    check_canonical("later: 0\n", "{}\n", true);
    check_canonical("later: 1\n", "later: 10\n", false);
}

static struct text reference_text(void)
{
    struct text text = {0};
    config_reference(&text);
    assert_int_equal(text_status(&text, NULL), STATUS_OK);
    return text;
}

static void the_reference_is_a_sweep_of_defaults(void **state)
{
    (void)state;
    struct text text = reference_text(), given = {0}, defaults = {0};
    struct faults faults = {0};
    struct config_lists lists = {0};
    const struct config_reading with = {.lists = &lists, .faults = &faults};
    struct tree_arena *arena = NULL;
    struct trial_config *config = calloc(1, sizeof *config);
    assert_int_equal(tree_arena_create(&arena, NULL), STATUS_OK);
    const struct tree_node *root = tree_parse(arena, "reference", text.data, text.length, &faults);
    const struct tree_node empty = {.type = TREE_MAP, .file = "empty", .line = 1, .column = 1, .text = ""};
    assert_non_null(root);
    assert_true(config_bind(root, trial_fields, &with, config));
    config_canonical(trial_fields, config, &given);
    assert_true(config_bind(&empty, trial_fields, &with, config));
    config_canonical(trial_fields, config, &defaults);
    assert_string_equal(given.data, defaults.data);
    free(config);
    text_free(&text);
    text_free(&given);
    text_free(&defaults);
    faults_free(&faults);
    config_lists_free(&lists);
    tree_arena_destroy(&arena);
    assert_int_equal(memory_balance(), 0);
}

static void the_reference_has_every_kind_and_fits_a_screen(void **state)
{
    (void)state;
    struct text text = reference_text();
    for (const struct kind_table *const *table = config_tables; *table != NULL; table++)
        for (const struct kind *const *kind = (*table)->kinds; *kind != NULL; kind++)
            assert_non_null(strstr(text.data, (*kind)->name));
    for (const char *line = text.data; *line != '\0'; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > 130)
            fail_msg("too long: %.*s", (int)strcspn(line, "\n"), line);
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_reads_back_to_the_same_bits),
        cmocka_unit_test(numbers_are_as_short_as_they_can_be),
        cmocka_unit_test(spelling_and_order_do_not_enter_the_identity),
        cmocka_unit_test(every_value_enters_the_identity),
        cmocka_unit_test(a_later_key_enters_the_identity_only_when_it_is_not_at_its_default),
        cmocka_unit_test(the_reference_is_a_sweep_of_defaults),
        cmocka_unit_test(the_reference_has_every_kind_and_fits_a_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
