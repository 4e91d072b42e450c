/* The product against its definition for all small sizes and forms, and its independence of alignment. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIDE_MAX = 19, ROOM = 64 * 64 };

static float a[ROOM], b[ROOM], c[ROOM];

static void fill(float *x, int count, uint32_t substream)
{
    struct random random = random_start(STREAM_DATA, 1, substream);
    for (int i = 0; i < count; i++)
        x[i] = (float)random_normal(&random);
}

static double element(const float *x, enum operand is, int rows, int columns, int i, int j)
{
    return (double)(is == TRANSPOSED ? x[j * rows + i] : x[i * columns + j]);
}

/* Largest deviation from the naive product, in units of what rounding may do. */
static double worst_error(enum operand a_is, enum operand b_is, int m, int n, int k, const float *before, float beta)
{
    double worst = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double exact = beta == 0.0f ? 0 : (double)beta * (double)before[i * n + j], size = fabs(exact);
            for (int l = 0; l < k; l++) {
                const double term = element(a, a_is, m, k, i, l) * element(b, b_is, k, n, l, j);
                exact += term;
                size += fabs(term);
            }
            const double error = fabs((double)c[i * n + j] - exact) / (0x1p-23 * (size + 1e-30));
            worst = error > worst ? error : worst;
        }
    return worst;
}

static void check_size(int m, int n, int k)
{
    float before[SIDE_MAX * SIDE_MAX];
    fill(before, m * n, 3);
    for (int form = 0; form < 8; form++) {
        const enum operand a_is = form & 1 ? TRANSPOSED : AS_IS, b_is = form & 2 ? TRANSPOSED : AS_IS;
        const float beta = form & 4 ? 0.5f : 0.0f;
        for (int i = 0; i < m * n; i++)
            c[i] = beta == 0.0f ? NAN : before[i];
        gemm(a_is, b_is, m, n, k, a, b, beta, c);
        assert_true(worst_error(a_is, b_is, m, n, k, before, beta) <= k + 2);
    }
}

static void every_small_product_is_the_naive_one(void **state)
{
    (void)state;
    fill(a, ROOM, 1);
    fill(b, ROOM, 2);
    for (int m = 1; m <= SIDE_MAX; m++)
        for (int n = 1; n <= SIDE_MAX; n++)
            for (int k = 1; k <= SIDE_MAX; k++)
                check_size(m, n, k);
}

static void the_bits_do_not_depend_on_alignment_or_on_the_call(void **state)
{
    (void)state;
    enum { M = 29, N = 37, K = 31 };
    static float x[M * K + 16], y[K * N + 16], z[M * N + 16], reference[M * N];
    fill(a, M * K, 4);
    fill(b, K * N, 5);
    gemm(AS_IS, TRANSPOSED, M, N, K, a, b, 0.0f, reference);
    for (int shift = 0; shift < 16; shift++) {
        memcpy(x + shift, a, sizeof(float) * M * K);
        memcpy(y + (shift * 7) % 16, b, sizeof(float) * K * N);
        float *const out = z + (shift * 3) % 16;
        gemm(AS_IS, TRANSPOSED, M, N, K, x + shift, y + (shift * 7) % 16, 0.0f, out);
        assert_memory_equal(out, reference, sizeof reference);
    }
}

static void one_thread_is_in_force_and_the_library_says_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(blas_setup(), 1);
    assert_int_equal(blas_setup(), 1);
    assert_non_null(strstr(blas_config(), "OpenBLAS"));
    assert_true(strlen(blas_kernel()) > 0);
}

static void subnormal_numbers_vanish_only_where_it_is_asked(void **state)
{
    (void)state;
    volatile float tiny = 0x1p-126f, flushed = tiny;
    const int before = flush_subnormals(0);
    assert_true(tiny * 0.5f > 0.0f);
    assert_false(flush_subnormals(1));
    flushed = tiny * 0.5f;
    assert_true(flush_subnormals(before));
    assert_true(flushed == 0.0f);
}

static int set_up(void **state)
{
    (void)state;
    return blas_setup() == 1 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_product_is_the_naive_one),
        cmocka_unit_test(the_bits_do_not_depend_on_alignment_or_on_the_call),
        cmocka_unit_test(one_thread_is_in_force_and_the_library_says_what_it_is),
        cmocka_unit_test(subnormal_numbers_vanish_only_where_it_is_asked),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
