/* curvature.c - Pearlmutter's R-operator over a planned graph, on memory of its own beside the network's.
 * Each value x has its derivative along v, tx; on the way back its gradient dx and that one's derivative, tdx. A batch
 * is small enough for all of it to stay in memory; no blocks within it. */
#include "network/curvature.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "network/passes.h"

enum { BATCH_MOST = 128 };
static const double ROOM_BYTES = 32 << 20;

/* Of one value; room for a batch each. */
struct moving {
    bool moves; /* depends on the parameters; if not, along stays 0 */
    float *along, *d, *d_along;
};

struct curvature {
    struct network *network;
    int batch;
    size_t partial_stride;                 /* floats from one layer input's partial gradient to the next one's */
    struct moving *values;                 /* [layers + 1] */
    float **saved;                         /* [layers] */
    float *block;                          /* all that the pointers above and below lend */
    float *kept, *scratch, *along_scratch; /* of the layer that runs */
    float *partial;                        /* gradients before they are added, then their derivatives */
    float *product;                        /* [parameter_count] */
};

static const struct layer_ops *ops_of(const struct network *network, int layer)
{
    return (const struct layer_ops *)network->graph.layers.nodes[layer].layer.kind;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Floats that each sample takes, and that the layers' calls need, the most of any. */
struct needs {
    size_t values, saved; /* a sample */
    size_t largest;       /* of one value, a sample */
    size_t parameters, kept, scratch_fixed, scratch;
    size_t partial_inputs;
};

static struct needs needs_of(const struct graph *graph)
{
    struct needs needs = {.values = graph->values[0].size, .largest = graph->values[0].size};
    for (int at = 0; at < graph->layers.count; at++) {
        const struct graph_node *const node = &graph->nodes[at];
        const size_t size = graph->values[at + 1].size;
        needs.values += 3 * size;
        needs.saved += node->plan.saved_per_sample;
        needs.largest = larger(needs.largest, size);
        needs.parameters = larger(needs.parameters, graph_layer_parameters(node));
        needs.kept = larger(needs.kept, node->plan.kept);
        needs.scratch_fixed = larger(needs.scratch_fixed, node->plan.scratch_fixed);
        needs.scratch = larger(needs.scratch, node->plan.scratch_per_sample);
        for (int i = 0; i < graph->layers.nodes[at].input_count; i++)
            if (node->adds[i])
                needs.partial_inputs = larger(needs.partial_inputs, (size_t)i + 1);
    }
    return needs;
}

static size_t sample_floats(const struct needs *needs)
{
    return needs->values + needs->saved + needs->scratch + needs->largest + 2 * needs->partial_inputs * needs->largest;
}

enum { LINE = 16 };

/* Of the block, whatever the batch, with a line more for each buffer. */
static size_t fixed_floats(const struct graph *graph, const struct needs *needs)
{
    enum { VALUE_BUFFERS = 4, OTHERS = 8 };
    const size_t buffers = VALUE_BUFFERS * ((size_t)graph->layers.count + 1) + OTHERS;
    return needs->parameters + needs->kept + needs->scratch_fixed + (size_t)graph->parameter_count + LINE * buffers;
}

size_t graph_curvature_bytes(const struct graph *graph)
{
    const struct needs needs = needs_of(graph);
    return sample_floats(&needs) * sizeof(float);
}

size_t graph_curvature_room(const struct graph *graph)
{
    const struct needs needs = needs_of(graph);
    const size_t layers = (size_t)graph->layers.count;
    return sizeof(struct curvature) + layers * sizeof(float *) + (layers + 1) * sizeof(struct moving) +
           fixed_floats(graph, &needs) * sizeof(float);
}

int curvature_fitting_batch(double sample_bytes, int max_batch)
{
    const double fit = ROOM_BYTES / sample_bytes;
    const int most = max_batch < BATCH_MOST ? max_batch : BATCH_MOST;
    return fit < 1 ? 1 : fit < most ? (int)fit : most;
}

/* The next buffer of the block; each starts on a line. */
static float *take(float **place, size_t floats)
{
    float *const taken = *place;
    *place += (floats + LINE - 1) / LINE * LINE;
    return taken;
}

static void place_buffers(struct curvature *curvature, const struct needs *needs)
{
    const struct graph *const graph = &curvature->network->graph;
    const size_t batch = (size_t)curvature->batch;
    float *place = curvature->block;
    for (int i = 0; i <= graph->layers.count; i++) {
        struct moving *const value = &curvature->values[i];
        const size_t floats = graph->values[i].size * batch;
        value->along = take(&place, floats);
        value->d = i == 0 ? NULL : take(&place, floats);
        value->d_along = i == 0 ? NULL : take(&place, floats);
    }
    for (int at = 0; at < graph->layers.count; at++)
        curvature->saved[at] = take(&place, graph->nodes[at].plan.saved_per_sample * batch);
    curvature->partial_stride = needs->largest * batch;
    curvature->partial = take(&place, 2 * needs->partial_inputs * curvature->partial_stride);
    curvature->kept = take(&place, needs->kept);
    curvature->scratch = take(&place, needs->scratch_fixed + needs->scratch * batch);
    curvature->along_scratch = take(&place, larger(needs->largest * batch, needs->parameters));
    curvature->product = take(&place, (size_t)graph->parameter_count);
}

/* A value moves where a layer that makes it, or its inputs, has parameters. */
static void find_moving(struct curvature *curvature)
{
    const struct graph *const graph = &curvature->network->graph;
    for (int at = 0; at < graph->layers.count; at++) {
        bool moves = graph->nodes[at].plan.tensor_count > 0;
        for (int i = 0; i < graph->layers.nodes[at].input_count; i++)
            moves |= curvature->values[graph->layers.nodes[at].inputs[i]].moves;
        curvature->values[at + 1].moves = moves;
    }
}

static enum status allocate(struct curvature *curvature, struct error *error)
{
    const struct graph *const graph = &curvature->network->graph;
    const struct needs needs = needs_of(graph);
    void *values = NULL, *saved = NULL, *block = NULL;
    curvature->batch =
        curvature_fitting_batch((double)(sample_floats(&needs) * sizeof(float)), curvature->network->max_batch);
    TRY(memory_allocate(&values, (size_t)graph->layers.count + 1, sizeof *curvature->values, "curvature", error));
    curvature->values = values;
    TRY(memory_allocate(&saved, (size_t)graph->layers.count, sizeof *curvature->saved, "curvature", error));
    curvature->saved = saved;
    TRY(memory_allocate(&block, sample_floats(&needs) * (size_t)curvature->batch + fixed_floats(graph, &needs),
                        sizeof(float), "curvature", error));
    curvature->block = block;
    place_buffers(curvature, &needs);
    find_moving(curvature);
    return STATUS_OK;
}

const char *curvature_missing(const struct graph *graph)
{
    for (int at = 0; at < graph->layers.count; at++) {
        const struct layer_ops *const ops = (const struct layer_ops *)graph->layers.nodes[at].layer.kind;
        if (!ops->linear && ops->forward_along == NULL)
            return graph->nodes[at].name;
    }
    return NULL;
}

static enum status check_layers(const struct graph *graph, struct error *error)
{
    const char *const missing = curvature_missing(graph);
    if (missing == NULL)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP,
                "layer %s has no derivatives along a direction, so there is no curvature of its network", missing);
}

