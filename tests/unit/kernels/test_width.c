#include "kernels/width.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/vector.h"

static void nothing_asked_is_the_widest_of_the_cpu(void **state)
{
    (void)state;
    static const char *const nothing[] = {NULL, ""};
    for (int i = 0; i < 2; i++)
        for (int cpu = 0; cpu < WIDTH_COUNT; cpu++) {
            enum width width = WIDTH_COUNT;
            assert_int_equal(width_choose(nothing[i], (enum width)cpu, &width, NULL), STATUS_OK);
            assert_int_equal(width, cpu);
        }
}

static void what_the_cpu_has_may_be_asked_and_no_more(void **state)
{
    (void)state;
    for (int cpu = 0; cpu < WIDTH_COUNT; cpu++)
        for (int asked = 0; asked < WIDTH_COUNT; asked++) {
            enum width width = WIDTH_COUNT;
            const enum status status = width_choose(width_name((enum width)asked), (enum width)cpu, &width, NULL);
            assert_int_equal(status, asked <= cpu ? STATUS_OK : STATUS_USAGE);
            assert_true(status != STATUS_OK || (int)width == asked);
        }
}

static void a_refusal_names_what_was_asked_and_what_is_allowed(void **state)
{
    (void)state;
    static const char *const wrong[] = {"avx", "AVX2", "avx2 ", "sse2", "x86-64-v3", "avx512"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        enum width width = WIDTH_COUNT;
        struct error error = {0};
        assert_int_equal(width_choose(wrong[i], WIDTH_AVX2, &width, &error), STATUS_USAGE);
        assert_non_null(strstr(error.text, wrong[i]));
        assert_non_null(strstr(error.text, "SEEDBED_VECTORS"));
        assert_non_null(strstr(error.text, "baseline, avx2."));
    }
}

/* This test runs, so the CPU has at least what it was built for. */
static void the_build_is_for_vectors_that_the_cpu_has(void **state)
{
    (void)state;
    static const int lanes[] = {[WIDTH_BASELINE] = 4, [WIDTH_AVX2] = 8, [WIDTH_AVX512] = 16};
    assert_true(width_of_build() <= width_of_cpu());
    assert_true(LANES >= lanes[width_of_build()]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_the_widest_of_the_cpu),
        cmocka_unit_test(what_the_cpu_has_may_be_asked_and_no_more),
        cmocka_unit_test(a_refusal_names_what_was_asked_and_what_is_allowed),
        cmocka_unit_test(the_build_is_for_vectors_that_the_cpu_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
