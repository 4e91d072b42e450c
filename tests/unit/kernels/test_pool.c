/* Maxima of 2 x 2 pixels and their gradients against a search of each window, with equal values and NaN among them. */
#include <math.h>
#include <string.h>

#include "kernels/pool.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIDE = 7, CHANNELS = 40, ROOM = SIDE * SIDE * CHANNELS };

static float x[ROOM], y[ROOM], dy[ROOM], dx[ROOM], expected[ROOM];

/* Few different values, so that windows hold equal ones. */
static void draw(int count)
{
    struct random random = random_start(STREAM_DATA, 1, 0);
    for (int i = 0; i < count; i++) {
        x[i] = floorf((float)random_normal(&random) * 2.0f);
        dy[i] = (float)random_normal(&random);
    }
}

/* Where the first of the largest of a window's values lies. */
static int largest_at(int width, int channels, int row, int column, int channel)
{
    int best = (2 * row * width + 2 * column) * channels + channel;
    for (int i = 0; i < 4; i++) {
        const int at = ((2 * row + i / 2) * width + 2 * column + i % 2) * channels + channel;
        best = x[at] > x[best] ? at : best;
    }
    return best;
}

static void check(int height, int width, int channels)
{
    memset(expected, 0, sizeof expected);
    memset(dx, 0x7f, sizeof dx);
    pool_halve(height, width, channels, x, y);
    pool_halve_back(height, width, channels, x, dy, dx);
    for (int row = 0; row < height / 2; row++)
        for (int column = 0; column < width / 2; column++)
            for (int c = 0; c < channels; c++) {
                const int out = (row * (width / 2) + column) * channels + c;
                const int at = largest_at(width, channels, row, column, c);
                assert_true(y[out] == x[at]);
                expected[at] = dy[out];
            }
    assert_memory_equal(dx, expected, sizeof *dx * (size_t)(height * width * channels));
}

static void halves_are_those_of_a_search(void **state)
{
    (void)state;
    static const int channels[] = {1, 3, 6, 8, 16, 17, CHANNELS};
    draw(ROOM);
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int height = 2; height <= SIDE; height++)
            for (int width = 2; width <= SIDE; width++)
                check(height, width, channels[i]);
}

static void nan_stays_nan_in_every_place(void **state)
{
    (void)state;
    for (int at = 0; at < 4 * CHANNELS; at++) {
        draw(ROOM);
        x[at] = NAN;
        pool_halve(2, 2, CHANNELS, x, y);
        for (int c = 0; c < CHANNELS; c++)
            assert_int_equal(y[c] != y[c], c == at % CHANNELS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_those_of_a_search),
        cmocka_unit_test(nan_stays_nan_in_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
