/* bench_gemm.c - products of matrices of the shapes that dense layers have: BLAS and the way without packing, in turn.
 *
 *     bench_gemm
 *
 * A line for each form and shape: GFLOP/s of both and the ratio of times, BLAS / unpacked: the median over many turns,
 * on operands that lie where the call before left them. */
#include <cblas.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/unpacked.h"
#include "median.h"

enum { TURNS = 41, SIDE = 1 << 22 };

struct layer {
    int in, out;
};

static void by_blas(enum operand a_is, enum operand b_is, int m, int n, int k, const float *a, const float *b,
                    float beta, float *c)
{
    cblas_sgemm(CblasRowMajor, a_is == TRANSPOSED ? CblasTrans : CblasNoTrans,
                b_is == TRANSPOSED ? CblasTrans : CblasNoTrans, m, n, k, 1.0f, a, a_is == TRANSPOSED ? m : k, b,
                b_is == TRANSPOSED ? k : n, beta, c, n);
}

typedef void product(enum operand, enum operand, int, int, int, const float *, const float *, float, float *);

static double seconds_of(product *multiply, enum operand a_is, enum operand b_is, int m, int n, int k, float *room)
{
    const int calls = 1 + (int)(2e7 / (2.0 * m * n * k));
    const double start = clock_monotonic();
    for (int i = 0; i < calls; i++)
        multiply(a_is, b_is, m, n, k, room, room + SIDE, 0.0f, room + 2 * (size_t)SIDE);
    return (clock_monotonic() - start) / calls;
}

static void measure(const char *form, enum operand a_is, enum operand b_is, int m, int n, int k, float *room)
{
    double ratios[TURNS], ours[TURNS], theirs[TURNS];
    if ((b_is == TRANSPOSED ? k : n) < 16)
        return;
    for (int turn = 0; turn < TURNS; turn++) {
        theirs[turn] = seconds_of(by_blas, a_is, b_is, m, n, k, room);
        ours[turn] = seconds_of(unpacked_product, a_is, b_is, m, n, k, room);
        ratios[turn] = theirs[turn] / ours[turn];
    }
    const double flops = 2e-9 * m * n * k;
    printf("%-8s m %4d n %4d k %4d   BLAS %6.1f   unpacked %6.1f GFLOP/s   ratio %.2f%s\n", form, m, n, k,
           flops / median(TURNS, theirs), flops / median(TURNS, ours), median(TURNS, ratios),
           unpacked_fits(a_is, b_is, m, n, k) ? "   chosen" : "");
}

int main(void)
{
    static const struct layer layers[] = {{784, 10},   {784, 16},    {784, 100},  {784, 256}, {784, 400}, {784, 512},
                                          {784, 1024}, {100, 10},    {200, 200},  {256, 10},  {256, 256}, {512, 512},
                                          {1024, 10},  {1024, 1024}, {3072, 100}, {3072, 512}};
    static const int batches[] = {16, 32, 64, 128, 256};
    void *room = NULL;
    struct error error;
    blas_setup();
    if (memory_allocate(&room, 3 * (size_t)SIDE, sizeof(float), "matrices", &error) != STATUS_OK)
        return 1;
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            const int in = layers[l].in, out = layers[l].out, batch = batches[b];
            measure("forward", AS_IS, TRANSPOSED, batch, out, in, room);
            measure("weights", TRANSPOSED, AS_IS, out, in, batch, room);
            measure("inputs", AS_IS, AS_IS, batch, in, out, room);
        }
    memory_free(room);
    return 0;
}
