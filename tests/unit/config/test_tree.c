#include "config/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

struct reading {
    struct tree_arena *arena;
    struct faults faults;
    struct text printed;
    const struct tree_node *root;
};

static struct reading reading_of(const char *text, size_t bytes)
{
    struct reading reading = {0};
    assert_int_equal(tree_arena_create(&reading.arena, NULL), STATUS_OK);
    reading.root = tree_parse(reading.arena, "s.yaml", text, bytes, &reading.faults);
    faults_print(&reading.faults, &reading.printed);
    return reading;
}

static struct reading read_text(const char *text)
{
    return reading_of(text, strlen(text));
}

static void reading_end(struct reading *reading)
{
    tree_arena_destroy(&reading->arena);
    faults_free(&reading->faults);
    text_free(&reading->printed);
    assert_int_equal(memory_balance(), 0);
}

static void nodes_know_their_places(void **state)
{
    (void)state;
    struct reading reading = read_text("a: 1\nb:\n  c: [x, 'y']\n  \xc3\xa9t\xc3\xa9: {d: 2}\n");
    assert_int_equal(reading.faults.count, 0);
    const struct tree_node *y = tree_find(reading.root, "b.c")->items[1];
    char place[64];
    tree_place(y, place, sizeof place);
    assert_string_equal(place, "s.yaml:3:10");
    assert_string_equal(y->text, "y");
    assert_true(y->quoted);
    assert_false(tree_find(reading.root, "a")->quoted);
    tree_place(tree_find(reading.root, "b.\xc3\xa9t\xc3\xa9.d"), place, sizeof place);
    assert_string_equal(place, "s.yaml:4:12");
    assert_null(tree_find(reading.root, "b.c.d"));
    assert_null(tree_find(reading.root, "b.z"));
    assert_ptr_equal(tree_find(reading.root, ""), reading.root);
    reading_end(&reading);
}

static void a_long_file_name_leaves_the_numbers(void **state)
{
    (void)state;
    char name[1000], place[256];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct tree_node node = {.file = name, .line = 12, .column = 7};
    tree_place(&node, place, sizeof place);
    assert_string_equal(place + strlen(place) - 6, "d:12:7");
    assert_memory_equal(place, "...d", 4);
}

static void setting_a_key_leaves_the_old_tree_alone(void **state)
{
    (void)state;
    struct reading reading = read_text("train: {loss: mse, epochs: 3}\nseed: 1\n");
    const struct tree_node value = {.type = TREE_SCALAR, .file = "--set", .text = "9"};
    const struct tree_node *changed = tree_set(reading.arena, reading.root, "train.epochs", &value);
    assert_string_equal(tree_find(changed, "train.epochs")->text, "9");
    assert_string_equal(tree_find(reading.root, "train.epochs")->text, "3");
    assert_ptr_equal(tree_find(changed, "seed"), tree_find(reading.root, "seed"));
    assert_ptr_equal(tree_find(changed, "train.loss"), tree_find(reading.root, "train.loss"));
    assert_int_equal(changed->count, 2);
    reading_end(&reading);
}

static void setting_makes_maps_and_keeps_bare_kinds(void **state)
{
    (void)state;
    struct reading reading = read_text("train: {loss: rll}\nempty:\nlist: [1]\n");
    const struct tree_node value = {.type = TREE_SCALAR, .file = "--set", .text = "9"};
    const struct tree_node *root = tree_set(reading.arena, reading.root, "train.loss.alpha", &value);
    root = tree_set(reading.arena, root, "a.b.c", &value);
    root = tree_set(reading.arena, root, "empty.d", &value);
    assert_string_equal(tree_find(root, "train.loss.kind")->text, "rll");
    assert_string_equal(tree_find(root, "train.loss.alpha")->text, "9");
    assert_string_equal(tree_find(root, "a.b.c")->text, "9");
    assert_int_equal(tree_find(root, "empty")->count, 1);
    assert_ptr_equal(tree_find(tree_set(reading.arena, root, "list.x", &value), "list"), tree_find(root, "list"));
    reading_end(&reading);
}

static void rewinding_reuses_the_memory(void **state)
{
    (void)state;
    struct reading reading = read_text("a: {b: {c: 1}}\n");
    const struct tree_node value = {.type = TREE_SCALAR, .file = "x", .text = "2"};
    const size_t mark = tree_arena_mark(reading.arena);
    const void *first = NULL;
    int64_t blocks = 0;
    for (int round = 0; round < 50; round++) {
        const struct tree_node *root = reading.root;
        for (int i = 0; i < 3000; i++)
            root = tree_set(reading.arena, root, "a.b.c", &value);
        if (round == 0) {
            first = root;
            blocks = memory_balance();
        }
        assert_ptr_equal(root, first);
        assert_string_equal(tree_find(root, "a.b.c")->text, "2");
        assert_int_equal(memory_balance(), blocks);
        tree_arena_rewind(reading.arena, mark);
        assert_int_equal(tree_arena_mark(reading.arena), mark);
    }
    assert_true(blocks > 5);
    assert_string_equal(tree_find(reading.root, "a.b.c")->text, "1");
    reading_end(&reading);
}

