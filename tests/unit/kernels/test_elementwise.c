/* Activations and softmax against the C library in double, for every small shape, with and without bias. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/elementwise.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROWS_MAX = 5, COLUMNS_MAX = 40, ROOM = ROWS_MAX * COLUMNS_MAX };

typedef void forward_function(int, int, const float *restrict, float *restrict);
typedef void backward_function(int, int, const float *restrict, float *restrict, float *restrict);

static double linear(double x)
{
    return x;
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double linear_derivative(double x)
{
    (void)x;
    return 1;
}

static double relu_derivative(double x)
{
    return x > 0;
}

static double tanh_derivative(double x)
{
    return 1 / (cosh(x) * cosh(x));
}

static double softplus_derivative(double x)
{
    return 1 / (1 + exp(-x));
}

static const struct {
    forward_function *forward;
    backward_function *backward;
    double (*value)(double), (*derivative)(double);
} functions[] = {{linear_forward, linear_backward, linear, linear_derivative},
                 {relu_forward, relu_backward, relu, relu_derivative},
                 {tanh_forward, tanh_backward, tanh, tanh_derivative},
                 {softplus_forward, softplus_backward, softplus, softplus_derivative}};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void fill(float *x, int count, uint32_t substream)
{
    struct random random = random_start(STREAM_DATA, 2, substream);
    for (int i = 0; i < count; i++)
        x[i] = (float)(3 * random_normal(&random));
}

static void assert_near(float found, double exact, double tolerance)
{
    if (!(fabs((double)found - exact) <= tolerance * (fabs(exact) + 1e-37)))
        fail_msg("%.9g is not %.17g within %g", (double)found, exact, tolerance);
}

static void check_forward(int f, int n, int m, const float *x, const float *bias)
{
    float y[ROOM];
    memcpy(y, x, sizeof(float) * (size_t)(n * m));
    functions[f].forward(n, m, bias, y);
    for (int i = 0; i < n * m; i++)
        assert_near(y[i], functions[f].value((double)(x[i] + (bias ? bias[i % m] : 0.0f))), 4e-7);
}

static void check_backward(int f, int n, int m, const float *x, const float *incoming)
{
    float y[ROOM], dy[ROOM], dbias[COLUMNS_MAX], alone[ROOM];
    memcpy(y, x, sizeof(float) * (size_t)(n * m));
    memcpy(dy, incoming, sizeof(float) * (size_t)(n * m));
    memcpy(alone, incoming, sizeof(float) * (size_t)(n * m));
    functions[f].forward(n, m, NULL, y);
    functions[f].backward(n, m, y, dy, dbias);
    functions[f].backward(n, m, y, alone, NULL);
    assert_memory_equal(dy, alone, sizeof(float) * (size_t)(n * m));
    for (int j = 0; j < m; j++) {
        double total = 0, size = 0;
        for (int i = 0; i < n; i++) {
            const double exact = (double)incoming[i * m + j] * functions[f].derivative((double)x[i * m + j]);
            /* 1 - y^2 loses what rounding y to float takes from it. */
            assert_true(fabs((double)dy[i * m + j] - exact) <= 4e-7 * fabs((double)incoming[i * m + j]));
            total += (double)dy[i * m + j];
            size += fabs((double)dy[i * m + j]);
        }
        assert_true(fabs((double)dbias[j] - total) <= 3e-7 * size);
    }
}

static void activations_and_their_gradients_are_right_for_every_small_shape(void **state)
{
    (void)state;
    float x[ROOM], bias[COLUMNS_MAX], incoming[ROOM];
    fill(x, ROOM, 0);
    fill(bias, COLUMNS_MAX, 1);
    fill(incoming, ROOM, 2);
    for (int f = 0; f < FUNCTIONS; f++)
        for (int n = 1; n <= ROWS_MAX; n++)
            for (int m = 1; m <= COLUMNS_MAX; m++) {
                check_forward(f, n, m, x, NULL);
                check_forward(f, n, m, x, bias);
                check_backward(f, n, m, x, incoming);
            }
}

static void tanh_and_softplus_are_right_over_the_whole_range(void **state)
{
    (void)state;
    for (double exponent = -40; exponent < 120; exponent += 0.37) {
        const float size = (float)pow(1.4, exponent);
        for (int sign = -1; sign <= 1; sign += 2) {
            float x = (float)sign * size, t = x, s = x;
            tanh_forward(1, 1, NULL, &t);
            softplus_forward(1, 1, NULL, &s);
            assert_near(t, tanh((double)x), 4e-7);
            if ((double)x > -86)
                assert_near(s, softplus((double)x), 4e-7);
            else
                assert_true(s >= 0.0f && s < 1e-37f);
        }
    }
}

static void nan_stays_nan_and_infinity_saturates(void **state)
{
    (void)state;
    for (int f = 0; f < FUNCTIONS; f++) {
        float y[3] = {NAN, INFINITY, -INFINITY};
        functions[f].forward(1, 3, NULL, y);
        assert_true(isnan(y[0]));
        assert_true((double)y[1] == functions[f].value((double)INFINITY));
        assert_true((double)y[2] == functions[f].value(-(double)INFINITY));
    }
}

static void the_bits_do_not_depend_on_the_place_in_memory_or_among_others(void **state)
{
    (void)state;
    float x[ROOM], y[ROOM + 16];
    fill(x, ROOM, 3);
    for (int f = 0; f < FUNCTIONS; f++) {
        float whole[ROOM];
        memcpy(whole, x, sizeof x);
        functions[f].forward(1, ROOM, NULL, whole);
        for (int shift = 0; shift < 16; shift++) {
            memcpy(y + shift, x + shift, sizeof(float) * (size_t)(ROOM - shift));
            functions[f].forward(1, ROOM - shift, NULL, y + shift);
            assert_memory_equal(y + shift, whole + shift, sizeof(float) * (size_t)(ROOM - shift));
        }
    }
}

static void softmax_is_right_and_sums_to_one(void **state)
{
    (void)state;
    float z[ROOM], g[ROOM];
    fill(z, ROOM, 4);
    for (int n = 1; n <= ROWS_MAX; n++)
        for (int m = 1; m <= COLUMNS_MAX; m++) {
            softmax(n, m, z, g);
            for (int i = 0; i < n; i++) {
                double total = 0, found = 0;
                for (int j = 0; j < m; j++)
                    total += exp((double)z[i * m + j]);
                for (int j = 0; j < m; j++) {
                    assert_near(g[i * m + j], exp((double)z[i * m + j]) / total, 2e-6);
                    found += (double)g[i * m + j];
                }
                assert_true(fabs(found - 1) < 1e-6);
            }
        }
}

static void softmax_is_right_at_logits_of_a_thousand(void **state)
{
    (void)state;
    float g[] = {1000, -1000, 0, 1000, 1000, 1000};
    softmax(2, 3, g, g);
    assert_true(g[0] == 1.0f && g[1] == 0.0f && g[2] == 0.0f);
    for (int j = 3; j < 6; j++)
        assert_near(g[j], 1.0 / 3, 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_and_their_gradients_are_right_for_every_small_shape),
        cmocka_unit_test(tanh_and_softplus_are_right_over_the_whole_range),
        cmocka_unit_test(nan_stays_nan_and_infinity_saturates),
        cmocka_unit_test(the_bits_do_not_depend_on_the_place_in_memory_or_among_others),
        cmocka_unit_test(softmax_is_right_and_sums_to_one),
        cmocka_unit_test(softmax_is_right_at_logits_of_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
