/* network.c - the passes over a planned graph.
 * Every value has its place in the workspace from the start. On the way back a value's gradient is overwritten by the
 * first layer that yields it and added to by the others; gradients of parameters are overwritten once a pass. */
#include "network/network.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/build.h"
#include "network/graph.h"
#include "network/initialisation.h"
#include "network/sample_gradients.h"

struct network {
    struct graph graph;
    struct choice init;
    int max_batch;
    float *parameters; /* [parameter_count + state_count] */
    float *gradient;   /* [parameter_count] */
    float *workspace;
    const float *x; /* of the last forward pass */
    int n;          /* of the last forward pass */
    enum pass_mode mode;
    float *d_input; /* where a backward pass puts the input's gradient; NULL: nobody wants it */
    bool *has_grad; /* [values] whether this backward pass has written the value's gradient */
    uint64_t seed;  /* the `dropout` stream's */
    int64_t step;
    int64_t estimated; /* samples of PASS_ESTIMATE passes */
};

static enum status floats_allocate(float **out, size_t count, const char *what, struct error *error)
{
    void *block = NULL;
    TRY(memory_allocate(&block, count, sizeof **out, what, error));
    *out = block;
    return STATUS_OK;
}

static enum status network_allocate(struct network *network, struct error *error)
{
    void *flags = NULL;
    TRY(memory_allocate(&flags, (size_t)network->graph.layers.count + 1, sizeof(bool), "network", error));
    network->has_grad = flags;
    const int64_t numbers = network->graph.parameter_count + network->graph.state_count;
    TRY(floats_allocate(&network->parameters, (size_t)numbers, "parameters", error));
    TRY(floats_allocate(&network->gradient, (size_t)network->graph.parameter_count, "gradients", error));
    return floats_allocate(&network->workspace, network->graph.workspace, "activations", error);
}

enum status network_build(struct layer_list *layers, const struct choice *init, struct shape input, int max_batch,
                          struct network **out, struct error *error)
{
    void *block = NULL;
    enum status status = memory_allocate(&block, 1, sizeof(struct network), "network", error);
    if (status != STATUS_OK) {
        layer_list_free(layers);
        return status;
    }
    struct network *network = block;
    network->init = *init;
    network->max_batch = max_batch;
    status = graph_plan(&network->graph, layers, input, max_batch, error);
    if (status == STATUS_OK)
        status = network_allocate(network, error);
    if (status == STATUS_OK)
        *out = network;
    else
        network_destroy(&network);
    return status;
}

static enum status check_outputs(const struct graph *graph, int classes, struct error *error)
{
    const int last = graph->layers.count;
    if (graph->values[last].size == (size_t)classes)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP,
                "layer %s: the network ends with %zu outputs, but there are %d classes; end it "
                "with a dense layer",
                graph->nodes[last - 1].name, graph->values[last].size, classes);
}

enum status network_create(const struct model_config *config, struct shape input, int classes, int max_batch,
                           struct network **out, struct error *error)
{
    struct layer_list layers = {0};
    blas_setup();
    enum status status = model_expand(config, input, classes, &layers, error);
    if (status != STATUS_OK) {
        layer_list_free(&layers);
        return status;
    }
    struct network *network = NULL;
    TRY(network_build(&layers, &config->init, input, max_batch, &network, error));
    status = check_outputs(&network->graph, classes, error);
    if (status == STATUS_OK)
        *out = network;
    else
        network_destroy(&network);
    return status;
}

void network_destroy(struct network **network)
{
    if (*network == NULL)
        return;
    graph_free(&(*network)->graph);
    memory_free((*network)->has_grad);
    memory_free((*network)->parameters);
    memory_free((*network)->gradient);
    memory_free((*network)->workspace);
    memory_free(*network);
    *network = NULL;
}

/* Expands and plans; the list with the path of a layer at fault is the graph's whatever the status. */
static enum status plan_graph(const struct model_config *config, struct shape input, int classes, int max_batch,
                              struct graph *graph, struct error *error)
{
    struct layer_list layers = {0};
    const enum status status = model_expand(config, input, classes, &layers, error);
    if (status != STATUS_OK) {
        *graph = (struct graph){.layers = layers};
        return status;
    }
    TRY(graph_plan(graph, &layers, input, max_batch, error));
    return check_outputs(graph, classes, error);
}

