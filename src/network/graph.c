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

/* dense1, dense2, ...: the kind and which one of it this is. */
static void name_node(struct graph *graph, int at)
{
    const char *const kind = graph->layers.nodes[at].layer.kind->name;
    int number = 0;
    for (int i = 0; i <= at; i++)
        number += graph->layers.nodes[i].layer.kind == graph->layers.nodes[at].layer.kind;
    snprintf(graph->nodes[at].name, sizeof graph->nodes[at].name, "%s%d", kind, number);
}

static enum status plan_node(struct graph *graph, int at, struct error *error)
{
    const struct layer_node *const layer = &graph->layers.nodes[at];
    const struct layer_ops *const ops = (const struct layer_ops *)layer->layer.kind;
    struct graph_node *const node = &graph->nodes[at];
    struct shape inputs[LAYER_INPUTS_MAX];
    name_node(graph, at);
    for (int i = 0; i < layer->input_count; i++) {
        inputs[i] = graph->values[layer->inputs[i]].shape;
        graph->values[layer->inputs[i]].readers++;
    }
    if (ops->plan(layer->layer.settings, layer->input_count, inputs, &node->plan, error) != STATUS_OK)
        return fail_within(error, "layer %s", node->name);
    graph->values[at + 1].shape = node->plan.output;
    graph->values[at + 1].size = shape_size(node->plan.output);
    graph->tensor_count += node->plan.tensor_count;
    graph->flops_per_sample += node->plan.flops_per_sample;
    return STATUS_OK;
}

/* The list of all tensors, named after their layers, and where each starts in the flat block. */
static enum status place_tensors(struct graph *graph, struct error *error)
{
    void *tensors = NULL;
    TRY(memory_allocate(&tensors, (size_t)graph->tensor_count, sizeof *graph->tensors, "tensors", error));
    graph->tensors = tensors;
    int at = 0;
    size_t offset = 0;
    for (int i = 0; i < graph->layers.count; i++) {
        struct graph_node *const node = &graph->nodes[i];
        node->first_tensor = at;
        for (int t = 0; t < node->plan.tensor_count; t++) {
            struct tensor_spec *const tensor = &graph->tensors[at++];
            *tensor = node->plan.tensors[t];
            const int length = (int)sizeof tensor->name / 2 - 1;
            snprintf(tensor->name, sizeof tensor->name, "%.*s.%.*s", length, node->name, length,
                     node->plan.tensors[t].name);
            node->parameters[t] = offset;
            offset += tensor_size(tensor);
        }
    }
    graph->parameter_count = (int64_t)offset;
    return STATUS_OK;
}

/* Takes room for max_batch times a sample's floats at the workspace's end; returns its offset. */
static size_t take(struct graph *graph, size_t per_sample, int max_batch)
{
    enum { LINE = 16 };
    const size_t offset = graph->workspace;
    graph->workspace += (per_sample * (size_t)max_batch + LINE - 1) / LINE * LINE;
    return offset;
}

static void place_buffers(struct graph *graph, int max_batch)
{
    size_t scratch = 0, partial = 0;
    for (int i = 0; i <= graph->layers.count; i++) {
        struct graph_value *const value = &graph->values[i];
        value->data = take(graph, value->size, max_batch);
        /* The input's gradient is nobody's, the logits' is the caller's. */
        value->gradient = i == 0 || i == graph->layers.count ? 0 : take(graph, value->size, max_batch);
        if (i > 0 && value->readers > 1 && value->size > partial)
            partial = value->size;
    }
    for (int i = 0; i < graph->layers.count; i++) {
        const struct layer_plan *const plan = &graph->nodes[i].plan;
        graph->nodes[i].saved = take(graph, plan->saved_per_sample, max_batch);
        if (plan->scratch_per_sample > scratch)
            scratch = plan->scratch_per_sample;
    }
    graph->scratch = take(graph, scratch, max_batch);
    graph->partial = take(graph, partial * LAYER_INPUTS_MAX, max_batch);
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
