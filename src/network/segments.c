/* segments.c - a batch passes the layers in blocks of samples that stay in a core's cache: each segment of layers runs
 * on one block after another. A segment ends where a layer must see the whole batch before it goes on, and where blocks
 * of another size fit better. Blocks depend on the network alone, so that sums over them have one order. */
#include "base/memory.h"
#include "network/graph.h"

static const struct layer_ops *ops_of(const struct graph *graph, int layer)
{
    return (const struct layer_ops *)graph->layers.nodes[layer].layer.kind;
}

int graph_layer_at(const struct graph *graph, const struct graph_walk *walk, int place)
{
    return walk->back ? graph->layers.count - 1 - place : place;
}

bool graph_observes(const struct graph *graph, const struct graph_walk *walk, int place)
{
    if (!walk->observes || place == graph->layers.count)
        return false;
    const struct layer_ops *const ops = ops_of(graph, graph_layer_at(graph, walk, place));
    return walk->back ? ops->observe_back != NULL : ops->observe != NULL;
}

/* How many samples of a layer's inputs and output fit the cache; more where its weights, which pass through the cache
 * once a block, would else weigh more than they. */
static int fitting_block(const struct graph *graph, const struct graph_walk *walk, int layer, int max_batch)
{
    enum { CACHED = 1 << 18, WEIGHT = 4 };
    const struct layer_node *const node = &graph->layers.nodes[layer];
    size_t sample = graph->values[layer + 1].size;
    for (int i = 0; i < node->input_count; i++)
        sample += graph->values[node->inputs[i]].size;
    const size_t weights = WEIGHT * graph_layer_parameters(&graph->nodes[layer]);
    const size_t floats = (weights > CACHED ? weights : CACHED) / (walk->back ? 2 : 1);
    const size_t block = floats / sample + 1;
    return block < (size_t)max_batch ? (int)block : max_batch;
}

static void plan_walk(const struct graph *graph, struct graph_walk *walk, int max_batch)
{
    struct graph_segment *segment = walk->segments;
    *segment = (struct graph_segment){.block = max_batch};
    for (int place = 0; place < graph->layers.count; place++) {
        const int block = fitting_block(graph, walk, graph_layer_at(graph, walk, place), max_batch);
        const bool empty = segment->first == segment->end;
        const bool differs = block >= 2 * segment->block || 2 * block <= segment->block;
        if (graph_observes(graph, walk, place) || (!empty && differs))
            *++segment = (struct graph_segment){.first = place, .block = max_batch};
        segment->end = place + 1;
        segment->block = block < segment->block ? block : segment->block;
    }
    walk->segment_count = (int)(segment - walk->segments) + 1;
}

enum status graph_plan_segments(struct graph *graph, int max_batch, struct error *error)
{
    graph->walks[WALK_FORWARD].observes = true;
    graph->walks[WALK_BACK].observes = true;
    graph->walks[WALK_BACK].back = true;
    for (int w = 0; w < WALK_COUNT; w++) {
        void *segments = NULL;
        const size_t most = (size_t)graph->layers.count + 1;
        TRY(memory_allocate(&segments, most, sizeof(struct graph_segment), "layers", error));
        graph->walks[w].segments = segments;
        plan_walk(graph, &graph->walks[w], max_batch);
    }
    return STATUS_OK;
}
