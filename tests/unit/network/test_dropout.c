/* Dropout: the share left out, the same draws at the same place, others at another, none in evaluation. */
#include <math.h>
#include <string.h>

#include "network/layers.h"
#include "network/network.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SAMPLES = 20, SIZE = 501 };

static float ones[SAMPLES * SIZE], factors[SAMPLES * SIZE];

/* out [SAMPLES, SIZE]: what dropout of rate 0.3 makes of ones */
static void drop(uint64_t seed, int layer, int64_t step, enum pass_mode mode, float *out)
{
    const struct dropout_settings settings = {.rate = 0.3};
    const struct layer_pass pass = {.n = SAMPLES,
                                    .mode = mode,
                                    .settings = &settings,
                                    .input_count = 1,
                                    .input_shapes = {{1, 1, SIZE}},
                                    .output_shape = {1, 1, SIZE},
                                    .inputs = {ones},
                                    .output = out,
                                    .saved = factors,
                                    .layer = layer,
                                    .step = step,
                                    .seed = seed};
    layer_dropout.forward(&pass);
}

static void a_share_is_left_out_and_the_rest_scaled_up(void **state)
{
    (void)state;
    static float out[SAMPLES * SIZE];
    int dropped = 0;
    drop(1, 2, 3, PASS_TRAIN, out);
    for (int i = 0; i < SAMPLES * SIZE; i++) {
        dropped += out[i] == 0.0f;
        assert_true(out[i] == 0.0f || out[i] == (float)(1 / 0.7));
    }
    /* Four standard deviations of the share. */
    assert_true(fabs((double)dropped / (SAMPLES * SIZE) - 0.3) < 4 * sqrt(0.21 / (SAMPLES * SIZE)));
}

static void draws_are_a_function_of_their_place(void **state)
{
    (void)state;
    static float out[4][SAMPLES * SIZE], again[SAMPLES * SIZE];
    drop(1, 2, 3, PASS_TRAIN, out[0]);
    drop(2, 2, 3, PASS_TRAIN, out[1]);
    drop(1, 3, 3, PASS_TRAIN, out[2]);
    drop(1, 2, 4, PASS_TRAIN, out[3]);
    drop(1, 2, 3, PASS_TRAIN, again);
    assert_memory_equal(out[0], again, sizeof again);
    for (int i = 1; i < 4; i++)
        assert_memory_not_equal(out[0], out[i], sizeof again);
    assert_memory_not_equal(again, again + SIZE, SIZE * sizeof *again);
}

static void evaluation_leaves_nothing_out(void **state)
{
    (void)state;
    static float out[SAMPLES * SIZE];
    drop(1, 2, 3, PASS_EVALUATE, out);
    assert_memory_equal(out, ones, sizeof ones);
    drop(1, 2, 3, PASS_ESTIMATE, out);
    assert_memory_equal(out, ones, sizeof ones);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES * SIZE; i++)
        ones[i] = 1.0f;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_left_out_and_the_rest_scaled_up),
        cmocka_unit_test(draws_are_a_function_of_their_place),
        cmocka_unit_test(evaluation_leaves_nothing_out),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
