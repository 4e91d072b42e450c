/* bench_convolution.c - the speed of every convolution of the benchmarked networks, pass by pass, on one core.
 *
 *     bench_convolution [IMAGES [ROUNDS]]
 *
 * One line a shape: for the output and both gradients the method, and the GFLOP/s that the plain sum would need to be
 * as fast, with its share of sgemm's at 1024^3. The best of ROUNDS rounds, in processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/convolution_methods.h"
#include "kernels/gemm.h"
#include "seedbed/random.h"

enum { SHAPES = 12 };

/* side, channels, kernel, stride, channels out; the padding keeps the side */
static const int shapes[SHAPES][5] = {{28, 1, 3, 1, 16},  {14, 16, 3, 1, 32}, {32, 3, 3, 1, 32},  {16, 32, 3, 1, 64},
                                      {8, 64, 3, 1, 128}, {32, 3, 3, 1, 16},  {32, 16, 3, 1, 16}, {32, 16, 3, 2, 32},
                                      {32, 16, 1, 2, 32}, {16, 32, 3, 1, 32}, {16, 32, 3, 2, 64}, {8, 64, 3, 1, 64}};

struct buffers {
    float *x, *weights, *y, *prepared, *scratch, *result;
};

static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float *allocate(size_t count)
{
    void *values = NULL;
    struct error error;
    if (memory_allocate(&values, count, sizeof(float), "numbers", &error) != STATUS_OK) {
        fprintf(stderr, "bench_convolution: %s\n", error.text);
        exit(1);
    }
    struct random random = random_start(STREAM_DATA, 0, 0);
    for (size_t i = 0; i < count; i++)
        ((float *)values)[i] = (float)random_uniform(&random) - 0.5f;
    return values;
}

static void run_pass(const struct convolution *c, enum convolution_pass pass, int n, const struct buffers *b)
{
    const struct epilogue none = {0};
    if (pass == WEIGHT_GRADIENT) {
        convolution_weight_gradient(c, n, b->x, b->y, b->scratch, b->result);
        return;
    }
    const float *const prepared = convolution_prepare(c, pass, b->weights, b->prepared);
    if (pass == FORWARD)
        convolution_forward(c, n, b->x, prepared, &none, b->scratch, b->result);
    else
        convolution_input_gradient(c, n, b->y, prepared, b->scratch, b->result);
}

static double best_seconds(const struct convolution *c, enum convolution_pass pass, int n, int rounds)
{
    const size_t inputs = (size_t)n * convolution_input_size(c), outputs = (size_t)n * convolution_output_size(c);
    const size_t weights = convolution_window_size(c) * (size_t)c->out_channels;
    const size_t results = pass == FORWARD ? outputs : pass == INPUT_GRADIENT ? inputs : weights;
    struct buffers b = {.x = allocate(inputs),
                        .weights = allocate(weights),
                        .y = allocate(outputs),
                        .prepared = allocate(convolution_prepared(c, pass) + 1),
                        .scratch = allocate(convolution_scratch(c, pass) + 1),
                        .result = allocate(results)};
    double best = 1e9;
    for (int round = 0; round < rounds; round++) {
        const double start = processor_seconds();
        run_pass(c, pass, n, &b);
        const double seconds = processor_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    float *const all[] = {b.x, b.weights, b.y, b.prepared, b.scratch, b.result};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_free(all[i]);
    return best;
}

static double product_peak(int rounds)
{
    enum { SIDE = 1024 };
    float *const a = allocate(SIDE * SIDE), *const b = allocate(SIDE * SIDE), *const c = allocate(SIDE * SIDE);
    double best = 1e9;
    for (int round = 0; round < rounds; round++) {
        const double start = processor_seconds();
        gemm(AS_IS, AS_IS, SIDE, SIDE, SIDE, a, b, 0.0f, c);
        const double seconds = processor_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    memory_free(a);
    memory_free(b);
    memory_free(c);
    return 2e-9 * SIDE * SIDE * SIDE / best;
}

int main(int argument_count, char **arguments)
{
    const int n = argument_count > 1 ? atoi(arguments[1]) : 64, rounds = argument_count > 2 ? atoi(arguments[2]) : 20;
    if (n < 1 || rounds < 1) {
        fprintf(stderr, "usage: bench_convolution [IMAGES [ROUNDS]]\n");
        return 2;
    }
    blas_setup();
    const double peak = product_peak(rounds);
    printf("sgemm %.0f GFLOP/s, %d images\n%-28s %22s %22s %22s\n", peak, n, "shape", "forward", "input gradient",
           "weight gradient");
    for (int i = 0; i < SHAPES; i++) {
        const int side = shapes[i][0], kernel = shapes[i][2], stride = shapes[i][3], padding = kernel / 2;
        const int places = convolution_places(side, kernel, stride, padding);
        const struct convolution c = {side, side, shapes[i][1], kernel, stride, padding, places, places, shapes[i][4]};
        const double flops = 2e-9 * n * (double)convolution_window_size(&c) * (double)convolution_output_size(&c);
        printf("%2d x %2d x %3d, %d x %d / %d -> %3d", side, side, c.channels, kernel, kernel, stride, c.out_channels);
        for (int pass = 0; pass < CONVOLUTION_PASSES; pass++) {
            const double rate = flops / best_seconds(&c, pass, n, rounds);
            printf(" %9s %5.0f (%4.2f)", convolution_method(&c, pass)->name, rate, rate / peak);
        }
        printf("\n");
    }
    return 0;
}
