#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void text_grows_and_is_never_cut(void **state)
{
    (void)state;
    struct text text = {0};
    for (int i = 0; i < 2000; i++)
        text_add(&text, "%04d,", i);
    assert_int_equal(text_status(&text, NULL), STATUS_OK);
    assert_int_equal(text.length, 10000);
    assert_int_equal(strlen(text.data), 10000);
    assert_string_equal(text.data + 9995, "1999,");
    text_free(&text);
    assert_null(text.data);
    assert_int_equal(memory_balance(), 0);
}

static void bytes_are_kept_as_they_are(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_bytes(&text, "a\0b", 3);
    text_add_bytes(&text, "", 0);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    text_free(&text);
}

static void a_failed_text_says_so(void **state)
{
    (void)state;
    struct text text = {.failed = 1};
    struct error error = {0};
    text_add(&text, "lost");
    assert_null(text.data);
    assert_int_equal(text_status(&text, &error), STATUS_NO_MEMORY);
    assert_non_null(strstr(error.text, "no memory"));
}

static void distance_counts_edits(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } cases[] = {{"", "", 0},
                 {"", "abc", 3},
                 {"model", "model", 0},
                 {"modle", "model", 1},
                 {"epoch", "epochs", 1},
                 {"kitten", "sitting", 3},
                 {"ab", "ba", 1},
                 {"momentum", "momemtun", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void distance_of_long_names_stays_in_bounds(void **state)
{
    (void)state;
    char a[500], b[500];
    memset(a, 'a', sizeof a - 1);
    memset(b, 'b', sizeof b - 1);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    assert_int_equal(text_distance(a, b), 63);
    assert_int_equal(text_distance(a, a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_is_never_cut),
        cmocka_unit_test(bytes_are_kept_as_they_are),
        cmocka_unit_test(a_failed_text_says_so),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(distance_of_long_names_stays_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
