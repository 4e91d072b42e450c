/* graph.c - shapes first, layer by layer; then a place for everything that a pass touches, so that no pass allocates.
 * Every buffer starts on a 64-byte line; parameters lie without gaps. */
#include "network/graph.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

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

/* count floats, rounded up so that what follows starts on a line */
static size_t whole_lines(size_t count)
{
    enum { LINE = 16 };
    return (count + LINE - 1) / LINE * LINE;
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

/* Takes room at the workspace's end for fixed floats and max_batch times a sample's; returns its offset. More than any
 * memory has stays so. */
static size_t take(struct graph *graph, size_t fixed, size_t per_sample, int max_batch)
{
    const size_t most = SIZE_MAX / 16, offset = graph->workspace;
    const size_t floats = whole_lines(fixed + per_sample * (size_t)max_batch);
    graph->workspace = floats > most - offset ? most : offset + floats;
    return offset;
}

static void place_values(struct graph *graph, int max_batch)
{
    for (int i = 0; i <= graph->layers.count; i++) {
        struct graph_value *const value = &graph->values[i];
        value->data = take(graph, 0, value->size, max_batch);
        /* The input's gradient and the logits' are the caller's. */
        value->gradient = i == 0 || i == graph->layers.count ? 0 : take(graph, 0, value->size, max_batch);
    }
}

/* Room for the gradients that one layer yields beside those that are there. */
static void place_partials(struct graph *graph, int max_batch)
{
    size_t largest = 0;
    int inputs = 0;
    for (int i = 0; i < graph->layers.count; i++)
        for (int j = 0; j < graph->layers.nodes[i].input_count; j++) {
            const int number = graph->layers.nodes[i].inputs[j];
            if (graph->values[number].readers < 2)
                continue;
            largest = graph->values[number].size > largest ? graph->values[number].size : largest;
            inputs = j + 1 > inputs ? j + 1 : inputs;
        }
    graph->partial_stride = whole_lines(largest * (size_t)max_batch);
    graph->partial = take(graph, graph->partial_stride * (size_t)inputs, 0, max_batch);
}

static void place_buffers(struct graph *graph, int max_batch)
{
    size_t scratch = 0;
    place_values(graph, max_batch);
    for (int i = 0; i < graph->layers.count; i++) {
        const struct layer_plan *const plan = &graph->nodes[i].plan;
        const size_t needed = plan->scratch_fixed + plan->scratch_per_sample * (size_t)max_batch;
        graph->nodes[i].saved = take(graph, plan->saved_fixed, plan->saved_per_sample, max_batch);
        scratch = needed > scratch ? needed : scratch;
    }
    graph->scratch = take(graph, scratch, 0, max_batch);
    place_partials(graph, max_batch);
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
    place_buffers(graph, max_batch);
    return STATUS_OK;
}

void graph_free(struct graph *graph)
{
    layer_list_free(&graph->layers);
    memory_free(graph->nodes);
    memory_free(graph->values);
    memory_free(graph->tensors);
    *graph = (struct graph){0};
}
