#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_aligned_and_counted(void **state)
{
    (void)state;
    static const unsigned char zeros[1000];
    void *first = NULL, *second = NULL;
    assert_int_equal(memory_allocate(&first, 100, 10, "test", NULL), STATUS_OK);
    assert_int_equal(memory_allocate(&second, 1, 1, "test", NULL), STATUS_OK);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_int_equal((uintptr_t)second % 64, 0);
    assert_memory_equal(first, zeros, 1000);
    assert_int_equal(memory_balance(), 2);
    memory_free(first);
    memory_free(second);
    memory_free(NULL);
    assert_int_equal(memory_balance(), 0);
}

static void bytes_in_use_and_their_peak_are_counted(void **state)
{
    (void)state;
    enum { LINE = 64 };
    void *first = NULL, *second = NULL;
    const int64_t before = memory_peak();
    assert_int_equal(memory_in_use(), 0);
    assert_int_equal(memory_allocate(&first, 1, 1 << 20, "test", NULL), STATUS_OK);
    assert_int_equal(memory_in_use(), (1 << 20) + LINE);
    assert_true(before < memory_in_use());
    assert_int_equal(memory_allocate(&second, 1, 1, "test", NULL), STATUS_OK);
    assert_int_equal(memory_in_use(), (1 << 20) + 3 * LINE);
    memory_free(first);
    assert_int_equal(memory_in_use(), 2 * LINE);
    memory_free(second);
    assert_int_equal(memory_in_use(), 0);
    assert_int_equal(memory_peak(), (1 << 20) + 3 * LINE);
}

static void no_items_need_no_memory(void **state)
{
    (void)state;
    void *out = state;
    assert_int_equal(memory_allocate(&out, 0, 8, "test", NULL), STATUS_OK);
    assert_null(out);
    assert_int_equal(memory_balance(), 0);
}

static void too_much_is_refused_by_name(void **state)
{
    (void)state;
    struct error error = {0};
    void *out = NULL;
    assert_int_equal(memory_allocate(&out, SIZE_MAX / 2, 16, "the block", &error), STATUS_NO_MEMORY);
    assert_non_null(strstr(error.text, "the block"));
    assert_null(out);
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_counted),
        cmocka_unit_test(bytes_in_use_and_their_peak_are_counted),
        cmocka_unit_test(no_items_need_no_memory),
        cmocka_unit_test(too_much_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
