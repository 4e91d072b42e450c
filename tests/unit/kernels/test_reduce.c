#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/reduce.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COUNT_MAX = 70 };

static void sums_are_right_for_every_small_count(void **state)
{
    (void)state;
    double x[COUNT_MAX], total = 0, squares = 0;
    float y[COUNT_MAX];
    struct random random = random_start(STREAM_DATA, 3, 0);
    for (int count = 0; count < COUNT_MAX; count++) {
        assert_true(fabs(sum(count, x) - total) <= 1e-13);
        assert_true(fabs(sum_squares(count, y) - squares) <= 1e-13 * squares);
        x[count] = random_normal(&random);
        y[count] = (float)x[count];
        total += x[count];
        squares += (double)y[count] * (double)y[count];
    }
}

static void sums_do_not_depend_on_alignment(void **state)
{
    (void)state;
    enum { COUNT = 1003 };
    static double x[COUNT + 8];
    static float y[COUNT + 16];
    double first = 0, first_squares = 0;
    for (int shift = 0; shift < 8; shift++) {
        struct random random = random_start(STREAM_DATA, 4, 0);
        for (int i = 0; i < COUNT; i++) {
            x[i + shift] = random_normal(&random);
            y[i + shift] = (float)x[i + shift];
        }
        const double total = sum(COUNT, x + shift), squares = sum_squares(COUNT, y + shift);
        first = shift == 0 ? total : first;
        first_squares = shift == 0 ? squares : first_squares;
        assert_true(total == first && squares == first_squares);
    }
}

static void one_bad_number_anywhere_is_found(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    float x[COUNT_MAX] = {0};
    x[3] = 3e38f;
    for (int count = 0; count < COUNT_MAX; count++) {
        assert_true(all_finite(count, x));
        for (int at = 0; at < count; at++) {
            const float good = x[at];
            x[at] = bad[at % 3];
            assert_false(all_finite(count, x));
            x[at] = good;
        }
    }
}

static void the_first_of_equal_maxima_wins(void **state)
{
    (void)state;
    assert_int_equal(first_maximum(4, (const float[]){1, 3, 3, 2}), 1);
    assert_int_equal(first_maximum(3, (const float[]){0, 0, 0}), 0);
    assert_int_equal(first_maximum(1, (const float[]){-5}), 0);
}

static void a_margin_is_to_the_largest_other(void **state)
{
    (void)state;
    const float z[] = {1, 3, 3, 2};
    assert_true(label_margin(4, z, 0) == -2 && label_margin(4, z, 1) == 0 && label_margin(4, z, 3) == -1);
    assert_true(label_margin(2, (const float[]){0.25f, -4}, 0) == 4.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_right_for_every_small_count), cmocka_unit_test(sums_do_not_depend_on_alignment),
        cmocka_unit_test(one_bad_number_anywhere_is_found),     cmocka_unit_test(the_first_of_equal_maxima_wins),
        cmocka_unit_test(a_margin_is_to_the_largest_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
