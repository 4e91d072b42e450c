/* placement.c - a place for everything that a pass touches.
 * What training keeps from forward to backward has room for a whole batch. Gradients, and the values of an evaluation,
 * live from one layer to another: those that never live together share room, and those that live within one segment
 * have room for a block only, which then stays in cache. Every buffer starts on a 64-byte line. */
#include <stdint.h>

#include "base/memory.h"
#include "network/graph.h"

/* count floats, rounded up so that what follows starts on a line */
static size_t whole_lines(size_t count)
{
    enum { LINE = 16 };
    return (count + LINE - 1) / LINE * LINE;
}

/* a + b, but more than any memory has stays so */
static size_t bounded(size_t a, size_t b)
{
    const size_t most = SIZE_MAX / 16;
    return a > most || b > most - a ? most : a + b;
}

/* Takes room at the workspace's end; returns its offset. */
static size_t take(struct graph *graph, size_t floats)
{
    const size_t offset = graph->workspace;
    graph->workspace = bounded(offset, whole_lines(floats));
    return offset;
}

/* A value that lives at the places start..end of a walk. */
struct tenant {
    int start, end;
    size_t floats;
    struct graph_place *place;
};

static bool overlap(const struct tenant *a, const struct tenant *b)
{
    return a->start <= b->end && b->start <= a->end && a->place->offset < b->place->offset + b->floats &&
           b->place->offset < a->place->offset + a->floats;
}

/* Lets each tenant in turn have the lowest room that is free as long as it lives. Returns the end of all. */
static size_t settle(int count, const struct tenant *tenants, size_t base)
{
    size_t end = base;
    for (int i = 0; i < count; i++) {
        const struct tenant *const one = &tenants[i];
        one->place->offset = base;
        for (int j = 0; j < i; j++)
            if (overlap(one, &tenants[j])) {
                one->place->offset = tenants[j].place->offset + tenants[j].floats;
                j = -1;
            }
        const size_t behind = bounded(one->place->offset, one->floats);
        end = behind > end ? behind : end;
    }
    return end;
}

static const struct graph_segment *segment_of(const struct graph_walk *walk, int place)
{
    const struct graph_segment *segment = walk->segments;
    while (place >= segment->end)
        segment++;
    return segment;
}

/* A value written first at place start and read last at place end. Across segments whole batches live, and as long as
 * the segments do. */
static struct tenant tenant_of(const struct graph_walk *walk, int start, int end, struct graph_value *value,
                               int max_batch)
{
    const struct graph_segment *const from = segment_of(walk, start), *const to = segment_of(walk, end);
    struct graph_place *const place = walk->back ? &value->gradient : &value->passing;
    if (from == to) {
        place->step = 0;
        return (struct tenant){start, end, whole_lines(value->size * (size_t)from->block), place};
    }
    place->step = value->size;
    return (struct tenant){from->first, to->end - 1, whole_lines(value->size * (size_t)max_batch), place};
}

/* Places the values between input and logits from base on; returns the end. */
static size_t settle_walk(struct graph *graph, const struct graph_walk *walk, int max_batch, size_t base,
                          struct tenant *tenants)
{
    const int last = graph->layers.count - 1;
    int count = 0;
    for (int i = 0; i < last; i++) {
        const int producer = walk->back ? last - 1 - i : i;
        struct graph_value *const value = &graph->values[producer + 1];
        const int start = walk->back ? last - value->last_reader : producer;
        const int end = walk->back ? last - producer : value->last_reader;
        tenants[count++] = tenant_of(walk, start, end, value, max_batch);
    }
    return settle(count, tenants, base);
}

static void place_training(struct graph *graph, int max_batch)
{
    for (int i = 1; i < graph->layers.count; i++) {
        struct graph_value *const value = &graph->values[i];
        value->data = (struct graph_place){take(graph, value->size * (size_t)max_batch), value->size};
    }
}

/* The input and the logits, where callers find them whatever the walk, and what layers save. */
static void place_lasting(struct graph *graph, int max_batch)
{
    struct graph_value *const ends[] = {&graph->values[0], &graph->values[graph->layers.count]};
    for (int i = 0; i < 2; i++) {
        ends[i]->data = (struct graph_place){take(graph, ends[i]->size * (size_t)max_batch), ends[i]->size};
        ends[i]->passing = ends[i]->data;
    }
    for (int i = 0; i < graph->layers.count; i++) {
        struct graph_node *const node = &graph->nodes[i];
        node->kept = take(graph, node->plan.kept);
        node->saved = take(graph, node->plan.saved_per_sample * (size_t)max_batch);
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void place_scratch(struct graph *graph)
{
    size_t scratch = 0;
    for (int w = 0; w < WALK_COUNT; w++)
        for (int place = 0; place < graph->layers.count; place++) {
            const struct graph_walk *const walk = &graph->walks[w];
            const struct layer_plan *const plan = &graph->nodes[graph_layer_at(graph, walk, place)].plan;
            const size_t block = (size_t)segment_of(walk, place)->block;
            scratch = larger(scratch, plan->scratch_fixed + plan->scratch_per_sample * block);
        }
    graph->scratch = take(graph, scratch);
}

/* Which gradients of inputs are added: all but the one that is written first. */
static void find_added(struct graph *graph, int layer)
{
    const struct layer_node *const node = &graph->layers.nodes[layer];
    for (int i = 0; i < node->input_count; i++) {
        bool first = graph->values[node->inputs[i]].last_reader == layer;
        for (int before = 0; before < i; before++)
            first &= node->inputs[before] != node->inputs[i];
        graph->nodes[layer].adds[i] = !first;
    }
}

/* Room for gradients of a block that are then added to what is there: of inputs, and of parameters. */
static void place_partials(struct graph *graph, int max_batch)
{
    const struct graph_walk *const walk = &graph->walks[WALK_BACK];
    size_t largest = 0, parameters = 0;
    int inputs = 0;
    for (int place = 0; place < graph->layers.count; place++) {
        const int layer = graph_layer_at(graph, walk, place), block = segment_of(walk, place)->block;
        const struct layer_node *const node = &graph->layers.nodes[layer];
        find_added(graph, layer);
        if (block < max_batch && !graph_observes(graph, walk, place))
            parameters = larger(parameters, graph_layer_parameters(&graph->nodes[layer]));
        for (int i = 0; i < node->input_count; i++)
            if (graph->nodes[layer].adds[i]) {
                largest = larger(largest, graph->values[node->inputs[i]].size * (size_t)block);
                inputs = i + 1 > inputs ? i + 1 : inputs;
            }
    }
    graph->partial_stride = whole_lines(largest);
    graph->partial = take(graph, graph->partial_stride * (size_t)inputs);
    graph->partial_parameters = take(graph, parameters);
}

enum status graph_place_buffers(struct graph *graph, int max_batch, struct error *error)
{
    void *tenants = NULL;
    TRY(memory_allocate(&tenants, (size_t)graph->layers.count, sizeof(struct tenant), "layers", error));
    place_lasting(graph, max_batch);
    place_scratch(graph);
    place_partials(graph, max_batch);
    /* Training and evaluation never need their values at the same time. */
    const size_t evaluation = settle_walk(graph, &graph->walks[WALK_EVALUATE], max_batch, graph->workspace, tenants);
    place_training(graph, max_batch);
    const size_t training = settle_walk(graph, &graph->walks[WALK_BACK], max_batch, graph->workspace, tenants);
    graph->workspace = larger(evaluation, training);
    memory_free(tenants);
    return STATUS_OK;
}
