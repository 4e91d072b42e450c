#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/ranks.h"
#include "seedbed/random.h"

#include <cmocka.h>

enum { N = 6 };

static void order(int n, const double *values, int32_t *out)
{
    struct error error = {0};
    assert_int_equal(ranks_order(n, values, out, &error), STATUS_OK);
}

static void equal_values_keep_their_order(void **state)
{
    (void)state;
    const double values[N] = {2, -1, 2, 5, -1, 0};
    const int32_t expected[N] = {1, 4, 5, 0, 2, 3};
    int32_t found[N];
    order(N, values, found);
    assert_memory_equal(found, expected, sizeof expected);
    assert_int_equal(memory_balance(), 0);
}

static void overlap_is_shared_over_all(void **state)
{
    (void)state;
    const int32_t a[] = {0, 3, 5}, b[] = {5, 1, 0};
    uint8_t marks[N];
    assert_true(subset_overlap(N, 3, a, b, marks) == 2.0 / 4);
    assert_true(subset_overlap(N, 3, a, a, marks) == 1);
    assert_true(subset_overlap(N, 1, a, b, marks) == 0);
}

static double correlation(const double *a, const double *b)
{
    int32_t order_a[N], order_b[N];
    double room[2 * N];
    order(N, a, order_a);
    order(N, b, order_b);
    double found = 0;
    struct error error = {0};
    assert_int_equal(rank_correlation(N, a, b, &found, &error), STATUS_OK);
    const double ordered = ordered_rank_correlation(N, a, b, order_a, order_b, room);
    assert_true(found == ordered || (isnan(found) && isnan(ordered)));
    return found;
}

/* Ranks 0.5 0.5 2 3 4 5 against 0 to 5 in order: by hand 1 - 0.5 / 17.5 over the norms. */
static void correlation_is_of_ranks_that_equal_values_share(void **state)
{
    (void)state;
    const double rising[N] = {1, 2, 3, 10, 1000, 1e6}, falling[N] = {5, 4, 3, 2, 1, -7}, tied[N] = {0, 0, 1, 2, 3, 4};
    assert_true(fabs(correlation(rising, rising) - 1) < 1e-15);
    assert_true(fabs(correlation(rising, falling) + 1) < 1e-15);
    assert_true(fabs(correlation(rising, tied) - 17 / sqrt(17.5 * 17)) < 1e-12);
    const double never[N] = {0, 0, 1, 2, (double)INFINITY, (double)INFINITY};
    assert_true(fabs(correlation(tied, never) - 16.5 / sqrt(17 * 16.5)) < 1e-12);
    assert_true(isnan(correlation(rising, (const double[N]){1, 1, 1, 1, 1, 1})));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_keep_their_order),
        cmocka_unit_test(overlap_is_shared_over_all),
        cmocka_unit_test(correlation_is_of_ranks_that_equal_values_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