static int count_weights(const struct graph *graph)
{
    int count = 0;
    for (int t = 0; t < graph->tensor_count; t++)
        count += graph->tensors[t].role == TENSOR_WEIGHT;
    return count;
}

enum status network_summarise(const struct model_config *config, struct shape input, int classes, int max_batch,
                              struct network_summary *out, struct error *error)
{
    struct graph graph;
    const enum status status = plan_graph(config, input, classes, max_batch, &graph, error);
    *out = (struct network_summary){0};
    memcpy(out->layer_path, graph.layers.path, sizeof out->layer_path);
    if (status == STATUS_OK)
        *out = (struct network_summary){
            .parameter_count = graph.parameter_count,
            .state_count = graph.state_count,
            .layer_count = graph.layers.count,
            .tensor_count = graph.tensor_count + graph.state_tensor_count,
            .weight_count = count_weights(&graph),
            .flops_per_sample = graph.flops_per_sample,
            .bytes = sizeof(float) * (2 * (size_t)graph.parameter_count + (size_t)graph.state_count + graph.workspace) +
                     (size_t)graph.layers.count * (sizeof(struct layer_node) + sizeof(struct graph_node))};
    graph_free(&graph);
    return status;
}

static int64_t node_parameters(const struct graph_node *node)
{
    int64_t count = 0;
    for (int t = 0; t < node->plan.tensor_count; t++)
        count += (int64_t)tensor_size(&node->plan.tensors[t]);
    return count;
}

void network_describe(const struct network *network, struct text *out)
{
    for (int i = 0; i < network->graph.layers.count; i++) {
        const struct graph_node *const node = &network->graph.nodes[i];
        const struct shape shape = node->plan.output;
        text_add(out, "%-20s %4d x %4d x %5d %12" PRId64 " parameters\n", node->name, shape.height, shape.width,
                 shape.channels, node_parameters(node));
    }
}

void network_initialise(struct network *network, uint64_t seed)
{
    const struct initialisation_ops *const init = (const struct initialisation_ops *)network->init.kind;
    float *values = network->parameters;
    const int count_all = network->graph.tensor_count + network->graph.state_tensor_count;
    for (int t = 0; t < count_all; t++) {
        const struct tensor_spec *const tensor = &network->graph.tensors[t];
        const size_t count = tensor_size(tensor);
        struct random random = random_start(STREAM_INIT, seed, (uint32_t)t);
        for (size_t i = 0; i < count; i++)
            values[i] = tensor->role == TENSOR_SCALE ? 1.0f : tensor->initial;
        if (tensor->role == TENSOR_WEIGHT || tensor->role == TENSOR_BIAS)
            init->draw(network->init.settings, tensor, &random, (int64_t)count, values);
        values += count;
    }
}

int network_max_batch(const struct network *network)
{
    return network->max_batch;
}

int network_classes(const struct network *network)
{
    return (int)network->graph.values[network->graph.layers.count].size;
}

int64_t network_parameter_count(const struct network *network)
{
    return network->graph.parameter_count;
}

float *network_parameters(struct network *network)
{
    return network->parameters;
}

const float *network_gradient(const struct network *network)
{
    return network->gradient;
}

int network_tensor_count(const struct network *network)
{
    return network->graph.tensor_count;
}

const struct tensor_spec *network_tensors(const struct network *network)
{
    return network->graph.tensors;
}

int64_t network_state_count(const struct network *network)
{
    return network->graph.state_count;
}

int network_state_tensor_count(const struct network *network)
{
    return network->graph.state_tensor_count;
}

const struct graph *network_graph(const struct network *network)
{
    return &network->graph;
}

void network_set_step(struct network *network, uint64_t seed, int64_t step)
{
    network->seed = seed;
    network->step = step;
}

void network_estimate_begin(struct network *network)
{
    network->estimated = 0;
}

