/* cosines.c - how alike samples look to the network. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "kernels/reduce.h"
#include "metrics/gram.h"
#include "network/network.h"

enum { PASS_MOST = 128 };

/* x [count] over its length; zeros stay. */
static void normalise(int64_t count, float *x)
{
    const double length = sqrt(sum_squares(count, x));
    for (int64_t i = 0; length > 0 && i < count; i++)
        x[i] = (float)((double)x[i] / length);
}

static int layer_size(const struct measurement *at, int layer)
{
    const struct shape shape = at->samples[PART_TRAIN].dataset->shape.sample;
    if (layer == LAYER_INPUT)
        return shape.height * shape.width * shape.channels;
    return network_layer_size(at->network, layer);
}

/* rows [count, size]: the samples' inputs or outputs of the layer */
static enum status collect(const struct measurement *at, const struct chosen *chosen, int layer, int size, float *rows,
                           struct error *error)
{
    int most = network_max_batch(at->network);
    most = most < PASS_MOST ? most : PASS_MOST;
    for (int i = 0, n; i < chosen->count; i += n) {
        const int end = i < chosen->train_count ? chosen->train_count : chosen->count;
        n = end - i < most ? end - i : most;
        float *const x = network_input(at->network);
        const float *from = x;
        TRY(at->yield->call(at->yield->context, error));
        samples_gather(&at->samples[chosen_part(chosen, i)], chosen->position + i, 0, n, x);
        if (layer != LAYER_INPUT) {
            network_forward(at->network, x, n, PASS_DIFFERENTIATE);
            from = network_layer_output(at->network, layer);
        }
        memcpy(rows + (size_t)i * (size_t)size, from, (size_t)n * (size_t)size * sizeof *rows);
    }
    return STATUS_OK;
}

enum status chosen_cosines(const struct measurement *at, const struct chosen *chosen, int layer, float *cosines,
                           struct error *error)
{
    const int size = layer_size(at, layer);
    void *block = NULL;
    TRY(memory_allocate(&block, (size_t)chosen->count * (size_t)size, sizeof(float), "representations", error));
    float *const rows = block;
    const int flushed = flush_subnormals(1);
    const enum status status = collect(at, chosen, layer, size, rows, error);
    for (int i = 0; status == STATUS_OK && i < chosen->count; i++)
        normalise(size, rows + (size_t)i * (size_t)size);
    if (status == STATUS_OK)
        gemm(AS_IS, TRANSPOSED, chosen->count, chosen->count, size, rows, rows, 0.0f, cosines);
    flush_subnormals(flushed);
    memory_free(block);
    return status;
}
