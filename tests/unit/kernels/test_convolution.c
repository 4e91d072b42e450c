/* Every method of convolution in every pass that it fits, against loops over every term in double. */
#include <math.h>
#include <stdlib.h>

#include "kernels/convolution_methods.h"
#include "kernels/windows.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROOM = 1 << 18, SCRATCH = 1 << 21, IMAGES = 5 };

static float images[ROOM], weights[ROOM], out_gradient[ROOM], found[ROOM], again[ROOM], scratch[SCRATCH], room[SCRATCH];
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

/* Calls visit with the first channels of every pixel, window's pixel and output that belong together. */
static void every_term(const struct convolution *c,
                       void (*visit)(const struct convolution *c, int pixel, int weight, int output))
{
    for (int n = 0; n < IMAGES; n++)
        for (int y = 0; y < c->out_height; y++)
            for (int x = 0; x < c->out_width; x++)
                for (int tap = 0; tap < c->kernel * c->kernel; tap++) {
                    const int row = y * c->stride - c->padding + tap / c->kernel;
                    const int column = x * c->stride - c->padding + tap % c->kernel;
                    if (row >= 0 && row < c->height && column >= 0 && column < c->width)
                        visit(c, ((n * c->height + row) * c->width + column) * c->channels, tap * c->channels,
                              ((n * c->out_height + y) * c->out_width + x) * c->out_channels);
                }
}

static void terms_of_output(const struct convolution *c, int pixel, int weight, int output)
{
    const int window = c->kernel * c->kernel * c->channels;
    for (int o = 0; o < c->out_channels; o++)
        for (int i = 0; i < c->channels; i++)
            expected[output + o] += (double)images[pixel + i] * (double)weights[o * window + weight + i];
}

static void terms_of_weight(const struct convolution *c, int pixel, int weight, int output)
{
    const int window = c->kernel * c->kernel * c->channels;
    for (int o = 0; o < c->out_channels; o++)
        for (int i = 0; i < c->channels; i++)
            expected[o * window + weight + i] += (double)images[pixel + i] * (double)out_gradient[output + o];
}

static void terms_of_input(const struct convolution *c, int pixel, int weight, int output)
{
    const int window = c->kernel * c->kernel * c->channels;
    for (int o = 0; o < c->out_channels; o++)
        for (int i = 0; i < c->channels; i++)
            expected[pixel + i] += (double)weights[o * window + weight + i] * (double)out_gradient[output + o];
}

static size_t weight_count(const struct convolution *c)
{
    return convolution_window_size(c) * (size_t)c->out_channels;
}

/* What each pass yields: how many, and the terms of one. */
static const struct {
    const char *what;
    void (*visit)(const struct convolution *c, int pixel, int weight, int output);
} passes[] = {[FORWARD] = {"output", terms_of_output},
              [INPUT_GRADIENT] = {"gradient of the input", terms_of_input},
              [WEIGHT_GRADIENT] = {"gradient of a weight", terms_of_weight}};

static size_t count_of(const struct convolution *c, enum convolution_pass pass)
{
    return pass == FORWARD          ? IMAGES * convolution_output_size(c)
           : pass == INPUT_GRADIENT ? IMAGES * convolution_input_size(c)
                                    : weight_count(c);
}

/* The weights as the pass reads them. */
static const float *prepare(const struct convolution_method *method, const struct convolution *c,
                            enum convolution_pass pass)
{
    assert_true(method->prepared(c, pass) <= SCRATCH);
    if (method->prepared(c, pass) == 0)
        return weights;
    method->prepare(c, pass, weights, room);
    return room;
}

static void run(const struct convolution_method *method, const struct convolution *c, enum convolution_pass pass,
                const struct epilogue *epilogue, float *out)
{
    assert_true(method->scratch(c, pass) <= SCRATCH);
    for (size_t i = 0; i < method->scratch(c, pass); i++)
        scratch[i] = NAN; /* what nobody has written must not matter */
    if (pass == FORWARD)
        method->forward(c, IMAGES, images, prepare(method, c, pass), epilogue, scratch, out);
    else if (pass == INPUT_GRADIENT)
        method->input_gradient(c, IMAGES, out_gradient, prepare(method, c, pass), scratch, out);
    else
        method->weight_gradient(c, IMAGES, images, out_gradient, scratch, out);
}

/* Within 1e-5 of the largest value that is expected. */
static void compare(const struct convolution *c, const char *method, enum convolution_pass pass)
{
    double largest = 0;
    for (size_t i = 0; i < count_of(c, pass); i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count_of(c, pass); i++)
        if (!(fabs((double)found[i] - expected[i]) <= 1e-5 * largest))
            fail_msg("%s: %s at %zu is %.9g, not %.9g: %d x %d x %d, kernel %d, stride %d, padding %d, %d channels out",
                     method, passes[pass].what, i, (double)found[i], expected[i], c->height, c->width, c->channels,
                     c->kernel, c->stride, c->padding, c->out_channels);
}

static void draw_all(const struct convolution *c)
{
    assert_true(IMAGES * convolution_input_size(c) <= ROOM && IMAGES * convolution_output_size(c) <= ROOM);
    assert_true(weight_count(c) <= ROOM);
    draw(1, (int)count_of(c, INPUT_GRADIENT), images);
    draw(2, (int)weight_count(c), weights);
    draw(3, (int)count_of(c, FORWARD), out_gradient);
}

