/* gram.c - products of the chosen samples' gradients, block by block.
 * Where the rows of all samples are too many for memory, two blocks of them are held at a time, and the second one's
 * gradients are found anew for every first one. */
#include "metrics/gram.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "kernels/blas.h"
#include "network/network.h"
#include "network/sample_gradients.h"

enum { PASS_MOST = 128, BLOCK_LEAST = 16 };
static const size_t ROWS_BYTES = (size_t)256 << 20;

struct work {
    const struct measurement *at;
    const struct chosen *chosen;
    int capacity; /* samples of a block */
    struct sample_gradients *blocks[2];
    float *dlogits; /* [PASS_MOST, classes] */
    double *scales; /* [count] */
};

/* Samples of a block, of `bytes` each: all in one, or of two blocks at a time. */
static int block_capacity(size_t bytes, int count)
{
    const size_t fit = ROWS_BYTES / 2 / bytes;
    if (bytes * (size_t)count <= ROWS_BYTES)
        return count;
    return fit < BLOCK_LEAST ? BLOCK_LEAST : (int)fit;
}

static enum status work_begin(struct work *work, struct error *error)
{
    struct network *const network = work->at->network;
    const int count = work->chosen->count;
    void *dlogits = NULL;
    work->capacity = block_capacity(sample_gradients_bytes(network), count);
    TRY(memory_allocate(&dlogits, PASS_MOST * (size_t)network_classes(network), sizeof(float), "gradients of samples",
                        error));
    work->dlogits = dlogits;
    for (int i = 0; i < (work->capacity < count ? 2 : 1); i++)
        TRY(sample_gradients_create(network, work->capacity, &work->blocks[i], error));
    return STATUS_OK;
}

static void work_end(struct work *work)
{
    memory_free(work->dlogits);
    sample_gradients_destroy(&work->blocks[0]);
    sample_gradients_destroy(&work->blocks[1]);
}

static void pass_samples(struct work *work, int first, int n, struct sample_gradients *rows)
{
    const struct measurement *const at = work->at;
    const struct chosen *const chosen = work->chosen;
    float *const x = network_input(at->network);
    samples_gather(&at->samples[chosen_part(chosen, first)], chosen->position + first, 0, n, x);
    const float *const logits = network_forward(at->network, x, n, PASS_DIFFERENTIATE);
    loss_direction(at->loss, n, at->classes, logits, chosen->labels + first, work->scales + first, work->dlogits);
    sample_gradients_add(rows, at->network, work->dlogits, n);
}

/* Rows of the samples from `first` on, of one part a pass. */
static enum status fill(struct work *work, int first, struct sample_gradients *rows, struct error *error)
{
    const struct chosen *const chosen = work->chosen;
    const int end = chosen->count - first < work->capacity ? chosen->count : first + work->capacity;
    const int most = network_max_batch(work->at->network);
    sample_gradients_clear(rows);
    for (int i = first, n; i < end; i += n) {
        const int part_end = i < chosen->train_count && end > chosen->train_count ? chosen->train_count : end;
        n = part_end - i < PASS_MOST ? part_end - i : PASS_MOST;
        n = n < most ? n : most;
        TRY(work->at->yield->call(work->at->yield->context, error));
        pass_samples(work, i, n, rows);
    }
    return STATUS_OK;
}

/* The lower block at (i, j), and its mirror image. */
static void multiply(const struct work *work, int i, int j, double *products)
{
    const size_t count = (size_t)work->chosen->count;
    const struct sample_gradients *const a = work->blocks[0], *const b = i == j ? a : work->blocks[1];
    sample_gradients_products(a, b, products + (size_t)i * count + (size_t)j, count);
    const size_t end_i = (size_t)i + (size_t)work->capacity, end_j = (size_t)j + (size_t)work->capacity;
    for (size_t row = (size_t)i; i != j && row < end_i && row < count; row++)
        for (size_t column = (size_t)j; column < end_j && column < count; column++)
            products[column * count + row] = products[row * count + column];
}

/* Those so far are of gradients over an earlier, smaller scale. */
static void scale_moments(struct gram_moments *moments, double factor)
{
    for (int64_t p = 0; p < moments->count; p++) {
        moments->sums[p] *= factor;
        moments->squares[p] *= factor * factor;
    }
}

/* Adds the samples of the first block, from `first` on. */
static enum status add_moments(const struct work *work, int first, struct gram_moments *moments, struct error *error)
{
    const int left = work->chosen->count - first, n = left < work->capacity ? left : work->capacity;
    const double *const scales = work->scales + first;
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)n, sizeof(double), "moments of gradients", error));
    double *const weights = memory;
    double largest = moments->scale;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, scales[i]);
    if (moments->scale > 0 && largest > moments->scale)
        scale_moments(moments, moments->scale / largest);
    moments->scale = largest;
    for (int i = 0; i < n; i++)
        weights[i] = largest > 0 ? scales[i] / largest : 0;
    sample_gradients_moments(work->blocks[0], weights, moments->sums, moments->squares);
    memory_free(weights);
    return STATUS_OK;
}

