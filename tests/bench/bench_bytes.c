/* bench_bytes.c - the products of a first layer with samples that are bytes: as floats and in whole numbers, in turn.
 *
 *     bench_bytes
 *
 * A line for each layer: microseconds a sample of both ways, from the data set to the products, their ratio, how long
 * it takes to make digits of the weights, and after how many samples that is won back: medians over many turns. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/bytes.h"
#include "kernels/gemm.h"
#include "median.h"
#include "seedbed/random.h"
#include "toy_samples.h"

enum { TURNS = 41, SAMPLES = 4096, BLOCK = 256, OUTPUTS_MAX = 1024 };

struct layer {
    struct shape input;
    int outputs;
};

struct bench {
    struct samples samples;
    struct byte_weights weights;
    int inputs, outputs;
    float *w, *x, *y; /* [outputs, inputs], [BLOCK, inputs], [BLOCK, outputs] */
    void *digits;
};

static void *room(size_t size)
{
    void *block = NULL;
    struct error error;
    if (memory_allocate(&block, size, 1, "operands", &error) != STATUS_OK)
        exit(1);
    return block;
}

static void by_floats(const struct bench *bench, int first)
{
    samples_gather(&bench->samples, NULL, first, BLOCK, bench->x);
    gemm(AS_IS, TRANSPOSED, BLOCK, bench->outputs, bench->inputs, bench->x, bench->w, 0.0f, bench->y);
}

static void by_bytes(const struct bench *bench, int first)
{
    const uint8_t *rows[BLOCK];
    samples_bytes(&bench->samples, first, BLOCK, rows);
    byte_product(&bench->weights, BLOCK, rows, bench->y);
}

/* A sample, over all of them. */
static double seconds_of(void (*multiply)(const struct bench *, int), const struct bench *bench)
{
    const double start = clock_monotonic();
    for (int first = 0; first < SAMPLES; first += BLOCK)
        multiply(bench, first);
    return (clock_monotonic() - start) / SAMPLES;
}

static double seconds_of_digits(struct bench *bench)
{
    const double start = clock_monotonic();
    byte_weights_set(bench->outputs, bench->inputs, bench->samples.dataset->shape.sample.channels, bench->w,
                     bench->samples.mean, bench->samples.deviation, bench->digits, &bench->weights);
    return clock_monotonic() - start;
}

static void measure(struct bench *bench)
{
    double floats[TURNS], bytes[TURNS], digits[TURNS], ratios[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
        digits[turn] = seconds_of_digits(bench);
        floats[turn] = seconds_of(by_floats, bench);
        bytes[turn] = seconds_of(by_bytes, bench);
        ratios[turn] = floats[turn] / bytes[turn];
    }
    const double slow = median(TURNS, floats), fast = median(TURNS, bytes), before = median(TURNS, digits);
    printf("inputs %4d outputs %4d   floats %7.3f   bytes %7.3f us a sample   ratio %.2f   digits %7.1f us, won back "
           "after %4.0f samples%s\n",
           bench->inputs, bench->outputs, slow * 1e6, fast * 1e6, median(TURNS, ratios), before * 1e6,
           before / (slow - fast),
           byte_products_fit(bench->outputs, bench->inputs) ? "" : "   (this build leaves bytes to floats)");
    fflush(stdout);
}

static void run(const struct layer *layer)
{
    const int inputs = layer->input.height * layer->input.width * layer->input.channels;
    struct bench bench = {.inputs = inputs, .outputs = layer->outputs};
    struct random random = random_start(STREAM_INIT, 1, 0);
    bench.samples = toy_bytes(SAMPLES, layer->input, 10, 1);
    bench.w = room((size_t)layer->outputs * (size_t)inputs * sizeof(float));
    bench.x = room(BLOCK * (size_t)inputs * sizeof(float));
    bench.y = room(BLOCK * (size_t)layer->outputs * sizeof(float));
    bench.digits = room(byte_weights_size(layer->outputs, inputs));
    for (int i = 0; i < layer->outputs * inputs; i++)
        bench.w[i] = (float)random_normal(&random);
    measure(&bench);
    toy_samples_free(&bench.samples);
    memory_free(bench.w);
    memory_free(bench.x);
    memory_free(bench.y);
    memory_free(bench.digits);
}

int main(void)
{
    static const struct shape mnist = {28, 28, 1}, cifar = {32, 32, 3};
    static const int outputs[] = {10, 16, 32, 64, 100, 128, 256, 400, 512, 784, OUTPUTS_MAX};
    blas_setup();
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        run(&(struct layer){mnist, outputs[i]});
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        run(&(struct layer){cifar, outputs[i]});
    return 0;
}
