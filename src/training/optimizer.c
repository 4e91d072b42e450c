/* optimizer.c - a step over the flat block, run by run.
 * A run's last parameters, fewer than the lanes, are padded in a copy, so that kernels know whole lanes only and the
 * sum of squares has one order everywhere. Clipping needs the norm before the step: one more pass, only then. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/reduce.h"
#include "network/graph.h"
#include "training/optimizers.h"

struct optimizer {
    const struct optimizer_ops *ops;
    const struct train_config *config;
    struct network *network;
    struct optimizer_run *runs;
    int run_count;
    float *state;
};

static const struct kind decay_all = {.name = "all", .summary = "every parameter"};
static const struct kind decay_weights = {.name = "weights", .summary = "weight tensors; not biases, scales or shifts"};
const struct kind_table decay_table = {
    .what = "decay", .plural = "decays", .kinds = (const struct kind *const[]){&decay_all, &decay_weights, NULL}};

const struct kind_table optimizer_table = {
    .what = "optimizer",
    .plural = "optimizers",
    .kinds = (const struct kind *const[]){&optimizer_sgd.kind, &optimizer_adam.kind, &optimizer_adamw.kind,
                                          &optimizer_rmsprop.kind, NULL}};

double decay_of(const struct decay_settings *settings, bool weights)
{
    return weights || settings->decay == &decay_all ? settings->weight_decay : 0;
}

/* The fewer than LANES parameters at the end of a run, in a padded copy. */
static void update_rest(const struct optimizer_ops *ops, const struct optimizer_step *step,
                        const struct optimizer_range *rest)
{
    float gradient[OPTIMIZER_LANES] = {0}, parameters[OPTIMIZER_LANES] = {0};
    float state[OPTIMIZER_STATES_MAX][OPTIMIZER_LANES] = {{0}};
    const size_t bytes = (size_t)rest->count * sizeof(float);
    struct optimizer_range padded = *rest;
    padded.count = OPTIMIZER_LANES;
    padded.gradient = memcpy(gradient, rest->gradient, bytes);
    padded.parameters = memcpy(parameters, rest->parameters, bytes);
    for (int s = 0; s < ops->state_per_parameter; s++)
        padded.state[s] = memcpy(state[s], rest->state[s], bytes);
    ops->update(step, &padded);
    memcpy(rest->parameters, parameters, bytes);
    for (int s = 0; s < ops->state_per_parameter; s++)
        memcpy(rest->state[s], state[s], bytes);
}

/* `count` parameters of the block from `first` on. */
static struct optimizer_range range_of(const struct optimizer_block *block, int states, int64_t first, int64_t count)
{
    struct optimizer_range range = {
        .count = count, .gradient = block->gradient + first, .parameters = block->parameters + first};
    for (int s = 0; s < states; s++)
        range.state[s] = block->state + s * block->count + first;
    return range;
}

double optimizer_apply(const struct optimizer_ops *ops, const struct optimizer_step *step,
                       const struct optimizer_block *block)
{
    double squares[OPTIMIZER_LANES] = {0};
    int64_t first = 0;
    for (int r = 0; r < block->run_count; r++) {
        const struct optimizer_run run = block->runs[r];
        const int64_t whole = run.count / OPTIMIZER_LANES * OPTIMIZER_LANES;
        struct optimizer_range range = range_of(block, ops->state_per_parameter, first, whole);
        range.weights = run.weights;
        range.squares = squares;
        ops->update(step, &range);
        if (whole < run.count) {
            range = range_of(block, ops->state_per_parameter, first + whole, run.count - whole);
            range.weights = run.weights;
            range.squares = squares;
            update_rest(ops, step, &range);
        }
        first += run.count;
    }
    return sum(OPTIMIZER_LANES, squares);
}

/* Fills runs [tensor_count]; returns their number. */
static int find_runs(int tensor_count, const struct tensor_spec *tensors, struct optimizer_run *runs)
{
    int count = 0;
    for (int t = 0; t < tensor_count; t++) {
        const bool weights = tensors[t].role == TENSOR_WEIGHT;
        if (count == 0 || runs[count - 1].weights != weights)
            runs[count++] = (struct optimizer_run){.weights = weights};
        runs[count - 1].count += (int64_t)tensor_size(&tensors[t]);
    }
    return count;
}

enum status optimizer_create(const struct train_config *config, struct network *network, struct optimizer **out,
                             struct error *error)
{
    void *block = NULL, *runs = NULL, *state = NULL;
    TRY(memory_allocate(&block, 1, sizeof(struct optimizer), "optimizer", error));
    struct optimizer *optimizer = block;
    *optimizer = (struct optimizer){
        .ops = (const struct optimizer_ops *)config->optimizer.kind, .config = config, .network = network};
    const int tensors = network_tensor_count(network);
    const size_t states = (size_t)optimizer->ops->state_per_parameter;
    enum status status = memory_allocate(&runs, (size_t)tensors, sizeof *optimizer->runs, "optimizer", error);
    optimizer->runs = runs;
    if (status == STATUS_OK)
        status = memory_allocate(&state, states * (size_t)network_parameter_count(network), sizeof *optimizer->state,
                                 "optimizer state", error);
    optimizer->state = state;
    if (status == STATUS_OK) {
        optimizer->run_count = find_runs(tensors, network_tensors(network), optimizer->runs);
        *out = optimizer;
    } else
        optimizer_destroy(&optimizer);
    return status;
}

void optimizer_destroy(struct optimizer **optimizer)
{
    if (*optimizer == NULL)
        return;
    memory_free((*optimizer)->runs);
    memory_free((*optimizer)->state);
    memory_free(*optimizer);
    *optimizer = NULL;
}

float *optimizer_state(struct optimizer *optimizer, int64_t *count)
{
    *count = optimizer->ops->state_per_parameter * network_parameter_count(optimizer->network);
    return optimizer->state;
}

/* What brings a gradient of this sum of squares down to clip_norm; the small number keeps it finite at norm 0. */
static double clip_scale(double clip_norm, double squares)
{
    const double scale = clip_norm / (sqrt(squares) + 1e-6);
    return scale < 1 ? scale : 1;
}

double optimizer_step(struct optimizer *optimizer, double learning_rate, int64_t step)
{
    struct network *const network = optimizer->network;
    const double clip_norm = optimizer->config->clip_norm;
    const struct optimizer_block block = {.count = network_parameter_count(network),
                                          .run_count = optimizer->run_count,
                                          .runs = optimizer->runs,
                                          .gradient = network_gradient(network),
                                          .parameters = network_parameters(network),
                                          .state = optimizer->state};
    const struct optimizer_step constants = {
        .settings = optimizer->config->optimizer.settings,
        .learning_rate = learning_rate,
        .step = step,
        .gradient_scale = clip_norm > 0 ? clip_scale(clip_norm, sum_squares(block.count, block.gradient)) : 1};
    return optimizer_apply(optimizer->ops, &constants, &block);
}
