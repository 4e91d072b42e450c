#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "kernels/bytes.h"
#include "seedbed/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { OUTPUTS = 50, INPUTS = 1 << 16, ROWS = 15, CHANNELS = 3 };

static const float means[CHANNELS] = {33.3f, 0, 200}, deviations[CHANNELS] = {78.6f, 255, 0.3f};

struct product {
    int outputs, inputs, channels, rows;
    float *w;
    uint8_t *x;
};

static void *room(size_t size)
{
    void *block = NULL;
    assert_int_equal(memory_allocate(&block, size, 1, "room", NULL), STATUS_OK);
    return block;
}

static bool multiply(const struct product *p, float *y)
{
    struct byte_weights weights;
    const uint8_t *rows[ROWS];
    void *const memory = room(byte_weights_size(p->outputs, p->inputs));
    for (int i = 0; i < p->rows; i++)
        rows[i] = p->x + (size_t)i * (size_t)p->inputs;
    const bool fit = byte_weights_set(p->outputs, p->inputs, p->channels, p->w, means, deviations, memory, &weights);
    if (fit)
        byte_product(&weights, p->rows, rows, y);
    memory_free(memory);
    return fit;
}

/* Against sums in double, with the bound of the header. */
static void check(const struct product *p)
{
    float y[ROWS * OUTPUTS + 1];
    y[p->rows * p->outputs] = 77;
    assert_true(multiply(p, y));
    assert_true(y[p->rows * p->outputs] == 77);
    for (int i = 0; i < p->rows; i++)
        for (int j = 0; j < p->outputs; j++) {
            double right = 0, bytes = 0, largest = 0;
            for (int l = 0; l < p->inputs; l++) {
                const double x = p->x[(size_t)i * (size_t)p->inputs + (size_t)l];
                const double w = (double)p->w[(size_t)j * (size_t)p->inputs + (size_t)l];
                const double scaled = w * (double)(1 / deviations[l % p->channels]);
                right += (x - (double)means[l % p->channels]) * scaled;
                bytes += x;
                largest = fmax(largest, fabs(scaled));
            }
            const double bound = 0x1p-24 * (largest * bytes + fabs(right)) + 1e-12 * (largest * bytes + 1);
            assert_true(fabs((double)y[i * p->outputs + j] - right) <= bound);
        }
}

static struct product make(int outputs, int inputs, int channels, int rows)
{
    struct product p = {.outputs = outputs, .inputs = inputs, .channels = channels, .rows = rows};
    struct random random = random_start(STREAM_DATA, 9, (uint32_t)(outputs * rows));
    p.w = room((size_t)outputs * (size_t)inputs * sizeof *p.w);
    p.x = room((size_t)rows * (size_t)inputs);
    for (int i = 0; i < outputs * inputs; i++)
        p.w[i] = (float)random_normal(&random);
    for (int i = 0; i < rows * inputs; i++)
        p.x[i] = (uint8_t)random_below(&random, 256);
    return p;
}

static void discard(struct product *p)
{
    memory_free(p->w);
    memory_free(p->x);
}

static void products_are_those_of_doubles(void **state)
{
    (void)state;
    static const int outputs[] = {1, 2, 7, 8, 15, 16, 17, 32, 33, OUTPUTS}, inputs[] = {4, 8, 60, 784};
    for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
            for (int rows = 1; rows <= ROWS; rows += rows < 8 ? 1 : 7)
                for (int channels = 1; channels <= CHANNELS; channels += 2) {
                    struct product p = make(outputs[o], inputs[i], channels, rows);
                    check(&p);
                    discard(&p);
                }
}

/* As many inputs as there may be, all 255, with weights whose digits are all the largest or the smallest. */
static void the_largest_sums_do_not_overflow(void **state)
{
    (void)state;
    struct product p = make(2, INPUTS, 1, 1);
    for (int i = 0; i < INPUTS; i++) {
        p.x[i] = 255;
        p.w[i] = 0.3f;
        p.w[INPUTS + i] = -0.3f;
    }
    check(&p);
    discard(&p);
}

static void an_output_without_weights_is_zero(void **state)
{
    (void)state;
    struct product p = make(3, 8, 1, 2);
    float y[6];
    for (int i = 0; i < 8; i++)
        p.w[8 + i] = 0;
    check(&p);
    assert_true(multiply(&p, y) && y[1] == 0 && y[4] == 0);
    discard(&p);
}

static void weights_that_24_bits_do_not_hold_are_refused(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e4f, FLT_MAX};
    struct product p = make(3, 784, 1, 1);
    float y[3];
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        const float good = p.w[784 + 5];
        p.w[784 + 5] = bad[b];
        assert_false(multiply(&p, y));
        p.w[784 + 5] = good;
    }
    p.w[784 + 5] = 15; /* the mean of the others' sizes is 0.8 */
    check(&p);
    discard(&p);
}

static void only_whole_steps_fit(void **state)
{
    (void)state;
    assert_false(byte_products_fit(10, 785) || byte_products_fit(10, INPUTS + 4) || byte_products_fit(0, 784));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_doubles),
        cmocka_unit_test(the_largest_sums_do_not_overflow),
        cmocka_unit_test(an_output_without_weights_is_zero),
        cmocka_unit_test(weights_that_24_bits_do_not_hold_are_refused),
        cmocka_unit_test(only_whole_steps_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
