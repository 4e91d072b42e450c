#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/loss_figures.h"
#include "seedbed/random.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 1003 };

static int compare_floats(const void *a, const void *b)
{
    const float first = *(const float *)a, second = *(const float *)b;
    return (first > second) - (first < second);
}

static void numbers_of_any_sign_and_size_are_sorted(void **state)
{
    (void)state;
    float values[COUNT], wanted[COUNT], scratch[COUNT];
    struct random random = random_start(STREAM_METRIC, 3, 0);
    for (int n = 1; n <= COUNT; n += 167) {
        for (int i = 0; i < n; i++)
            values[i] = (float)(random_normal(&random) * exp(20 * random_normal(&random)));
        values[0] = n % 2 == 0 ? INFINITY : 0;
        memcpy(wanted, values, sizeof values);
        qsort(wanted, (size_t)n, sizeof *wanted, compare_floats);
        sort_numbers(n, values, scratch);
        assert_memory_equal(values, wanted, (size_t)n * sizeof *values);
    }
}

static void expect_near(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12 * (1 + fabs(wanted))))
        fail_msg("%.17g, expected %.17g", found, wanted);
}

static void figures_of_cases_made_by_hand_are_right(void **state)
{
    (void)state;
    const float one_of_four[] = {0, 0, 0, 8}, equal[] = {3, 3, 3}, line[] = {1, 2, 3, 4, 5},
                mixed[] = {-4, -1, 1, 2, 5};
    expect_near(sorted_gini(4, one_of_four), 0.75);
    expect_near(sorted_gini(3, equal), 0);
    expect_near(sorted_gini(5, line), 4.0 / 15);
    assert_true(isnan(sorted_gini(3, one_of_four)));
    expect_near(sorted_quantile(5, line, 0.5), 3);
    expect_near(sorted_quantile(5, line, 0.9), 4.6);
    expect_near(sorted_quantile(1, line, 0.999), 1);
    expect_near(sorted_trimmed_mean(5, line, 0.2), 2.5);
    expect_near(sorted_trimmed_mean(5, line, 0.21), 2);
    assert_true(isnan(sorted_trimmed_mean(1, line, 0.05)));
    expect_near(sorted_top_share(5, mixed, 0.2), 5.0 / 8);
    expect_near(sorted_top_share(5, mixed, 0.21), 7.0 / 8);
    expect_near(sorted_top_share(5, mixed, 0.8), 1);
    assert_true(isnan(sorted_top_share(2, mixed, 0.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_any_sign_and_size_are_sorted),
        cmocka_unit_test(figures_of_cases_made_by_hand_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
