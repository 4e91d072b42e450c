/* linear_part.c - a layer's weights as a linear map in evaluation mode, batch normalisation right behind it folded in.
 */
#include <string.h>

#include "network/build.h"
#include "network/passes.h"

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
    const struct layer_pass pass = network_layer_pass(network, reader, 1, PASS_EVALUATE);
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
