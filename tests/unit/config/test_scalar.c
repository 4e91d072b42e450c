#include "config/scalar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tree_node plain(const char *text)
{
    return (struct tree_node){.type = TREE_SCALAR, .file = "test", .text = text};
}

static void numbers_mean_what_people_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"1e-3", 1e-3}, {"5E-4", 5e-4}, {".5", 0.5},  {"1.", 1},  {"+3", 3},     {"-0.25", -0.25},
                 {"0", 0},       {"-0", 0},      {"0.1", 0.1}, {"0e5", 0}, {"1e+2", 100}, {"0.0", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tree_node node = plain(cases[i].text);
        double value = 1e9;
        assert_null(scalar_real(&node, &value));
        assert_true(value == cases[i].value);
    }
}

static void other_spellings_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *trouble;
    } cases[] = {{"abc", "not a number"},   {"1e", "not a number"},
                 {"e5", "not a number"},    {".", "not a number"},
                 {"-", "not a number"},     {"1.2.3", "not a number"},
                 {"0x10", "decimal"},       {"0o7", "decimal"},
                 {"0b1", "decimal"},        {"010", "leading zero"},
                 {"-01.5", "leading zero"}, {"1_000", "underscore"},
                 {"1,5", "decimal point"},  {"nan", "finite"},
                 {".NaN", "finite"},        {"-.inf", "finite"},
                 {"Infinity", "finite"},    {"1e999", "too large"},
                 {"1e-999", "too small"},   {"0..9", "range"},
                 {"true", "not a number"},  {"", "empty"},
                 {"5e-4f", "not a number"}, {"1:30", "not a number"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tree_node node = plain(cases[i].text);
        double value = 0;
        const char *trouble = scalar_real(&node, &value);
        assert_non_null(trouble);
        if (strstr(trouble, cases[i].trouble) == NULL)
            fail_msg("'%s' %s", cases[i].text, trouble);
    }
}

static void quoted_numbers_are_text(void **state)
{
    (void)state;
    struct tree_node node = plain("3");
    double real = 0;
    int64_t whole = 0;
    node.quoted = true;
    assert_non_null(strstr(scalar_real(&node, &real), "quoted"));
    assert_non_null(strstr(scalar_integer(&node, &whole), "quoted"));
    assert_non_null(strstr(scalar_duration(&node, &real), "quoted"));
    node.text = "0..3";
    assert_false(scalar_is_range(&node));
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {{"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN},
                 {"1e4", 10000},
                 {"5.0", 5},
                 {"9007199254740993", 9007199254740993},
                 {"-0", 0}};
    static const char *const refused[] = {"9223372036854775808", "2.5", "1e-1", "1e17", "ten"};
    int64_t value = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tree_node node = plain(cases[i].text);
        assert_null(scalar_integer(&node, &value));
        assert_true(value == cases[i].value);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct tree_node node = plain(refused[i]);
        assert_non_null(scalar_integer(&node, &value));
    }
}

static void flags_are_true_and_false_alone(void **state)
{
    (void)state;
    static const char *const refused[] = {"True", "yes", "on", "no", "off", "1", "", "t"};
    bool value = false;
    struct tree_node node = plain("true");
    assert_null(scalar_flag(&node, &value));
    assert_true(value);
    node.text = "false";
    assert_null(scalar_flag(&node, &value));
    assert_false(value);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        node.text = refused[i];
        assert_non_null(scalar_flag(&node, &value));
    }
}

static void durations_are_in_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"90", 90},     {"90s", 90},   {"10m", 600},        {"2h", 7200},           {"3d", 259200},   {"0", 0},
                 {"1.5h", 5400}, {"01:30", 90}, {"12:00:00", 43200}, {"1-12:00:00", 129600}, {"0-00:00:01", 1}};
    static const char *const refused[] = {
        "10 m", "10x", "m", "1:99", "1:2", "1-2", "::", "1:", "-", "", "1-:1", "1:00:00:00", "soon", "10mm"};
    double value = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tree_node node = plain(cases[i].text);
        assert_null(scalar_duration(&node, &value));
        assert_true(value == cases[i].seconds);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct tree_node node = plain(refused[i]);
        if (scalar_duration(&node, &value) == NULL)
            fail_msg("'%s' was read as %g seconds", refused[i], value);
    }
}

static void ranges_have_both_ends(void **state)
{
    (void)state;
    int64_t first = 0, last = 0;
    struct tree_node node = plain("-3..12");
    assert_null(scalar_range(&node, &first, &last));
    assert_int_equal(first, -3);
    assert_int_equal(last, 12);
    node.text = "5..5";
    assert_null(scalar_range(&node, &first, &last));
    static const char *const refused[] = {"9..0", "0..", "..9", "0...9", "a..b", "0.5..1", "0..99999999999999999999",
                                          "3"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        node.text = refused[i];
        assert_non_null(scalar_range(&node, &first, &last));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_mean_what_people_write), cmocka_unit_test(other_spellings_are_refused_with_the_reason),
        cmocka_unit_test(quoted_numbers_are_text),        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(flags_are_true_and_false_alone), cmocka_unit_test(durations_are_in_seconds),
        cmocka_unit_test(ranges_have_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
