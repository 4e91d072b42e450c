/* The outermost eigenvalues of matrices whose eigenvalues are known: A = Q diag(d) Q, Q a reflection, so that A v takes
 * two products of vectors. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/lanczos.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE = 300, LARGE = 3000, TOP = 5 };

static double values[LARGE], axis[LARGE], v[LARGE];
static int products;
static struct eigenvalue largest[TOP], smallest;
static int steps;

static void reflect(int64_t size, const double *x, double *y)
{
    double along = 0;
    for (int64_t i = 0; i < size; i++)
        along += axis[i] * x[i];
    for (int64_t i = 0; i < size; i++)
        y[i] = x[i] - 2 * along * axis[i];
}

static enum status apply(void *context, const double *x, double *image, struct error *error)
{
    double room[LARGE];
    const int64_t size = *(const int64_t *)context;
    (void)error;
    products++;
    reflect(size, x, room);
    for (int64_t i = 0; i < size; i++)
        room[i] *= values[i];
    reflect(size, room, image);
    return STATUS_OK;
}

static enum status stop(void *context, const double *x, double *image, struct error *error)
{
    (void)context, (void)x, (void)image, (void)error;
    return STATUS_STOPPED;
}

static struct symmetric_map map_of(int64_t *size)
{
    double square = 0;
    struct random random = random_start(STREAM_DATA, 3, 0);
    for (int64_t i = 0; i < *size; i++) {
        axis[i] = random_normal(&random);
        v[i] = 100 * random_normal(&random);
        square += axis[i] * axis[i];
    }
    for (int64_t i = 0; i < *size; i++)
        axis[i] /= sqrt(square);
    products = 0;
    return (struct symmetric_map){.context = size, .size = *size, .apply = apply};
}

static void run(int64_t size, int top, int most, double tolerance)
{
    const struct symmetric_map map = map_of(&size);
    const struct lanczos_limits limits = {.top = top, .steps = most, .tolerance = tolerance};
    assert_int_equal(lanczos(&map, &limits, v, largest, &smallest, &steps, NULL), STATUS_OK);
    assert_int_equal(steps, products);
    assert_in_range(steps, 1, most);
}

static const double KEPT = 1e-7; /* what floats keep of the basis, as a share of the largest eigenvalue */

static void expect(struct eigenvalue found, double wanted, double tolerance)
{
    if (!(fabs(found.value - wanted) <= found.error + KEPT * fabs(largest[0].value)) || !(found.error <= tolerance))
        fail_msg("%.15g within %g found, expected %.15g within %g", found.value, found.error, wanted, tolerance);
}

/* Like a trained network's: a few large ones, many near 0, some negative. */
static void set_spread_values(void)
{
    for (int i = 0; i < SIZE; i++)
        values[i] = i < 8 ? 10 - i : 0.5 * cos(i);
    values[SIZE / 2] = -3;
}

static void both_ends_are_found_within_the_tolerance(void **state)
{
    (void)state;
    set_spread_values();
    for (int power = 1; power < 10; power += 2) {
        const double tolerance = pow(10, -power);
        run(SIZE, 1, 200, tolerance);
        assert_true(steps < 60);
        expect(largest[0], 10, 10 * tolerance);
        expect(smallest, -3, 10 * tolerance);
    }
}

/* More parameters than samples: 0 is an eigenvalue many times, and is found long before the one below it. */
static void what_is_there_many_times_is_not_taken_for_an_end(void **state)
{
    (void)state;
    memset(values, 0, sizeof values);
    for (int i = 0; i < 16; i++)
        values[i] = 40.0 / (1 + i);
    values[LARGE / 2] = -1.5;
    run(LARGE, 1, 100, 1e-3);
    expect(largest[0], 40, 0.04);
    expect(smallest, -1.5, 0.04);
}

/* Without new orthogonality the largest would come again. */
static void several_largest_are_found_once_each(void **state)
{
    (void)state;
    set_spread_values();
    values[SIZE - 1] = 1e4;
    run(SIZE, TOP, 150, 1e-10);
    expect(largest[0], 1e4, 1e-6);
    for (int rank = 1; rank < TOP; rank++)
        expect(largest[rank], 11 - rank, 1e-6);
    expect(smallest, -3, 1e-6);
    values[SIZE - 1] = 0;
}

static void negative_eigenvalues_alone_are_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE; i++)
        values[i] = -1 - i;
    run(SIZE, 2, SIZE, 1e-6);
    expect(largest[0], -1, 1e-3);
    expect(largest[1], -2, 1e-3);
    expect(smallest, -SIZE, 1e-3);
}

static void a_small_matrix_ends_when_all_is_known(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE; i++)
        values[i] = i + 1;
    run(3, TOP, 100, 1e-9);
    assert_int_equal(steps, 3);
    for (int rank = 0; rank < 3; rank++)
        expect(largest[rank], 3 - rank, 1e-6);
    assert_true(isnan(largest[3].value) && isnan(largest[4].error));
    expect(smallest, 1, 1e-6);
}

static void two_different_eigenvalues_take_two_steps(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE; i++)
        values[i] = i % 2 == 0 ? 2 : -1;
    run(SIZE, 1, 100, 1e-9);
    assert_int_equal(steps, 2);
    expect(largest[0], 2, 1e-6);
    expect(smallest, -1, 1e-6);
}

static void zero_has_eigenvalue_zero(void **state)
{
    (void)state;
    memset(values, 0, sizeof values);
    run(SIZE, 1, 100, 1e-3);
    assert_int_equal(steps, 1);
    assert_true(fabs(largest[0].value) < 1e-300 && fabs(smallest.value) < 1e-300 && largest[0].error == 0);
}

static void errors_say_how_far_too_few_steps_went(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE; i++)
        values[i] = i;
    run(SIZE, 1, 10, 1e-6);
    assert_int_equal(steps, 10);
    assert_true(largest[0].error > SIZE * 1e-6);
    assert_true(largest[0].value < SIZE - 1 && largest[0].value + largest[0].error > SIZE - 2);
}

static void a_stop_is_passed_on(void **state)
{
    (void)state;
    int64_t size = SIZE;
    struct symmetric_map map = map_of(&size);
    const struct lanczos_limits limits = {.top = 2, .steps = 10, .tolerance = 1e-3};
    map.apply = stop;
    assert_int_equal(lanczos(&map, &limits, v, largest, &smallest, &steps, NULL), STATUS_STOPPED);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_are_found_within_the_tolerance),
        cmocka_unit_test(what_is_there_many_times_is_not_taken_for_an_end),
        cmocka_unit_test(several_largest_are_found_once_each),
        cmocka_unit_test(negative_eigenvalues_alone_are_in_order),
        cmocka_unit_test(a_small_matrix_ends_when_all_is_known),
        cmocka_unit_test(two_different_eigenvalues_take_two_steps),
        cmocka_unit_test(zero_has_eigenvalue_zero),
        cmocka_unit_test(errors_say_how_far_too_few_steps_went),
        cmocka_unit_test(a_stop_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_leaks);
}