static enum status multiply_blocks(struct work *work, double *products, struct gram_moments *moments,
                                   struct error *error)
{
    for (int i = 0; i < work->chosen->count; i += work->capacity) {
        TRY(fill(work, i, work->blocks[0], error));
        if (moments != NULL)
            TRY(add_moments(work, i, moments, error));
        multiply(work, i, i, products);
        for (int j = 0; j < i; j += work->capacity) {
            TRY(fill(work, j, work->blocks[1], error));
            multiply(work, i, j, products);
        }
    }
    return STATUS_OK;
}

static enum status moments_begin(const struct measurement *at, struct gram_moments *out, struct error *error)
{
    void *sums = NULL, *squares = NULL;
    *out = (struct gram_moments){.count = at->parameter_count};
    TRY(memory_allocate(&sums, (size_t)out->count, sizeof(double), "moments of gradients", error));
    out->sums = sums;
    TRY(memory_allocate(&squares, (size_t)out->count, sizeof(double), "moments of gradients", error));
    out->squares = squares;
    return STATUS_OK;
}

enum status gram_compute(const struct measurement *at, const struct chosen *chosen, struct gram *out,
                         struct gram_moments *moments, struct error *error)
{
    struct work work = {.at = at, .chosen = chosen};
    const size_t count = (size_t)chosen->count;
    void *products = NULL, *scales = NULL;
    *out = (struct gram){.count = chosen->count};
    if (moments != NULL)
        TRY(moments_begin(at, moments, error));
    TRY(memory_allocate(&products, count * count, sizeof(double), "products of gradients", error));
    out->products = products;
    TRY(memory_allocate(&scales, count, sizeof(double), "products of gradients", error));
    out->scales = work.scales = scales;
    enum status status = work_begin(&work, error);
    if (status == STATUS_OK) {
        const int flushed = flush_subnormals(1);
        status = multiply_blocks(&work, out->products, moments, error);
        flush_subnormals(flushed);
    }
    work_end(&work);
    return status;
}

/* Every block is found once, and once more for every block behind it, forward and back; rows of two are held. */
static struct metric_cost work_cost(const struct metric_trial *trial, int64_t count)
{
    const int capacity = block_capacity((size_t)trial->gradient_bytes, (int)count);
    const double blocks = ceil((double)count / capacity), held = capacity < count ? 2 : 1;
    return (struct metric_cost){.flops = 3 * (blocks + 1) / 2 * (double)count * trial->forward_flops,
                                .bytes = held * (capacity * trial->gradient_bytes + trial->gradient_room) +
                                         (double)PASS_MOST * trial->classes * sizeof(float)};
}

struct metric_cost gram_cost(const struct metric_trial *trial, int64_t count, bool moments)
{
    const double n = (double)count, parameters = moments ? (double)trial->parameters : 0;
    struct metric_cost cost = work_cost(trial, count);
    cost.flops += n * n * trial->gradient_bytes / sizeof(float) + 4 * n * parameters;
    cost.bytes += n * n * sizeof(double) + 2 * parameters * sizeof(double);
    return cost;
}

/* Fast convolutions leave zeros of this size beside gradients of size 1. */
static const double rounding = 1e-5;

struct signal {
    double sum;
    int64_t count;
};

/* sums, squares [count]: of one tensor */
static void add_signal(const double *sums, const double *squares, size_t count, double n, struct signal *to)
{
    double level = 0;
    for (size_t p = 0; p < count; p++)
        level += squares[p] * (rounding * rounding / (double)count);
    for (size_t p = 0; p < count; p++) {
        const double mean = sums[p] / n, variance = squares[p] / n - mean * mean;
        if (squares[p] <= level || !(variance > 1e-12 * mean * mean))
            continue;
        to->sum += mean * mean / variance;
        to->count++;
    }
}

double gram_signal_to_noise(const struct gram_moments *moments, int n, int tensor_count,
                            const struct tensor_spec *tensors)
{
    struct signal signal = {0};
    size_t at = 0;
    for (int t = 0; t < tensor_count && tensors[t].role != TENSOR_STATE; t++) {
        size_t count = 1;
        for (int i = 0; i < tensors[t].rank; i++)
            count *= (size_t)tensors[t].dimensions[i];
        add_signal(moments->sums + at, moments->squares + at, count, n, &signal);
        at += count;
    }
    return signal.count > 0 ? signal.sum / (double)signal.count : (double)NAN;
}

void gram_free(struct gram *gram)
{
    memory_free(gram->products);
    memory_free(gram->scales);
    *gram = (struct gram){0};
}

void gram_moments_free(struct gram_moments *moments)
{
    memory_free(moments->sums);
    memory_free(moments->squares);
    *moments = (struct gram_moments){0};
}