float *network_input(struct network *network)
{
    return network->workspace + network->graph.values[0].data;
}

/* What forward and backward both need of node `at`. */
static struct layer_pass node_pass(struct network *network, int at, int n, enum pass_mode mode)
{
    const struct graph *const graph = &network->graph;
    const struct graph_node *const node = &graph->nodes[at];
    const struct layer_node *const layer = &graph->layers.nodes[at];
    struct layer_pass pass = {.n = n,
                              .mode = mode,
                              .settings = layer->layer.settings,
                              .input_count = layer->input_count,
                              .output_shape = node->plan.output,
                              .output = network->workspace + graph->values[at + 1].data,
                              .saved = network->workspace + node->saved,
                              .scratch = network->workspace + graph->scratch,
                              .layer = at,
                              .step = network->step,
                              .seed = network->seed,
                              .estimated = network->estimated};
    for (int i = 0; i < layer->input_count; i++) {
        const struct graph_value *const value = &graph->values[layer->inputs[i]];
        pass.input_shapes[i] = value->shape;
        pass.inputs[i] = layer->inputs[i] == 0 ? network->x : network->workspace + value->data;
    }
    for (int t = 0; t < node->plan.tensor_count; t++) {
        pass.parameters[t] = network->parameters + node->parameters[t];
        pass.d_parameters[t] = network->gradient + node->parameters[t];
    }
    for (int t = 0; t < node->plan.state_count; t++)
        pass.states[t] = network->parameters + node->states[t];
    return pass;
}

const float *network_forward(struct network *network, const float *x, int n, enum pass_mode mode)
{
    assert(n >= 1 && n <= network->max_batch);
    const struct graph *const graph = &network->graph;
    network->x = x;
    network->n = n;
    network->mode = mode;
    for (int i = 0; i < graph->layers.count; i++) {
        const struct layer_pass pass = node_pass(network, i, n, mode);
        ((const struct layer_ops *)graph->layers.nodes[i].layer.kind)->forward(&pass);
    }
    network->estimated += mode == PASS_ESTIMATE ? n : 0;
    return network->workspace + graph->values[graph->layers.count].data;
}

int network_layer_count(const struct network *network)
{
    return network->graph.layers.count;
}

int network_layer_size(const struct network *network, int layer)
{
    return (int)network->graph.values[layer + 1].size;
}

const float *network_layer_output(const struct network *network, int layer)
{
    assert(network->mode == PASS_DIFFERENTIATE);
    return network->workspace + network->graph.values[layer + 1].data;
}

static float *value_gradient(const struct network *network, int number)
{
    return number == 0 ? network->d_input : network->workspace + network->graph.values[number].gradient;
}

/* Where input i of a layer puts its gradient: in place, or beside, to be added. NULL: nobody wants it. */
static float *input_gradient(const struct network *network, const struct layer_node *layer, int i, bool *added)
{
    const struct graph *const graph = &network->graph;
    const int number = layer->inputs[i];
    *added = false;
    if (number == 0 && network->d_input == NULL)
        return NULL;
    bool written = network->has_grad[number];
    for (int before = 0; before < i; before++)
        written |= layer->inputs[before] == number;
    if (!written)
        return value_gradient(network, number);
    *added = true;
    return network->workspace + graph->partial + (size_t)i * graph->partial_stride;
}