enum status curvature_create(struct network *network, struct curvature **out, struct error *error)
{
    void *memory = NULL;
    TRY(check_layers(&network->graph, error));
    TRY(memory_allocate(&memory, 1, sizeof(struct curvature), "curvature", error));
    struct curvature *curvature = memory;
    curvature->network = network;
    const enum status status = allocate(curvature, error);
    if (status == STATUS_OK)
        *out = curvature;
    else
        curvature_destroy(&curvature);
    return status;
}

void curvature_destroy(struct curvature **curvature)
{
    if (*curvature == NULL)
        return;
    memory_free((*curvature)->values);
    memory_free((void *)(*curvature)->saved);
    memory_free((*curvature)->block);
    memory_free(*curvature);
    *curvature = NULL;
}

int curvature_batch(const struct curvature *curvature)
{
    return curvature->batch;
}

/* What a layer is given of values, and of their derivatives along v. */
struct both {
    struct layer_pass pass, along;
};

static struct both both_of(const struct curvature *curvature, int at, int n, const float *v)
{
    struct network *const network = curvature->network;
    const struct layer_node *const node = &network->graph.layers.nodes[at];
    const struct layer_plan *const plan = &network->graph.nodes[at].plan;
    struct both both = {.pass = network_layer_pass(network, at, n, PASS_DIFFERENTIATE)};
    both.pass.scratch = curvature->scratch;
    both.along = both.pass;
    both.along.output = curvature->values[at + 1].along;
    both.along.saved = curvature->saved[at];
    both.along.kept = curvature->kept;
    both.along.scratch = curvature->along_scratch;
    for (int i = 0; i < node->input_count; i++) {
        const struct moving *const input = &curvature->values[node->inputs[i]];
        both.along.inputs[i] = input->moves || plan->tensor_count == 0 ? input->along : NULL;
    }
    for (int t = 0; t < plan->tensor_count; t++) {
        both.along.parameters[t] = v + network->graph.nodes[at].parameters[t];
        both.along.d_parameters[t] = curvature->product + network->graph.nodes[at].parameters[t];
    }
    return both;
}

