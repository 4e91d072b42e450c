/* network.c - networks made, initialised and described. */
#include "network/network.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/blas.h"
#include "network/build.h"
#include "network/curvature.h"
#include "network/initialisation.h"
#include "network/passes.h"
#include "network/sample_gradients.h"

static enum status floats_allocate(float **out, size_t count, const char *what, struct error *error)
{
    void *block = NULL;
    TRY(memory_allocate(&block, count, sizeof **out, what, error));
    *out = block;
    return STATUS_OK;
}

static enum status network_allocate(struct network *network, struct error *error)
{
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

static int64_t largest_tensor(const struct graph *graph)
{
    size_t largest = 0;
    for (int t = 0; t < graph->tensor_count; t++)
        largest = tensor_size(&graph->tensors[t]) > largest ? tensor_size(&graph->tensors[t]) : largest;
    return (int64_t)largest;
}

/* Floats of the layers' outputs for one sample: of all, and of the largest. */
static void measure_outputs(const struct graph *graph, struct network_summary *out)
{
    for (int i = 1; i <= graph->layers.count; i++) {
        const int64_t size = (int64_t)graph->values[i].size;
        out->outputs += size;
        out->largest_output = size > out->largest_output ? size : out->largest_output;
    }
}

/* As network_linear_part makes it for one sample: weights and their gradient, input, output, and what passes take. */
static size_t largest_linear_part(const struct graph *graph)
{
    size_t largest = 0;
    for (int t = 0; t < graph->tensor_count; t++) {
        const int layer = graph->tensors[t].layer;
        const struct layer_plan *const plan = &graph->nodes[layer].plan;
        const size_t input = graph->values[graph->layers.nodes[layer].inputs[0]].size;
        const size_t floats = 2 * tensor_size(&graph->tensors[t]) + input + graph->values[layer + 1].size + plan->kept +
                              plan->scratch_fixed + plan->scratch_per_sample;
        if (graph->tensors[t].role == TENSOR_WEIGHT && floats > largest)
            largest = floats;
    }
    return largest * sizeof(float) + sizeof(struct layer_node) + sizeof(struct graph_node);
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
    if (status == STATUS_OK) {
        *out = (struct network_summary){
            .parameter_count = graph.parameter_count,
            .state_count = graph.state_count,
            .layer_count = graph.layers.count,
            .tensor_count = graph.tensor_count + graph.state_tensor_count,
            .weight_count = count_weights(&graph),
            .flops_per_sample = graph.flops_per_sample,
            .bytes = sizeof(float) * (2 * (size_t)graph.parameter_count + (size_t)graph.state_count + graph.workspace) +
                     (size_t)graph.layers.count * (sizeof(struct layer_node) + sizeof(struct graph_node)),
            .first_outputs = graph_first_outputs(&graph),
            .largest_tensor = largest_tensor(&graph),
            .linear_bytes = largest_linear_part(&graph),
            .gradient_bytes = graph_gradient_bytes(&graph),
            .gradient_room = graph_gradient_room(&graph),
            .curvature_bytes = graph_curvature_bytes(&graph),
            .curvature_room = graph_curvature_room(&graph)};
        measure_outputs(&graph, out);
        const char *const uncurved = curvature_missing(&graph);
        snprintf(out->uncurved, sizeof out->uncurved, "%s", uncurved == NULL ? "" : uncurved);
    }
    graph_free(&graph);
    return status;
}

void network_describe(const struct network *network, struct text *out)
{
    for (int i = 0; i < network->graph.layers.count; i++) {
        const struct graph_node *const node = &network->graph.nodes[i];
        const struct shape shape = node->plan.output;
        text_add(out, "%-20s %4d x %4d x %5d %12zu parameters\n", node->name, shape.height, shape.width, shape.channels,
                 graph_layer_parameters(node));
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
    return network->workspace + network->graph.values[0].data.offset;
}

const float *network_first_weights(const struct network *network, int *outputs)
{
    *outputs = graph_first_outputs(&network->graph);
    return *outputs == 0 ? NULL : network->parameters + network->graph.nodes[0].parameters[0];
}

int network_layer_count(const struct network *network)
{
    return network->graph.layers.count;
}

int network_layer_size(const struct network *network, int layer)
{
    return (int)network->graph.values[layer + 1].size;
}
