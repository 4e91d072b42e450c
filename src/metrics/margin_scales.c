/* margin_scales.c - norms of the weights as they act in evaluation mode, and of the gradient of each margin. */
#include "metrics/margin_scales.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "data/data.h"
#include "kernels/reduce.h"
#include "metrics/spectral.h"
#include "network/network.h"
#include "training/blocks.h"

static size_t tensor_size(const struct tensor_spec *tensor)
{
    size_t size = 1;
    for (int i = 0; i < tensor->rank; i++)
        size *= (size_t)tensor->dimensions[i];
    return size;
}

/* room [size of the largest weight tensor] */
static enum status multiply_norms(const struct measurement *at, const bool *wanted, float *room, double *rho,
                                  struct error *error)
{
    for (int t = 0; t < at->tensor_count; t++) {
        if (at->tensors[t].role != TENSOR_WEIGHT)
            continue;
        network_folded_weight(at->network, t, room);
        rho[SCALE_LAST_LAYER] = sqrt(sum_squares((int64_t)tensor_size(&at->tensors[t]), room));
        rho[SCALE_FROBENIUS] *= rho[SCALE_LAST_LAYER];
        double largest = 1;
        if (wanted[SCALE_SPECTRAL])
            TRY(spectral_norm(at->network, t, at->yield, &largest, error));
        rho[SCALE_SPECTRAL] *= largest;
    }
    return STATUS_OK;
}

enum status margin_rho(const struct measurement *at, const bool *wanted, double *rho, struct error *error)
{
    size_t largest = 0;
    for (int t = 0; t < at->tensor_count; t++)
        largest = tensor_size(&at->tensors[t]) > largest ? tensor_size(&at->tensors[t]) : largest;
    void *room = NULL;
    TRY(memory_allocate(&room, largest, sizeof(float), "folded weights", error));
    rho[SCALE_NONE] = rho[SCALE_FROBENIUS] = rho[SCALE_LAST_LAYER] = rho[SCALE_SPECTRAL] = 1;
    const enum status status = multiply_norms(at, wanted, room, rho, error);
    memory_free(room);
    return status;
}

struct metric_cost margin_rho_cost(const struct metric_trial *trial, const bool *wanted)
{
    const double widest = fmax((double)trial->inputs, (double)trial->largest_output);
    struct metric_cost cost = {.flops = (double)trial->parameters,
                               .bytes = (double)trial->largest_tensor * sizeof(float)};
    if (wanted[SCALE_SPECTRAL]) {
        cost.flops += SPECTRAL_PASSES * trial->forward_flops;
        cost.bytes += trial->linear_bytes + widest * SPECTRAL_BYTES;
    }
    return cost;
}

int runner_up(int classes, const float *z, int label)
{
    int best = label == 0 ? 1 : 0;
    for (int j = best + 1; j < classes; j++)
        if (j != label && z[j] > z[best])
            best = j;
    return best;
}

struct gradients {
    const struct measurement *at;
    const struct evaluation *part;
    const struct samples *samples;
    size_t inputs;
    float *dlogits; /* [block, classes] */
    float *dx;      /* [block, inputs] */
    double *norms;  /* [count] */
};

static void differentiate_block(const struct gradients *gradients, int first, int n)
{
    const struct measurement *const at = gradients->at;
    const size_t classes = (size_t)at->classes;
    float *const x = network_input(at->network);
    samples_gather(gradients->samples, NULL, first, n, x);
    network_forward(at->network, x, n, PASS_DIFFERENTIATE);
    memset(gradients->dlogits, 0, (size_t)n * classes * sizeof(float));
    for (int i = 0; i < n; i++) {
        const int label = gradients->part->labels[first + i];
        const float *const z = gradients->part->logits + (size_t)(first + i) * classes;
        gradients->dlogits[(size_t)i * classes + (size_t)label] = 1;
        gradients->dlogits[(size_t)i * classes + (size_t)runner_up(at->classes, z, label)] = -1;
    }
    network_backward_input(at->network, gradients->dlogits, n, gradients->dx);
    for (int i = 0; i < n; i++)
        gradients->norms[first + i] =
            sqrt(sum_squares((int64_t)gradients->inputs, gradients->dx + (size_t)i * gradients->inputs));
}

static enum status differentiate(const struct gradients *gradients, int block, struct error *error)
{
    const struct yield *const yield = gradients->at->yield;
    const int count = gradients->part->count;
    for (int first = 0; first < count; first += block) {
        if (yield != NULL)
            TRY(yield->call(yield->context, error));
        differentiate_block(gradients, first, count - first < block ? count - first : block);
    }
    return STATUS_OK;
}

enum status margin_input_gradients(const struct measurement *at, int part, double *norms, struct error *error)
{
    const struct samples *const samples = &at->samples[part];
    const struct shape shape = samples->dataset->shape.sample;
    const int most = network_max_batch(at->network);
    const int block = most < EVALUATION_BLOCK ? most : EVALUATION_BLOCK;
    struct gradients gradients = {.at = at,
                                  .part = &at->parts[part],
                                  .samples = samples,
                                  .inputs = (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels,
                                  .norms = norms};
    void *dlogits = NULL, *dx = NULL;
    TRY(memory_allocate(&dlogits, (size_t)block * (size_t)at->classes, sizeof(float), "margin gradients", error));
    gradients.dlogits = dlogits;
    enum status status =
        memory_allocate(&dx, (size_t)block * gradients.inputs, sizeof(float), "gradients of inputs", error);
    gradients.dx = dx;
    if (status == STATUS_OK)
        status = differentiate(&gradients, block, error);
    memory_free(dlogits);
    memory_free(dx);
    return status;
}

/* A block's; norms are the caller's. */
struct metric_cost margin_input_gradients_cost(const struct metric_trial *trial)
{
    const int block = trial->max_batch < EVALUATION_BLOCK ? trial->max_batch : EVALUATION_BLOCK;
    struct metric_cost cost = {.bytes = (double)block * (double)(trial->classes + trial->inputs) * sizeof(float)};
    for (int part = 0; part < PART_COUNT; part++)
        cost.flops += 3.0 * trial->samples[part] * trial->forward_flops;
    return cost;
}
