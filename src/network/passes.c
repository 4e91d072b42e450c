/* passes.c - the passes over a planned graph.
 * A batch takes each segment of layers in blocks of samples; every value has its place in the workspace from the start.
 * On the way back a value's gradient is overwritten by the first layer that yields it and added to by the others;
 * gradients of parameters are overwritten by the first block and added to by the others, in their order. */
#include "network/passes.h"

#include <assert.h>
#include <stdbool.h>

#include "network/layer_dense.h"
#include "network/sample_gradients.h"

/* A block of samples on its way. */
struct block {
    const struct graph_walk *walk;
    enum pass_mode mode;
    int first, n, batch;
    /* on the way back */
    float *dlogits;     /* [batch, classes] */
    float *d_input;     /* [batch, input], where the input's gradient goes; NULL: nobody wants it */
    float *const *rows; /* as of network_backward_each; NULL: the gradient is of all samples together */
};

static const struct layer_ops *ops_of(const struct network *network, int layer)
{
    return (const struct layer_ops *)network->graph.layers.nodes[layer].layer.kind;
}

static float *block_at(const struct network *network, struct graph_place place, const struct block *block)
{
    return network->workspace + place.offset + place.step * (size_t)block->first;
}

static float *value_at(const struct network *network, int number, const struct block *block)
{
    const struct graph_value *const value = &network->graph.values[number];
    return block_at(network, block->mode == PASS_EVALUATE ? value->passing : value->data, block);
}

static const float *input_at(const struct network *network, int number, const struct block *block)
{
    if (number == 0)
        return network->x + network->graph.values[0].size * (size_t)block->first;
    return value_at(network, number, block);
}

/* What forward and backward both need of a layer. */
static struct layer_pass layer_pass(struct network *network, int at, const struct block *block)
{
    const struct graph *const graph = &network->graph;
    const struct graph_node *const node = &graph->nodes[at];
    const struct layer_node *const layer = &graph->layers.nodes[at];
    struct layer_pass pass = {.n = block->n,
                              .first = block->first,
                              .batch = block->batch,
                              .mode = block->mode,
                              .settings = layer->layer.settings,
                              .input_count = layer->input_count,
                              .output_shape = node->plan.output,
                              .output = value_at(network, at + 1, block),
                              .saved =
                                  network->workspace + node->saved + node->plan.saved_per_sample * (size_t)block->first,
                              .kept = network->workspace + node->kept,
                              .scratch = network->workspace + graph->scratch,
                              .layer = at,
                              .step = network->step,
                              .seed = network->seed,
                              .estimated = network->estimated};
    for (int i = 0; i < layer->input_count; i++) {
        pass.input_shapes[i] = graph->values[layer->inputs[i]].shape;
        pass.inputs[i] = input_at(network, layer->inputs[i], block);
    }
    for (int t = 0; t < node->plan.tensor_count; t++)
        pass.parameters[t] = network->parameters + node->parameters[t];
    for (int t = 0; t < node->plan.state_count; t++)
        pass.states[t] = network->parameters + node->states[t];
    return pass;
}

struct layer_pass network_layer_pass(struct network *network, int layer, int n, enum pass_mode mode)
{
    const struct block whole = {.mode = mode, .n = n, .batch = n};
    return layer_pass(network, layer, &whole);
}

/* The gradient of a value; NULL: nobody wants it. */
static float *gradient_at(const struct network *network, int number, const struct block *block)
{
    const struct graph_value *const value = &network->graph.values[number];
    const size_t passed = value->size * (size_t)block->first;
    if (number == network->graph.layers.count)
        return block->dlogits + passed;
    if (number == 0)
        return block->d_input == NULL ? NULL : block->d_input + passed;
    return block_at(network, value->gradient, block);
}

/* Where the layers' gradients go; those of parameters one after another. */
static struct layer_pass layer_pass_back(struct network *network, int at, const struct block *block, float *gradient)
{
    const struct graph *const graph = &network->graph;
    const struct graph_node *const node = &graph->nodes[at];
    const struct layer_node *const layer = &graph->layers.nodes[at];
    struct layer_pass pass = layer_pass(network, at, block);
    pass.d_output = gradient_at(network, at + 1, block);
    for (int i = 0; i < layer->input_count; i++) {
        pass.d_inputs[i] = gradient_at(network, layer->inputs[i], block);
        if (pass.d_inputs[i] != NULL && node->adds[i])
            pass.d_inputs[i] = network->workspace + graph->partial + (size_t)i * graph->partial_stride;
    }
    for (int t = 0; t < node->plan.tensor_count; t++)
        pass.d_parameters[t] = gradient + (node->parameters[t] - node->parameters[0]);
    return pass;
}

