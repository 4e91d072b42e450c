#include "cli/command.h"
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OPTION_OUTPUT, OPTION_SET, OPTION_QUICK };

static const struct option_spec options[] = {
    {"-o", "FILE", false, "Output."},
    {"--set", "KEY=VALUE", true, "Set."},
    {"--quick", NULL, false, "Quick."},
    {0},
};
static const struct command command = {.name = "try", .operands = "A B", .operand_count = 2, .options = options};

static struct arguments arguments;
static struct error error;

static enum status parse(int count, const char *const *words)
{
    memset(&arguments, 0, sizeof arguments);
    memset(&error, 0, sizeof error);
    return arguments_parse(&command, count, (char *const *)(uintptr_t)words, &arguments, &error);
}

static void options_and_operands_may_be_mixed(void **state)
{
    (void)state;
    const char *const words[] = {"a", "--set", "x=1", "-o", "out", "b", "--set=y=2", "--quick"};
    assert_int_equal(parse(8, words), STATUS_OK);
    assert_int_equal(arguments.operand_count, 2);
    assert_string_equal(arguments.operands[1], "b");
    assert_string_equal(argument_value(&arguments, OPTION_OUTPUT), "out");
    assert_int_equal(arguments.count[OPTION_SET], 2);
    assert_string_equal(arguments.values[OPTION_SET][1], "y=2");
    assert_int_equal(arguments.count[OPTION_QUICK], 1);
}

static void after_two_dashes_everything_is_an_operand(void **state)
{
    (void)state;
    const char *const words[] = {"--", "--quick", "-"};
    assert_int_equal(parse(3, words), STATUS_OK);
    assert_string_equal(arguments.operands[0], "--quick");
    assert_null(argument_value(&arguments, OPTION_OUTPUT));
}

static void refused(int count, const char *const *words, const char *message)
{
    assert_int_equal(parse(count, words), STATUS_USAGE);
    if (strstr(error.text, message) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, message);
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    refused(3, (const char *const[]){"a", "b", "--quik"}, "unknown option '--quik'; did you mean '--quick'?");
    refused(3, (const char *const[]){"a", "b", "-o"}, "-o needs FILE");
    refused(3, (const char *const[]){"a", "b", "--quick=1"}, "--quick takes no value");
    refused(6, (const char *const[]){"a", "b", "-o", "1", "-o", "2"}, "-o given more than 1 time");
    refused(1, (const char *const[]){"a"}, "takes A B, but 1 operand was given");
    refused(3, (const char *const[]){"a", "b", "c"}, "but 3 operands were given");
}

static void whole_numbers_are_checked(void **state)
{
    (void)state;
    long long value = 0;
    assert_int_equal(argument_integer("12", "-n", 0, &value, &error), STATUS_OK);
    assert_int_equal(value, 12);
    const char *const wrong[] = {"", "x", "1.5", "-1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(argument_integer(wrong[i], "-n", 0, &value, &error), STATUS_USAGE);
}

static void durations_read_well(void **state)
{
    (void)state;
    char text[32];
    progress_duration(44.2, text, sizeof text);
    assert_string_equal(text, "45 s");
    progress_duration(61, text, sizeof text);
    assert_string_equal(text, "1:01 min");
    progress_duration(3 * 3600 + 62, text, sizeof text);
    assert_string_equal(text, "3:01:02 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_may_be_mixed),
        cmocka_unit_test(after_two_dashes_everything_is_an_operand),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(whole_numbers_are_checked),
        cmocka_unit_test(durations_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
