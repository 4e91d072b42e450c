/* Sums over the pixels of each channel, and maps of them, against the same in double, one value at a time. */
#include <math.h>
#include <string.h>

#include "kernels/channels.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROWS = 101, CHANNELS = 41 };

static float x[ROWS * CHANNELS], dy[ROWS * CHANNELS], found[ROWS * CHANNELS];
static float scale[CHANNELS], shift[CHANNELS], mean[CHANNELS], a[CHANNELS], b[CHANNELS], c[CHANNELS];

static void draw(int count, float *out)
{
    static uint32_t substream = 0;
    struct random random = random_start(STREAM_DATA, 2, substream++);
    for (int i = 0; i < count; i++)
        out[i] = (float)random_normal(&random);
}

static void near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-5 * (1 + fabs(expected)));
}

/* dy where the map lets it through; no map's value is so near to 0 that float and double disagree */
static double gate(const struct channel_map *map, int i, int channel)
{
    const double value = (double)map->scale[channel] * (double)x[i] + (double)map->shift[channel];
    return map->relu && value <= 0 ? 0 : (double)dy[i];
}

static void check_sums(int rows, int channels, const struct channel_map *map)
{
    double sums[4][CHANNELS];
    for (int i = 0; i < 4 * CHANNELS; i++)
        sums[i / CHANNELS][i % CHANNELS] = 3;
    channel_moments(rows, channels, x, mean, sums[0], sums[1]);
    channel_products(rows, channels, map, dy, x, mean, sums[2], sums[3]);
    for (int channel = 0; channel < channels; channel++) {
        double expected[4] = {3, 3, 3, 3};
        for (int row = 0; row < rows; row++) {
            const int i = row * channels + channel;
            const double away = (double)x[i] - (double)mean[channel], g = gate(map, i, channel);
            expected[0] += away;
            expected[1] += away * away;
            expected[2] += g;
            expected[3] += g * away;
        }
        for (int k = 0; k < 4; k++)
            near(sums[k][channel], expected[k]);
    }
}

static void check_maps(int rows, int channels, const struct channel_map *map)
{
    channel_affine(rows, channels, map, x, found);
    for (int i = 0; i < rows * channels; i++) {
        const int k = i % channels;
        const double value = (double)scale[k] * (double)x[i] + (double)shift[k];
        near((double)found[i], map->relu ? fmax(value, 0) : value);
    }
    channel_combine(rows, channels, map, dy, x, a, b, c, found);
    for (int i = 0; i < rows * channels; i++) {
        const int k = i % channels;
        near((double)found[i], (double)a[k] * gate(map, i, k) + (double)b[k] * (double)x[i] + (double)c[k]);
    }
}

static void channels_are_those_of_one_value_at_a_time(void **state)
{
    (void)state;
    static const int rows[] = {1, 2, 31, 32, 33, ROWS}, channels[] = {1, 3, 8, 15, 16, 17, 32, CHANNELS};
    float *const each[] = {scale, shift, mean, a, b, c};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        draw(CHANNELS, each[i]);
    draw(ROWS * CHANNELS, x);
    draw(ROWS * CHANNELS, dy);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof channels / sizeof *channels; j++)
            for (int relu = 0; relu < 2; relu++) {
                const struct channel_map map = {.scale = scale, .shift = shift, .relu = relu};
                check_sums(rows[i], channels[j], &map);
                check_maps(rows[i], channels[j], &map);
            }
}

static void a_value_that_is_nan_stays_so(void **state)
{
    (void)state;
    const struct channel_map map = {.scale = scale, .shift = shift, .relu = true};
    x[CHANNELS + 5] = NAN;
    channel_affine(2, CHANNELS, &map, x, found);
    for (int i = 0; i < 2 * CHANNELS; i++)
        assert_int_equal(found[i] != found[i], i == CHANNELS + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_those_of_one_value_at_a_time),
        cmocka_unit_test(a_value_that_is_nan_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
