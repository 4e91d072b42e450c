/* graph.c - shapes first, layer by layer, then the parameters, without gaps; then the way a batch takes in blocks of
 * samples, and a place for everything that a pass touches, so that no pass allocates. */
#include "network/graph.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/layer_dense.h"

size_t shape_size(struct shape shape)
{
    return (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
}

size_t tensor_size(const struct tensor_spec *tensor)
{
    size_t size = 1;
    for (int i = 0; i < tensor->rank; i++)
        size *= (size_t)tensor->dimensions[i];
    return size;
}

int graph_first_outputs(const struct graph *graph)
{
    const bool dense = graph->layers.nodes[0].layer.kind == &layer_dense.kind && graph->values[0].readers == 1;
    return dense ? (int)graph->values[1].size : 0;
}

size_t graph_layer_parameters(const struct graph_node *node)
{
    size_t floats = 0;
    for (int t = 0; t < node->plan.tensor_count; t++)
        floats += tensor_size(&node->plan.tensors[t]);
    return floats;
}

/* dense1, dense2, ...: the kind and which one of it this is. */
static void name_node(struct graph *graph, int at)
{
    const char *const kind = graph->layers.nodes[at].layer.kind->name;
    int number = 0;
    for (int i = 0; i <= at; i++)
        number += graph->layers.nodes[i].layer.kind == graph->layers.nodes[at].layer.kind;
    snprintf(graph->nodes[at].name, sizeof graph->nodes[at].name, "%s%d", kind, number);
}

static bool has_weights(const struct layer_plan *plan)
{
    for (int t = 0; t < plan->tensor_count; t++)
        if (plan->tensors[t].role == TENSOR_WEIGHT)
            return true;
    return false;
}

static int depth_of(const struct graph *graph, int at)
{
    const struct layer_node *const layer = &graph->layers.nodes[at];
    int depth = 0;
    for (int i = 0; i < layer->input_count; i++)
        if (graph->values[layer->inputs[i]].depth > depth)
            depth = graph->values[layer->inputs[i]].depth;
    return depth + has_weights(&graph->nodes[at].plan);
}

static enum status plan_node(struct graph *graph, int at, struct error *error)
{
    const struct layer_node *const layer = &graph->layers.nodes[at];
    const struct layer_ops *const ops = (const struct layer_ops *)layer->layer.kind;
    struct graph_node *const node = &graph->nodes[at];
    struct shape inputs[LAYER_INPUTS_MAX];
    name_node(graph, at);
    memcpy(graph->layers.path, layer->path, sizeof layer->path);
    for (int i = 0; i < layer->input_count; i++) {
        inputs[i] = graph->values[layer->inputs[i]].shape;
        graph->values[layer->inputs[i]].readers++;
        graph->values[layer->inputs[i]].last_reader = at;
    }
    if (ops->plan(layer->layer.settings, layer->input_count, inputs, &node->plan, error) != STATUS_OK)
        return fail_within(error, "layer %s", node->name);
    if (shape_size(node->plan.output) > INT_MAX)
        return fail(error, STATUS_BAD_SWEEP, "layer %s: an output of %d x %d x %d is too large", node->name,
                    node->plan.output.height, node->plan.output.width, node->plan.output.channels);
    graph->values[at + 1].shape = node->plan.output;
    graph->values[at + 1].size = shape_size(node->plan.output);
    graph->values[at + 1].depth = depth_of(graph, at);
    graph->tensor_count += node->plan.tensor_count;
    graph->state_tensor_count += node->plan.state_count;
    graph->flops_per_sample += node->plan.flops_per_sample;
    return STATUS_OK;
}

/* Adds a layer's tensor to the list of all, named after the layer; returns where it starts in the flat block. */
static size_t place_tensor(const struct graph *graph, int at, const struct tensor_spec *planned,
                           struct tensor_spec *out, size_t *end)
{
    const size_t offset = *end;
    const int length = (int)sizeof out->name / 2 - 1;
    *out = *planned;
    out->layer = at;
    out->depth = graph->values[at + 1].depth;
    snprintf(out->name, sizeof out->name, "%.*s.%.*s", length, graph->nodes[at].name, length, planned->name);
    *end += tensor_size(out);
    return offset;
}

/* The list of all tensors, parameters before states, and where each starts in the flat block. */
static enum status place_tensors(struct graph *graph, struct error *error)
{
    void *tensors = NULL;
    const int count = graph->tensor_count + graph->state_tensor_count;
    TRY(memory_allocate(&tensors, (size_t)count, sizeof *graph->tensors, "tensors", error));
    graph->tensors = tensors;
    struct tensor_spec *out = graph->tensors;
    size_t end = 0;
    for (int i = 0; i < graph->layers.count; i++) {
        struct graph_node *const node = &graph->nodes[i];
        node->first_tensor = (int)(out - graph->tensors);
        for (int t = 0; t < node->plan.tensor_count; t++)
            node->parameters[t] = place_tensor(graph, i, &node->plan.tensors[t], out++, &end);
    }
    graph->parameter_count = (int64_t)end;
    for (int i = 0; i < graph->layers.count; i++) {
        struct graph_node *const node = &graph->nodes[i];
        for (int t = 0; t < node->plan.state_count; t++)
            node->states[t] = place_tensor(graph, i, &node->plan.states[t], out++, &end);
    }
    graph->state_count = (int64_t)end - graph->parameter_count;
    return STATUS_OK;
}

enum status graph_plan(struct graph *graph, struct layer_list *layers, struct shape input, int max_batch,
                       struct error *error)
{
    *graph = (struct graph){.layers = *layers};
    *layers = (struct layer_list){0};
    const size_t count = (size_t)graph->layers.count;
    void *nodes = NULL, *values = NULL;
    TRY(memory_allocate(&nodes, count, sizeof *graph->nodes, "layers", error));
    graph->nodes = nodes;
    TRY(memory_allocate(&values, count + 1, sizeof *graph->values, "layers", error));
    graph->values = values;
    graph->values[0] = (struct graph_value){.shape = input, .size = shape_size(input)};
    for (int i = 0; i < graph->layers.count; i++)
        TRY(plan_node(graph, i, error));
    for (int i = 1; i < graph->layers.count; i++)
        if (graph->values[i].readers == 0)
            return fail(error, STATUS_BAD_SWEEP, "layer %s: no other layer reads its output; remove it or connect it",
                        graph->nodes[i - 1].name);
    TRY(place_tensors(graph, error));
    TRY(graph_plan_segments(graph, max_batch, error));
    return graph_place_buffers(graph, max_batch, error);
}

void graph_free(struct graph *graph)
{
    layer_list_free(&graph->layers);
    memory_free(graph->nodes);
    memory_free(graph->values);
    memory_free(graph->tensors);
    for (int w = 0; w < WALK_COUNT; w++)
        memory_free(graph->walks[w].segments);
    *graph = (struct graph){0};
}