/* y += x      x, y [count] */
static void add_floats(size_t count, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

/* The parameters' gradient, over all blocks up to this one. */
static struct layer_pass backward_together(struct network *network, int at, const struct block *block)
{
    const struct graph_node *const node = &network->graph.nodes[at];
    const struct layer_ops *const ops = ops_of(network, at);
    float *const gradient = network->gradient + node->parameters[0];
    const bool added = block->first > 0 && ops->observe_back == NULL;
    float *const partial = added ? network->workspace + network->graph.partial_parameters : gradient;
    const struct layer_pass pass = layer_pass_back(network, at, block, partial);
    ops->backward(&pass);
    if (added)
        add_floats(graph_layer_parameters(node), partial, gradient);
    return pass;
}

/* That of each sample by itself. */
static struct layer_pass backward_each(struct network *network, int at, const struct block *block)
{
    enum { ROWS = 2 };
    const struct graph_node *const node = &network->graph.nodes[at];
    struct layer_pass pass = layer_pass_back(network, at, block, network->gradient + node->parameters[0]);
    for (int row = 0; row < ROWS; row++)
        pass.rows[row] = block->rows[ROWS * at + row] + layer_gradient_width(node, row) * (size_t)block->first;
    layer_backward_each(ops_of(network, at), &node->plan, &pass);
    return pass;
}

static void backward_layer(struct network *network, int at, const struct block *block)
{
    const struct graph *const graph = &network->graph;
    const struct layer_node *const layer = &graph->layers.nodes[at];
    const struct layer_pass pass =
        block->rows == NULL ? backward_together(network, at, block) : backward_each(network, at, block);
    for (int i = 0; i < layer->input_count; i++) {
        const int number = layer->inputs[i];
        if (graph->nodes[at].adds[i] && pass.d_inputs[i] != NULL)
            add_floats(graph->values[number].size * (size_t)block->n, pass.d_inputs[i],
                       gradient_at(network, number, block));
    }
}

static void run_layer(struct network *network, int at, const struct block *block)
{
    if (block->walk->back) {
        backward_layer(network, at, block);
        return;
    }
    const struct layer_pass pass = layer_pass(network, at, block);
    if (at == 0 && network->products != NULL)
        dense_forward_products(&pass, network->products + network->graph.values[1].size * (size_t)block->first);
    else
        ops_of(network, at)->forward(&pass);
}

static void observe(struct network *network, int at, const struct block *block)
{
    const struct layer_ops *const ops = ops_of(network, at);
    const struct layer_pass pass =
        block->walk->back
            ? layer_pass_back(network, at, block, network->gradient + network->graph.nodes[at].parameters[0])
            : layer_pass(network, at, block);
    (block->walk->back ? ops->observe_back : ops->observe)(&pass);
}

/* Blocks of nearly the same size. */
static void run_segment(struct network *network, const struct graph_segment *segment, struct block block)
{
    const struct graph *const graph = &network->graph;
    const int count = (block.batch + segment->block - 1) / segment->block;
    const int size = (block.batch + count - 1) / count;
    for (block.first = 0; block.first < block.batch; block.first += size) {
        block.n = block.batch - block.first < size ? block.batch - block.first : size;
        for (int place = segment->first; place < segment->end; place++)
            run_layer(network, graph_layer_at(graph, block.walk, place), &block);
        if (block.rows == NULL && graph_observes(graph, block.walk, segment->end))
            observe(network, graph_layer_at(graph, block.walk, segment->end), &block);
    }
}

static void run_walk(struct network *network, struct block block)
{
    for (int i = 0; i < block.walk->segment_count; i++)
        run_segment(network, &block.walk->segments[i], block);
}

/* From network->x or network->products. */
static const float *forward_pass(struct network *network, int n, enum pass_mode mode)
{
    assert(n >= 1 && n <= network->max_batch);
    const struct graph *const graph = &network->graph;
    const int way = mode == PASS_EVALUATE || mode == PASS_DIFFERENTIATE ? WALK_EVALUATE : WALK_FORWARD;
    network->n = n;
    network->mode = mode;
    run_walk(network, (struct block){.walk = &graph->walks[way], .mode = mode, .batch = n});
    network->estimated += mode == PASS_ESTIMATE ? n : 0;
    return network->workspace + graph->values[graph->layers.count].data.offset;
}

const float *network_forward(struct network *network, const float *x, int n, enum pass_mode mode)
{
    network->x = x;
    network->products = NULL;
    return forward_pass(network, n, mode);
}

const float *network_forward_products(struct network *network, const float *products, int n)
{
    assert(graph_first_outputs(&network->graph) > 0);
    network->x = network_input(network);
    network->products = products;
    return forward_pass(network, n, PASS_EVALUATE);
}

const float *network_layer_output(const struct network *network, int layer)
{
    assert(network->mode == PASS_DIFFERENTIATE);
    return network->workspace + network->graph.values[layer + 1].data.offset;
}

/* gradients: what the caller lends */
static void backward_pass(struct network *network, int n, struct block gradients)
{
    assert(n == network->n && (network->mode == PASS_TRAIN || network->mode == PASS_DIFFERENTIATE));
    gradients.walk = &network->graph.walks[WALK_BACK];
    gradients.mode = network->mode;
    gradients.batch = n;
    run_walk(network, gradients);
}

void network_backward(struct network *network, float *dlogits, int n)
{
    backward_pass(network, n, (struct block){.dlogits = dlogits});
}

void network_backward_input(struct network *network, float *dlogits, int n, float *d_input)
{
    backward_pass(network, n, (struct block){.dlogits = dlogits, .d_input = d_input});
}

void network_backward_each(struct network *network, float *dlogits, int n, float *const *rows)
{
    assert(network->mode == PASS_DIFFERENTIATE);
    backward_pass(network, n, (struct block){.dlogits = dlogits, .rows = rows});
}