/* Whether the method fits the pass; if so, whether its results are right. */
static bool check(const struct convolution *c, const struct convolution_method *method, enum convolution_pass pass)
{
    const struct epilogue none = {0};
    if (!method->fits(c, pass))
        return false;
    run(method, c, pass, &none, found);
    compare(c, method->name, pass);
    return true;
}

enum { GEOMETRIES = 4 * 5 * 5 };

/* The number-th of many geometries; false where no window fits. */
static bool choose(int number, int kernel, int stride, int padding, struct convolution *c)
{
    static const int sides[] = {3, 6, 9, 15}, channels[] = {1, 3, 5, 16, 32}, outs[] = {1, 6, 16, 17, 48};
    *c = geometry(sides[number % 4], channels[number / 4 % 5], kernel, stride, padding, outs[number / 20]);
    return c->out_height > 0 && c->out_width > 0;
}

static void every_method_sums_all_terms(void **state)
{
    (void)state;
    int checked[8][CONVOLUTION_PASSES] = {0};
    for (int kernel = 1; kernel <= 5; kernel += 2)
        for (int stride = 1; stride <= 2; stride++)
            for (int padding = 0; padding < 4; padding++)
                for (int number = 0; number < GEOMETRIES; number++) {
                    struct convolution c;
                    if (!choose(number, kernel, stride, padding, &c) ||
                        ((kernel != 3 || stride != 1) && number % 7 != 0))
                        continue;
                    draw_all(&c);
                    for (int pass = 0; pass < CONVOLUTION_PASSES; pass++) {
                        for (size_t i = 0; i < count_of(&c, pass); i++)
                            expected[i] = 0;
                        every_term(&c, passes[pass].visit);
                        for (int m = 0; convolution_methods[m] != NULL; m++)
                            checked[m][pass] += check(&c, convolution_methods[m], pass);
                    }
                }
    for (int m = 0; convolution_methods[m] != NULL; m++)
        for (int pass = 0; pass < CONVOLUTION_PASSES; pass++)
            assert_true(checked[m][pass] > 10);
}

/* The bias is added to the sum, relu follows, and neither changes the sum's bits. */
static void every_method_adds_the_bias_and_takes_relu(void **state)
{
    (void)state;
    const struct epilogue none = {0};
    float bias[48];
    draw(4, 48, bias);
    for (int number = 0; number < GEOMETRIES; number++)
        for (int m = 0; convolution_methods[m] != NULL; m++) {
            struct convolution c;
            if (!choose(number, 3, 1, 1, &c) || !convolution_methods[m]->fits(&c, FORWARD))
                continue;
            draw_all(&c);
            run(convolution_methods[m], &c, FORWARD, &none, again);
            for (int relu = 0; relu < 2; relu++) {
                const struct epilogue epilogue = {bias, relu};
                run(convolution_methods[m], &c, FORWARD, &epilogue, found);
                for (size_t i = 0; i < count_of(&c, FORWARD); i++) {
                    const float sum = again[i] + bias[i % (size_t)c.out_channels];
                    assert_true(found[i] == (relu && sum < 0 ? 0 : sum));
                }
            }
        }
}

static void nan_passes_every_method(void **state)
{
    (void)state;
    const struct epilogue relu = {.relu = true};
    for (int number = 0; number < GEOMETRIES; number++)
        for (int m = 0; convolution_methods[m] != NULL; m++) {
            struct convolution c;
            if (!choose(number, 3, 1, 1, &c) || !convolution_methods[m]->fits(&c, FORWARD))
                continue;
            draw_all(&c);
            images[0] = NAN;
            run(convolution_methods[m], &c, FORWARD, &relu, found);
            assert_true(isnan(found[0]));
        }
}

/* Two images give the same bits alone, together, and behind others. */
static void an_image_does_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    for (int number = 0; number < GEOMETRIES; number++) {
        struct convolution c;
        if (!choose(number, 3, 1, 1, &c) || convolution_method(&c, FORWARD) == &convolution_windows)
            continue;
        const struct epilogue none = {0};
        draw_all(&c);
        const float *const prepared = convolution_prepare(&c, FORWARD, weights, room);
        convolution_forward(&c, IMAGES, images, prepared, &none, scratch, found);
        for (size_t i = 0; i < IMAGES; i++)
            convolution_forward(&c, 1, images + i * convolution_input_size(&c), prepared, &none, scratch,
                                again + i * convolution_output_size(&c));
        assert_memory_equal(found, again, count_of(&c, FORWARD) * sizeof *found);
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
            float *const columns = scratch, *const back = again;
            const int values = c.out_height * c.out_width * c.kernel * c.kernel * c.channels;
            double one = 0, other = 0;
            draw(1, pixels, images);
            draw(2, values, columns);
            image_to_columns(&c, images, found);
            for (int i = 0; i < values; i++)
                one += (double)found[i] * (double)columns[i];
            for (int i = 0; i < pixels; i++)
                back[i] = 0.0f;
            columns_to_image(&c, columns, back);
            for (int i = 0; i < pixels; i++)
                other += (double)back[i] * (double)images[i];
            assert_true(fabs(one - other) < 1e-3);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_sums_all_terms),
        cmocka_unit_test(every_method_adds_the_bias_and_takes_relu),
        cmocka_unit_test(nan_passes_every_method),
        cmocka_unit_test(an_image_does_not_depend_on_its_neighbours),
        cmocka_unit_test(windows_and_their_way_back_are_transposes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
