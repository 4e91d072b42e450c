/* evaluator.c - a whole part through the network in evaluation mode, in blocks whose activations stay in cache. */
#include "training/training.h"

#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "kernels/reduce.h"
#include "training/blocks.h"

struct evaluator {
    const struct samples *samples;
    int classes;
    float *logits;  /* [count, classes] */
    double *losses; /* [count] */
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
    memory_free(*evaluator);
    *evaluator = NULL;
}

/* Logits of samples first..first+n-1. */
static void evaluate_block(struct evaluator *evaluator, struct network *network, enum pass_mode mode, int first, int n)
{
    float *const x = network_input(network);
    samples_gather(evaluator->samples, NULL, first, n, x);
    const float *const logits = network_forward(network, x, n, mode);
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
