#include "seedbed/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail

static void fail_writes_the_message_and_returns_the_status(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(fail(&error, STATUS_BAD_DATA, "%s: %d", "file", 3), STATUS_BAD_DATA);
    assert_int_equal(error.status, STATUS_BAD_DATA);
    assert_string_equal(error.text, "file: 3");
    assert_int_equal(fail(NULL, STATUS_IO, "unheard"), STATUS_IO);
}

static void fail_cuts_a_long_message(void **state)
{
    (void)state;
    struct error error = {0};
    char long_text[3 * ERROR_TEXT_BYTES];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    fail(&error, STATUS_IO, "%s", long_text);
    assert_int_equal(strlen(error.text), ERROR_TEXT_BYTES - 1);
}

static void fail_within_puts_the_place_in_front(void **state)
{
    (void)state;
    struct error error = {0};
    fail(&error, STATUS_NO_SPACE, "disk full");
    assert_int_equal(fail_within(&error, "trial %d", 7), STATUS_NO_SPACE);
    assert_string_equal(error.text, "trial 7: disk full");
}

static void fail_within_cuts_at_the_end(void **state)
{
    (void)state;
    struct error error = {0};
    char long_text[2 * ERROR_TEXT_BYTES];
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t prefix = ERROR_TEXT_BYTES - 8; prefix < ERROR_TEXT_BYTES + 8; prefix++) {
        long_text[prefix] = '\0';
        fail(&error, STATUS_IO, "the rest");
        assert_int_equal(fail_within(&error, "%s", long_text), STATUS_IO);
        assert_in_range(strlen(error.text), prefix < ERROR_TEXT_BYTES ? prefix : ERROR_TEXT_BYTES - 1,
                        ERROR_TEXT_BYTES - 1);
        long_text[prefix] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_writes_the_message_and_returns_the_status),
        cmocka_unit_test(fail_cuts_a_long_message),
        cmocka_unit_test(fail_within_puts_the_place_in_front),
        cmocka_unit_test(fail_within_cuts_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