static void a_room_larger_than_a_chunk_is_given(void **state)
{
    (void)state;
    struct reading reading = read_text("a: 1\n");
    for (size_t bytes = 1; bytes < (size_t)1 << 22; bytes *= 7) {
        unsigned char *room = tree_arena_room(reading.arena, bytes);
        assert_int_equal((uintptr_t)room % 16, 0);
        memset(room, 0xff, bytes);
    }
    assert_string_equal(tree_find(reading.root, "a")->text, "1");
    reading_end(&reading);
}

static void text_beyond_16_mib_is_refused(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "a: ");
    for (int i = 0; i < (16 << 20) / 64; i++)
        text_add_bytes(&text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 64);
    struct reading reading = reading_of(text.data, text.length);
    assert_null(reading.root);
    assert_string_equal(reading.printed.data, "s.yaml:1:1: the file is larger than 16 MiB\n");
    text_free(&text);
    reading_end(&reading);
}

static void nesting_of_64_is_read_and_65_refused(void **state)
{
    (void)state;
    for (int depth = 63; depth <= 65; depth++) {
        char text[200];
        snprintf(text, sizeof text, "%.*s%.*s", depth,
                 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
                 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        struct reading reading = read_text(text);
        assert_int_equal(reading.root != NULL, depth <= 64);
        reading_end(&reading);
    }
}

static void many_keys_are_checked_for_duplicates_fast(void **state)
{
    (void)state;
    struct text text = {0};
    for (int i = 0; i < 200000; i++)
        text_add(&text, "k%d: 1\n", i == 199999 ? 5 : i);
    struct reading reading = reading_of(text.data, text.length);
    assert_string_equal(reading.printed.data, "s.yaml:200000:1: duplicate key 'k5'; it is already set in line 6\n");
    assert_non_null(reading.root);
    text_free(&text);
    reading_end(&reading);
}

static void options_are_named_instead_of_lines(void **state)
{
    (void)state;
    struct reading reading = read_text("a: 1\n");
    struct text text = {0};
    const struct tree_node *node = tree_parse_option(reading.arena, "--set a=[1,2]", "[1,2]", &reading.faults);
    char place[64];
    tree_place(node->items[1], place, sizeof place);
    assert_string_equal(place, "--set a=[1,2]");
    assert_true(tree_is_empty(tree_parse_option(reading.arena, "--set a=", "", &reading.faults)));
    assert_null(tree_parse_option(reading.arena, "--set a=[", "[", &reading.faults));
    faults_print(&reading.faults, &text);
    assert_memory_equal(text.data, "--set a=[: ", 11);
    text_free(&text);
    reading_end(&reading);
}

static void faults_are_printed_in_the_files_order_and_once(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct text text = {0};
    for (int round = 0; round < 3; round++) {
        faults_add(&faults, "a:b.yaml:12:1", "later");
        faults_add(&faults, "a:b.yaml:2:10", "second");
        faults_add(&faults, "a:b.yaml:2:9", "first");
        faults_add(&faults, "--set x=1", "option");
    }
    assert_int_equal(faults.count, 4);
    faults_print(&faults, &text);
    assert_string_equal(text.data,
                        "--set x=1: option\na:b.yaml:2:9: first\na:b.yaml:2:10: second\na:b.yaml:12:1: later\n");
    text_free(&text);
    faults_add(&faults, "a:b.yaml:2:9", "another");
    assert_int_equal(faults.count, 5);
    faults_free(&faults);
    assert_int_equal(memory_balance(), 0);
}

static void thousands_of_faults_are_kept(void **state)
{
    (void)state;
    struct faults faults = {0};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3000; i++) {
            char place[32];
            snprintf(place, sizeof place, "s:%d:1", i);
            faults_add(&faults, place, "fault");
        }
    assert_int_equal(faults.count, 3000);
    faults_free(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(a_long_file_name_leaves_the_numbers),
        cmocka_unit_test(setting_a_key_leaves_the_old_tree_alone),
        cmocka_unit_test(setting_makes_maps_and_keeps_bare_kinds),
        cmocka_unit_test(rewinding_reuses_the_memory),
        cmocka_unit_test(a_room_larger_than_a_chunk_is_given),
        cmocka_unit_test(text_beyond_16_mib_is_refused),
        cmocka_unit_test(nesting_of_64_is_read_and_65_refused),
        cmocka_unit_test(many_keys_are_checked_for_duplicates_fast),
        cmocka_unit_test(options_are_named_instead_of_lines),
        cmocka_unit_test(faults_are_printed_in_the_files_order_and_once),
        cmocka_unit_test(thousands_of_faults_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
