/* Convolutions straight from the pixels and through windows, against loops over every term in double. */
#include <math.h>
#include <stdlib.h>

#include "kernels/convolution.h"
#include "kernels/direct.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROOM = 1 << 15 };

static float image[ROOM], weights[ROOM], out_gradient[ROOM], padded[ROOM], packed[ROOM], room[ROOM], found[ROOM];
static double expected[ROOM];

static void draw(uint32_t substream, int count, float *values)
{
    struct random random = random_start(STREAM_DATA, 1, substream);
    for (int i = 0; i < count; i++)
        values[i] = (float)random_normal(&random);
}

static struct convolution geometry(int side, int channels, int kernel, int stride, int padding, int out_channels)
{
    struct convolution c = {.height = side,
                            .width = side + 1,
                            .channels = channels,
                            .kernel = kernel,
                            .stride = stride,
                            .padding = padding,
                            .out_channels = out_channels};
    c.out_height = convolution_places(c.height, kernel, stride, padding);
    c.out_width = convolution_places(c.width, kernel, stride, padding);
    return c;
}

/* Calls visit for every product of a pixel, a weight and an output that belong together. */
static void every_term(const struct convolution *c, void (*visit)(int pixel, int weight, int output))
{
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++)
            for (int ky = 0; ky < c->kernel; ky++)
                for (int kx = 0; kx < c->kernel; kx++) {
                    const int row = y * c->stride - c->padding + ky, column = x * c->stride - c->padding + kx;
                    if (row < 0 || row >= c->height || column < 0 || column >= c->width)
                        continue;
                    for (int i = 0; i < c->channels; i++)
                        for (int o = 0; o < c->out_channels; o++)
                            visit((row * c->width + column) * c->channels + i,
                                  ((o * c->kernel + ky) * c->kernel + kx) * c->channels + i,
                                  (y * c->out_width + x) * c->out_channels + o);
                }
}

static void term_of_output(int pixel, int weight, int output)
{
    expected[output] += (double)image[pixel] * (double)weights[weight];
}

static void term_of_weight(int pixel, int weight, int output)
{
    expected[weight] += (double)image[pixel] * (double)out_gradient[output];
}

static void term_of_input(int pixel, int weight, int output)
{
    expected[pixel] += (double)weights[weight] * (double)out_gradient[output];
}

static void compare(const struct convolution *c, int count, const char *what,
                    void (*visit)(int pixel, int weight, int output))
{
    for (int i = 0; i < count; i++)
        expected[i] = 0;
    every_term(c, visit);
    for (int i = 0; i < count; i++)
        if (!(fabs((double)found[i] - expected[i]) < 1e-3))
            fail_msg("%s at %d is %g, not %g: %d x %d x %d, kernel %d, stride %d, padding %d, %d channels out", what, i,
                     (double)found[i], expected[i], c->height, c->width, c->channels, c->kernel, c->stride, c->padding,
                     c->out_channels);
}

static void check(const struct convolution *c)
{
    const int outputs = c->out_height * c->out_width * c->out_channels;
    const int count = c->out_channels * c->kernel * c->kernel * c->channels;
    draw(1, c->height * c->width * c->channels, image);
    draw(2, count, weights);
    draw(3, outputs, out_gradient);
    assert_true(direct_packed_size(c) <= ROOM && direct_padded_size(c) <= ROOM && direct_output_size(c) <= ROOM);
    direct_pad(c, image, padded);
    direct_pack(c, weights, packed);
    direct_unpack(c, packed, found);
    assert_memory_equal(found, weights, sizeof *found * (size_t)count);
    direct_forward(c, padded, packed, found);
    compare(c, outputs, "output", term_of_output);
    for (size_t i = 0; i < direct_packed_size(c); i++)
        packed[i] = 0.0f;
    direct_weights(c, padded, out_gradient, room, packed);
    direct_unpack(c, packed, found);
    compare(c, count, "gradient of a weight", term_of_weight);
    if (c->stride != 1 || c->padding >= c->kernel)
        return;
    const struct convolution back = direct_way_back(c);
    direct_pack_back(c, weights, packed);
    direct_pad(&back, out_gradient, padded);
    direct_forward(&back, padded, packed, found);
    compare(c, c->height * c->width * c->channels, "gradient of the input", term_of_input);
}

static void direct_convolutions_are_sums_of_all_terms(void **state)
{
    (void)state;
    static const int sides[] = {3, 6, 13}, channels[] = {1, 3, 5}, outs[] = {1, 6, 16, 17, 32, 40};
    for (int kernel = 1; kernel <= 5; kernel += 2)
        for (int stride = 1; stride <= 2; stride++)
            for (int padding = 0; padding < kernel; padding++)
                for (size_t i = 0; i < 3 * 3 * 6; i++) {
                    const struct convolution c =
                        geometry(sides[i % 3], channels[i / 3 % 3], kernel, stride, padding, outs[i / 9]);
                    if (c.out_height > 0 && c.out_width > 0)
                        check(&c);
                }
}

/* <columns(x), z> = <x, image(z)> for every x and z: the two are each other's transpose. */
static void windows_and_their_way_back_are_transposes(void **state)
{
    (void)state;
    for (int stride = 1; stride <= 3; stride++)
        for (int padding = 0; padding <= 3; padding++) {
            const struct convolution c = geometry(7, 3, 3, stride, padding, 1);
            const int pixels = c.height * c.width * c.channels;
            const int values = c.out_height * c.out_width * c.kernel * c.kernel * c.channels;
            double one = 0, other = 0;
            draw(1, pixels, image);
            draw(2, values, room);
            image_to_columns(&c, image, found);
            for (int i = 0; i < values; i++)
                one += (double)found[i] * (double)room[i];
            for (int i = 0; i < pixels; i++)
                padded[i] = 0.0f;
            columns_to_image(&c, room, padded);
            for (int i = 0; i < pixels; i++)
                other += (double)padded[i] * (double)image[i];
            assert_true(fabs(one - other) < 1e-3);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_convolutions_are_sums_of_all_terms),
        cmocka_unit_test(windows_and_their_way_back_are_transposes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