/* y += x      x, y [count] */
static void add_floats(size_t count, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

/* rows: NULL for the gradient of all samples together */
static void backward_node(struct network *network, int at, float *d_output, int n, float *const *rows)
{
    const struct graph *const graph = &network->graph;
    const struct layer_node *const layer = &graph->layers.nodes[at];
    struct layer_pass pass = node_pass(network, at, n, network->mode);
    bool added[LAYER_INPUTS_MAX] = {false};
    pass.d_output = d_output;
    for (int i = 0; i < layer->input_count; i++)
        pass.d_inputs[i] = input_gradient(network, layer, i, &added[i]);
    if (rows != NULL) {
        pass.rows[0] = rows[2 * at];
        pass.rows[1] = rows[2 * at + 1];
        layer_backward_each((const struct layer_ops *)layer->layer.kind, &graph->nodes[at].plan, &pass);
    } else {
        ((const struct layer_ops *)layer->layer.kind)->backward(&pass);
    }
    for (int i = 0; i < layer->input_count; i++) {
        const int number = layer->inputs[i];
        network->has_grad[number] = true;
        if (added[i])
            add_floats(graph->values[number].size * (size_t)n, pass.d_inputs[i], value_gradient(network, number));
    }
}

/* d_input: NULL if nobody wants it. rows as in backward_node. */
static void backward_pass(struct network *network, float *dlogits, int n, float *d_input, float *const *rows)
{
    assert(n == network->n && (network->mode == PASS_TRAIN || network->mode == PASS_DIFFERENTIATE));
    network->d_input = d_input;
    const struct graph *const graph = &network->graph;
    memset(network->has_grad, 0, ((size_t)graph->layers.count + 1) * sizeof *network->has_grad);
    for (int i = graph->layers.count - 1; i >= 0; i--) {
        float *const d_output =
            i == graph->layers.count - 1 ? dlogits : network->workspace + graph->values[i + 1].gradient;
        backward_node(network, i, d_output, n, rows);
    }
}

void network_backward(struct network *network, float *dlogits, int n)
{
    backward_pass(network, dlogits, n, NULL, NULL);
}

void network_backward_input(struct network *network, float *dlogits, int n, float *d_input)
{
    backward_pass(network, dlogits, n, d_input, NULL);
}

void network_backward_each(struct network *network, float *dlogits, int n, float *const *rows)
{
    assert(network->mode == PASS_DIFFERENTIATE);
    backward_pass(network, dlogits, n, NULL, rows);
}

/* The only reader of layer `at`'s output, if it scales channels; else -1. */
static int scaling_reader(const struct graph *graph, int at)
{
    if (graph->values[at + 1].readers != 1)
        return -1;
    for (int i = at + 1; i < graph->layers.count; i++)
        if (graph->layers.nodes[i].inputs[0] == at + 1)
            return ((const struct layer_ops *)graph->layers.nodes[i].layer.kind)->fold != NULL ? i : -1;
    return -1;
}

static size_t tensor_offset(const struct network *network, int tensor)
{
    size_t offset = 0;
    for (int t = 0; t < tensor; t++)
        offset += tensor_size(&network->graph.tensors[t]);
    return offset;
}

void network_folded_weight(struct network *network, int tensor, float *out)
{
    const struct tensor_spec *const spec = &network->graph.tensors[tensor];
    const size_t size = tensor_size(spec), row = size / (size_t)spec->dimensions[0];
    memcpy(out, network->parameters + tensor_offset(network, tensor), size * sizeof *out);
    const int reader = scaling_reader(&network->graph, spec->layer);
    if (reader < 0)
        return;
    const struct layer_pass pass = node_pass(network, reader, 1, PASS_EVALUATE);
    ((const struct layer_ops *)network->graph.layers.nodes[reader].layer.kind)->fold(&pass, row, out);
}

enum status network_linear_part(struct network *network, int tensor, struct shape *input, struct network **out,
                                struct error *error)
{
    const struct graph *const graph = &network->graph;
    const int at = graph->tensors[tensor].layer;
    const struct layer_node *const node = &graph->layers.nodes[at];
    const struct layer_ops *const ops = (const struct layer_ops *)node->layer.kind;
    struct choice linear = {.kind = &ops->kind};
    if (ops->linear_part == NULL)
        return fail(error, STATUS_BAD_SWEEP, "layer %s does not say its linear part, so it has no spectral norm",
                    graph->nodes[at].name);
    ops->linear_part(node->layer.settings, linear.settings);
    struct layer_list layers = {0};
    enum status status = layer_list_add(&layers, ops, linear.settings, sizeof linear.settings, error);
    if (status != STATUS_OK) {
        layer_list_free(&layers);
        return status;
    }
    *input = graph->values[node->inputs[0]].shape;
    TRY(network_build(&layers, &network->init, *input, 1, out, error));
    network_folded_weight(network, tensor, (*out)->parameters);
    return STATUS_OK;
}
