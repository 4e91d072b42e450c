/* Points on the ways of interpolation, and what curves along them look like, by hand. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metrics/path.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

/* Two layers with weights and biases, batch normalisation behind the first. */
static const struct tensor_spec tensors[] = {
    {.role = TENSOR_WEIGHT, .rank = 1, .dimensions = {1}, .layer = 0, .depth = 1},
    {.role = TENSOR_SCALE, .rank = 1, .dimensions = {1}, .layer = 1, .depth = 1},
    {.role = TENSOR_SHIFT, .rank = 1, .dimensions = {1}, .layer = 1, .depth = 1},
    {.role = TENSOR_WEIGHT, .rank = 1, .dimensions = {1}, .layer = 2, .depth = 2},
    {.role = TENSOR_BIAS, .rank = 1, .dimensions = {1}, .layer = 2, .depth = 2},
    {.role = TENSOR_STATE, .rank = 1, .dimensions = {1}, .layer = 1, .depth = 1},
};
enum { COUNT = sizeof tensors / sizeof tensors[0] };
static const float start[COUNT] = {1, 1, 0, -2, 0, 0}, end[COUNT] = {3, 2, 4, 2, 8, 16};

static void expect_quarter(struct path path, const float *wanted)
{
    float out[COUNT];
    path.last_layer = 2;
    path_point(&path, COUNT, tensors, 0.25, start, end, out);
    for (int i = 0; i < COUNT; i++)
        assert_true(out[i] == wanted[i]);
}

static void every_way_moves_what_it_says(void **state)
{
    (void)state;
    expect_quarter((struct path){.share = share_linear}, (const float[]){1.5f, 1.25f, 1, -1, 2, 4});
    expect_quarter((struct path){.share = share_homogeneous}, (const float[]){1.5f, 1.25f, 1, -1, 0.5f, 4});
    expect_quarter((struct path){.share = share_weights_only}, (const float[]){1.5f, 1.25f, 4, -1, 8, 4});
    expect_quarter((struct path){.share = share_biases_only}, (const float[]){3, 2, 1, 2, 2, 16});
    expect_quarter((struct path){.share = share_last_bias_fixed}, (const float[]){1.5f, 1.25f, 1, -1, 8, 4});
    expect_quarter((struct path){.share = share_layer, .layer = 0, .next_layer = 2},
                   (const float[]){1.5f, 1.25f, 1, 2, 8, 4});
    expect_quarter((struct path){.share = share_layer, .layer = 2, .next_layer = INT_MAX},
                   (const float[]){3, 2, 4, -1, 2, 16});
}

static void the_ends_are_met_bit_for_bit(void **state)
{
    (void)state;
    const float odd_start[COUNT] = {-0.0f, 1e-42f, 0.1f, 3e38f, -1, 2}, odd_end[COUNT] = {0.3f, -0.0f, 7, -3e38f, 1, 3};
    const struct path path = {.share = share_homogeneous};
    float out[COUNT];
    path_point(&path, COUNT, tensors, 0, odd_start, odd_end, out);
    assert_memory_equal(out, odd_start, sizeof out);
    path_point(&path, COUNT, tensors, 1, odd_start, odd_end, out);
    assert_memory_equal(out, odd_end, sizeof out);
}

static void expect_bump(int count, const double *y, double height, double width)
{
    const struct bump bump = curve_bump(count, y);
    assert_true(bump.height == height && fabs(bump.width - width) < 1e-15);
}

static void a_bump_goes_from_where_the_curve_rises_to_where_it_is_below_that(void **state)
{
    (void)state;
    expect_bump(5, (const double[]){5, 4, 3, 3, 0}, 0, 0);
    expect_bump(5, (const double[]){2, 2, 3, 2.5, 1}, 1, 0.75);
    expect_bump(5, (const double[]){3, 2, 4, 2, 2}, 2, 0.75);
    expect_bump(6, (const double[]){3, 4, 2, 5, 1, 0}, 3, 0.4);
    expect_bump(5, (const double[]){1, 2, 3, 4, 5}, 4, 1);
    expect_bump(4, (const double[]){1, NAN, 3, 0}, 0, 0);
}

static void monotone_curves_never_rise(void **state)
{
    (void)state;
    assert_true(curve_is_monotone(4, (const double[]){3, 3, 2, -1}));
    assert_false(curve_is_monotone(3, (const double[]){3, 2, 2.0000001}));
    assert_false(curve_is_monotone(3, (const double[]){3, NAN, 2}));
}

static void a_plateau_ends_at_the_last_value_near_the_first(void **state)
{
    (void)state;
    const double y[] = {10, 9.6, 3, 9.5, 9.4};
    assert_true(curve_plateau(5, y, 0.05) == 0.75);
    assert_true(curve_plateau(5, y, 0.04) == 0.25);
    assert_true(curve_plateau(5, y, 0) == 0);
    assert_true(curve_plateau(5, y, 1) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_moves_what_it_says),
        cmocka_unit_test(the_ends_are_met_bit_for_bit),
        cmocka_unit_test(a_bump_goes_from_where_the_curve_rises_to_where_it_is_below_that),
        cmocka_unit_test(monotone_curves_never_rise),
        cmocka_unit_test(a_plateau_ends_at_the_last_value_near_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
