/* evaluator.c - a whole part through the network in evaluation mode, in blocks whose activations stay in cache. */
#include "training/training.h"

#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/bytes.h"
#include "kernels/reduce.h"
#include "training/blocks.h"

struct evaluator {
    const struct samples *samples;
    int classes;
    float *logits;  /* [count, classes] */
    double *losses; /* [count] */
    /* Of the network's first layer, where its products are made straight from the data's bytes. */
    bool from_bytes;
    struct byte_weights weights;
    void *room;
    size_t room_size;
};

enum status evaluator_create(const struct samples *samples, int classes, struct evaluator **out, struct error *error)
{
    void *block = NULL, *logits = NULL, *losses = NULL;
    TRY(memory_allocate(&block, 1, sizeof(struct evaluator), "evaluator", error));
    struct evaluator *evaluator = block;
    *evaluator = (struct evaluator){.samples = samples, .classes = classes};
    const size_t count = (size_t)samples->count;
    enum status status = memory_allocate(&logits, count * (size_t)classes, sizeof(float), "logits", error);
    evaluator->logits = logits;
    if (status == STATUS_OK)
        status = memory_allocate(&losses, count, sizeof(double), "losses", error);
    evaluator->losses = losses;
    if (status == STATUS_OK)
        *out = evaluator;
    else
        evaluator_destroy(&evaluator);
    return status;
}

void evaluator_destroy(struct evaluator **evaluator)
{
    if (*evaluator == NULL)
        return;
    memory_free((*evaluator)->logits);
    memory_free((*evaluator)->losses);
    memory_free((*evaluator)->room);
    memory_free(*evaluator);
    *evaluator = NULL;
}

static int inputs_of(const struct dataset_shape *shape)
{
    return shape->sample.height * shape->sample.width * shape->sample.channels;
}

/* Samples. To make digits of the weights takes as long as some 300 save. */
enum { WORTH_DIGITS = 4 * EVALUATION_BLOCK };

size_t evaluator_room(int count, const struct dataset_shape *shape, bool unit_length, int first_outputs)
{
    const int inputs = inputs_of(shape);
    const bool bytes = shape->type == SAMPLE_UINT8 && !unit_length && count >= WORTH_DIGITS;
    const bool fit = bytes && first_outputs <= inputs && byte_products_fit(first_outputs, inputs);
    return fit ? byte_weights_size(first_outputs, inputs) : 0;
}

/* For the network's weights as they are. */
static enum status prepare_bytes(struct evaluator *evaluator, const struct network *network, struct error *error)
{
    const struct samples *const samples = evaluator->samples;
    const struct dataset_shape *const shape = &samples->dataset->shape;
    int outputs = 0;
    const float *const weights = network_first_weights(network, &outputs);
    const size_t size = evaluator_room(samples->count, shape, samples->unit_length, outputs);
    evaluator->from_bytes = false;
    if (size == 0)
        return STATUS_OK;
    if (size > evaluator->room_size) {
        memory_free(evaluator->room);
        evaluator->room = NULL;
        evaluator->room_size = 0;
        TRY(memory_allocate(&evaluator->room, size, 1, "weights as digits", error));
        evaluator->room_size = size;
    }
    evaluator->from_bytes = byte_weights_set(outputs, inputs_of(shape), shape->sample.channels, weights, samples->mean,
                                             samples->deviation, evaluator->room, &evaluator->weights);
    return STATUS_OK;
}

static const float *logits_from_bytes(const struct evaluator *evaluator, struct network *network, int first, int n)
{
    const uint8_t *rows[EVALUATION_BLOCK];
    float *const products = network_input(network);
    samples_bytes(evaluator->samples, first, n, rows);
    byte_product(&evaluator->weights, n, rows, products);
    return network_forward_products(network, products, n);
}

static const float *logits_from_floats(const struct evaluator *evaluator, struct network *network, enum pass_mode mode,
                                       int first, int n)
{
    float *const x = network_input(network);
    samples_gather(evaluator->samples, NULL, first, n, x);
    return network_forward(network, x, n, mode);
}

/* Logits of samples first..first+n-1. */
static void evaluate_block(struct evaluator *evaluator, struct network *network, enum pass_mode mode, int first, int n)
{
    const bool bytes = mode == PASS_EVALUATE && evaluator->from_bytes;
    const float *const logits = bytes ? logits_from_bytes(evaluator, network, first, n)
                                      : logits_from_floats(evaluator, network, mode, first, n);
    const size_t classes = (size_t)evaluator->classes;
    memcpy(evaluator->logits + (size_t)first * classes, logits, (size_t)n * classes * sizeof *logits);
}

static enum status evaluate_blocks(struct evaluator *evaluator, struct network *network, enum pass_mode mode,
                                   const struct training_hooks *hooks, struct error *error)
{
    const int count = evaluator->samples->count;
    const int most = network_max_batch(network);
    const int block = most < EVALUATION_BLOCK ? most : EVALUATION_BLOCK;
    for (int first = 0; first < count; first += block) {
        if (hooks != NULL && hooks->yield != NULL)
            TRY(hooks->yield(hooks->context, error));
        evaluate_block(evaluator, network, mode, first, count - first < block ? count - first : block);
    }
    return STATUS_OK;
}

static double accuracy(const struct evaluator *evaluator)
{
    const struct samples *const samples = evaluator->samples;
    int right = 0;
    for (int i = 0; i < samples->count; i++) {
        const float *const z = evaluator->logits + (size_t)i * (size_t)evaluator->classes;
        right += first_maximum(evaluator->classes, z) == samples->labels[i];
    }
    return (double)right / samples->count;
}

enum status evaluator_estimate(struct evaluator *evaluator, struct network *network, const struct training_hooks *hooks,
                               struct error *error)
{
    const int flushed = flush_subnormals(1);
    network_estimate_begin(network);
    const enum status status = evaluate_blocks(evaluator, network, PASS_ESTIMATE, hooks, error);
    flush_subnormals(flushed);
    return status;
}

enum status evaluator_run(struct evaluator *evaluator, struct network *network, const struct choice *loss,
                          const struct training_hooks *hooks, struct evaluation *out, struct error *error)
{
    const struct samples *const samples = evaluator->samples;
    const struct loss_ops *const ops = (const struct loss_ops *)loss->kind;
    const int count = samples->count, classes = evaluator->classes;
    TRY(prepare_bytes(evaluator, network, error));
    const int flushed = flush_subnormals(1);
    const enum status status = evaluate_blocks(evaluator, network, PASS_EVALUATE, hooks, error);
    flush_subnormals(flushed);
    TRY(status);
    ops->value(loss->settings, count, classes, evaluator->logits, samples->labels, evaluator->losses);
    *out = (struct evaluation){.count = count,
                               .logits = evaluator->logits,
                               .labels = samples->labels,
                               .true_labels = samples->true_labels,
                               .losses = evaluator->losses,
                               .mean_loss = sum(count, evaluator->losses) / count,
                               .accuracy = accuracy(evaluator)};
    if (!all_finite((int64_t)count * classes, evaluator->logits))
        return fail(error, STATUS_DIVERGED, "an output of the network is not finite");
    return STATUS_OK;
}
