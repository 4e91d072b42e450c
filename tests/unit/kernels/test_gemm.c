/* The product against its definition for all small sizes and forms, and its independence of alignment. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "kernels/unpacked.h"
#include "kernels/vector.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIDE_MAX = 19, ROOM = 1 << 17 };

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

typedef void product(enum operand, enum operand, int, int, int, const float *, const float *, float, float *);

static void check_form(product *multiply, enum operand a_is, enum operand b_is, int m, int n, int k)
{
    static float before[ROOM];
    fill(before, m * n, 3);
    for (int halved = 0; halved < 2; halved++) {
        const float beta = halved ? 0.5f : 0.0f;
        for (int i = 0; i < m * n; i++)
            c[i] = halved ? before[i] : NAN;
        c[m * n] = 17;
        multiply(a_is, b_is, m, n, k, a, b, beta, c);
        assert_true(worst_error(a_is, b_is, m, n, k, before, beta) <= k + 2);
        assert_true(c[m * n] == 17);
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
                for (int form = 0; form < 4; form++)
                    check_form(gemm, form & 1 ? TRANSPOSED : AS_IS, form & 2 ? TRANSPOSED : AS_IS, m, n, k);
}

static void so_is_every_small_one_without_packing(void **state)
{
    (void)state;
    fill(a, ROOM, 1);
    fill(b, ROOM, 2);
    for (int m = 1; m <= 13; m++)
        for (int few = 1; few <= 10; few++)
            for (int long_side = LANES; long_side <= 5 * LANES + 3; long_side++) {
                check_form(unpacked_product, AS_IS, TRANSPOSED, m, few, long_side);
                check_form(unpacked_product, AS_IS, AS_IS, m, long_side, few);
                check_form(unpacked_product, TRANSPOSED, AS_IS, m, long_side, few);
            }
}

static void the_products_of_a_dense_layer_are_the_naive_ones(void **state)
{
    (void)state;
    fill(a, ROOM, 1);
    fill(b, ROOM, 2);
    for (int batch = 60; batch <= 180; batch += 40) {
        check_form(gemm, AS_IS, TRANSPOSED, batch, 101, 397);
        check_form(gemm, TRANSPOSED, AS_IS, 101, 397, batch);
        check_form(gemm, AS_IS, AS_IS, batch, 397, 101);
    }
}

/* Overlapping vectors must not carry what is not a number from where it belongs to elsewhere. */
static void infinities_stay_in_their_rows_and_columns(void **state)
{
    (void)state;
    enum { M = 9, N = 2 * LANES + 3, K = 2 * LANES + 5 };
    for (int transposed = 0; transposed < 2; transposed++)
        for (int bad = 0; bad < K; bad++) {
            fill(a, M * K, 1);
            fill(b, N * K, 2);
            a[4 * K + bad] = INFINITY;
            b[transposed ? (N - 2) * K + bad : bad * N + N - 2] = INFINITY;
            unpacked_product(AS_IS, transposed ? TRANSPOSED : AS_IS, M, N, K, a, b, 0.0f, c);
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++)
                    assert_true((i == 4 || j == N - 2) ? !isfinite(c[i * N + j]) : isfinite(c[i * N + j]));
        }
}

/* An element has the same bits in a product of any number of rows and columns. */
static void without_packing_a_sum_has_one_order(void **state)
{
    (void)state;
    enum { M = 14, N = 3 * LANES + 1, K = 2 * LANES + 7 };
    static float whole[M * N], row[N], column[M];
    fill(a, M * K, 1);
    fill(b, N * K, 2);
    for (int transposed = 0; transposed < 2; transposed++) {
        const enum operand b_is = transposed ? TRANSPOSED : AS_IS;
        unpacked_product(AS_IS, b_is, M, N, K, a, b, 0.0f, whole);
        for (int i = 0; i < M; i++) {
            unpacked_product(AS_IS, b_is, 1, N, K, a + i * K, b, 0.0f, row);
            assert_memory_equal(row, whole + i * N, sizeof row);
        }
        for (int j = 0; transposed && j < N; j++) {
            unpacked_product(AS_IS, b_is, M, 1, K, a, b + j * K, 0.0f, column);
            for (int i = 0; i < M; i++)
                assert_true(column[i] == whole[i * N + j]);
        }
    }
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
        cmocka_unit_test(so_is_every_small_one_without_packing),
        cmocka_unit_test(the_products_of_a_dense_layer_are_the_naive_ones),
        cmocka_unit_test(infinities_stay_in_their_rows_and_columns),
        cmocka_unit_test(without_packing_a_sum_has_one_order),
        cmocka_unit_test(the_bits_do_not_depend_on_alignment_or_on_the_call),
        cmocka_unit_test(one_thread_is_in_force_and_the_library_says_what_it_is),
        cmocka_unit_test(subnormal_numbers_vanish_only_where_it_is_asked),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