static void move_forward(struct curvature *curvature, int at, int n, const float *v)
{
    const struct layer_ops *const ops = ops_of(curvature->network, at);
    const struct both both = both_of(curvature, at, n, v);
    if (!curvature->values[at + 1].moves)
        return;
    if (ops->linear)
        ops->forward(&both.along);
    else
        ops->forward_along(&both.pass, &both.along);
}

/* y += x      x, y [count] */
static void add_floats(size_t count, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

/* Where the gradients of the layer's inputs go; nobody wants those of the network's input. */
static void place_gradients(const struct curvature *curvature, int at, struct both *both)
{
    const struct graph *const graph = &curvature->network->graph;
    const struct layer_node *const node = &graph->layers.nodes[at];
    both->pass.d_output = curvature->values[at + 1].d;
    both->along.d_output = curvature->values[at + 1].d_along;
    for (int i = 0; i < node->input_count; i++) {
        const struct moving *const input = &curvature->values[node->inputs[i]];
        const bool adds = graph->nodes[at].adds[i] && input->d != NULL;
        float *const partial = curvature->partial + 2 * (size_t)i * curvature->partial_stride;
        both->pass.d_inputs[i] = adds ? partial : input->d;
        both->along.d_inputs[i] = adds ? partial + curvature->partial_stride : input->d_along;
    }
}

static void move_back(struct curvature *curvature, int at, int n, const float *v)
{
    const struct graph *const graph = &curvature->network->graph;
    const struct layer_ops *const ops = ops_of(curvature->network, at);
    const struct layer_node *const node = &graph->layers.nodes[at];
    struct both both = both_of(curvature, at, n, v);
    place_gradients(curvature, at, &both);
    if (ops->linear) {
        ops->backward(&both.pass);
        ops->backward(&both.along);
    } else {
        ops->backward_along(&both.pass, &both.along);
    }
    for (int i = 0; i < node->input_count; i++) {
        const struct moving *const input = &curvature->values[node->inputs[i]];
        const size_t count = graph->values[node->inputs[i]].size * (size_t)n;
        if (!graph->nodes[at].adds[i] || input->d == NULL)
            continue;
        add_floats(count, both.pass.d_inputs[i], input->d);
        add_floats(count, both.along.d_inputs[i], input->d_along);
    }
}

const float *curvature_product(struct curvature *curvature, const struct choice *loss, int n, const float *x,
                               const int16_t *labels, float scale, const float *v)
{
    struct network *const network = curvature->network;
    const struct loss_ops *const ops = (const struct loss_ops *)loss->kind;
    const int layers = network->graph.layers.count, classes = network_classes(network);
    const struct moving *const last = &curvature->values[layers];
    assert(n >= 1 && n <= curvature->batch);
    const float *const logits = network_forward(network, x, n, PASS_DIFFERENTIATE);
    for (int at = 0; at < layers; at++)
        move_forward(curvature, at, n, v);
    ops->gradient(loss->settings, n, classes, logits, labels, scale, last->d);
    ops->gradient_along(loss->settings, n, classes, logits, labels, scale, last->along, last->d_along);
    for (int at = layers - 1; at >= 0; at--)
        move_back(curvature, at, n, v);
    return curvature->product;
}
