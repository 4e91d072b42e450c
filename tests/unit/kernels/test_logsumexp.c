#include <math.h>
#include <stdint.h>

#include "kernels/logsumexp.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* One row, by itself and among rows. */
static double value_of(int m, const float *z, int label)
{
    const int16_t labels[] = {(int16_t)label};
    double value;
    logsumexp_minus_rows(1, m, z, labels, &value);
    return value;
}

typedef double one_row(int m, const float *z, int label);

static one_row *const ways[] = {logsumexp_minus, value_of};
enum { WAYS = sizeof ways / sizeof *ways };

static double off(double value, double right)
{
    return fabs(value / right - 1);
}

static void the_smallest_tail_is_kept(void **state)
{
    (void)state;
    const float far[] = {0, -100}, extreme[] = {1000, -1000, 999}, gone[] = {1000, -1000}, alone[] = {3};
    for (int way = 0; way < WAYS; way++) {
        assert_true(off(ways[way](2, far, 0), exp(-100)) < 1e-12);
        assert_true(ways[way](2, far, 1) == 100);
        assert_true(fabs(ways[way](3, extreme, 0) - log1p(exp(-1))) < 1e-15);
        assert_true(fabs(ways[way](3, extreme, 1) - (2000 + log1p(exp(-1)))) < 1e-12);
        assert_true(ways[way](2, gone, 0) == 0 && ways[way](2, gone, 1) == 2000);
        assert_true(ways[way](1, alone, 0) == 0);
    }
}

/* Down to the smallest numbers there are, where a result has few digits left. */
static void every_distance_of_two_logits_is_right(void **state)
{
    (void)state;
    for (int step = 0; step < 10000; step++) {
        const float distance = 0.078125f * (float)step, z[] = {-distance, 0};
        const double right = log1p(exp(-(double)distance)), least = 0x1p-1074;
        for (int way = 0; way < WAYS; way++) {
            assert_true(fabs(ways[way](2, z, 1) - right) <= 4 * 0x1p-53 * right + least);
            assert_true(fabs(ways[way](2, z, 0) - ((double)distance + right)) <= 0x1p-52 * (double)distance + 1e-15);
        }
    }
}

static void what_is_not_finite_is_not_hidden(void **state)
{
    (void)state;
    const float hole[] = {1, NAN, 2}, high[] = {1, INFINITY, 2};
    for (int way = 0; way < WAYS; way++) {
        assert_true(isnan(ways[way](3, hole, 0)) && isnan(ways[way](3, hole, 2)));
        assert_true(!isfinite(ways[way](3, high, 0)));
    }
}

static void rows_are_as_each_by_itself(void **state)
{
    (void)state;
    enum { ROWS = 131, CLASSES_MAX = 700 };
    static const int classes[] = {1, 2, 3, 10, 100, 511, 512, 513, CLASSES_MAX};
    static float z[ROWS * CLASSES_MAX];
    static int16_t labels[ROWS];
    double values[ROWS + 1];
    struct random random = random_start(STREAM_DATA, 5, 0);
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
        const int m = classes[c];
        for (int i = 0; i < ROWS * m; i++)
            z[i] = (float)(10 * random_normal(&random));
        for (int i = 0; i < ROWS; i++)
            labels[i] = (int16_t)random_below(&random, (uint32_t)m);
        for (int n = 1; n <= ROWS; n += 13) {
            values[n] = -1;
            logsumexp_minus_rows(n, m, z, labels, values);
            assert_true(values[n] == -1);
            for (int i = 0; i < n; i++) {
                const double right = logsumexp_minus(m, z + i * m, labels[i]);
                assert_true(fabs(values[i] - right) <= 1e-14 * right);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_tail_is_kept),
        cmocka_unit_test(every_distance_of_two_logits_is_right),
        cmocka_unit_test(what_is_not_finite_is_not_hidden),
        cmocka_unit_test(rows_are_as_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
