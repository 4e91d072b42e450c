#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "network/model.h"

static enum status layer_list_reserve(struct layer_list *list, struct error *error)
{
    if (list->count < list->capacity)
        return STATUS_OK;
    const int capacity = 2 * list->capacity + 8;
    void *nodes = NULL;
    TRY(memory_allocate(&nodes, (size_t)capacity, sizeof *list->nodes, "layers", error));
    if (list->count > 0)
        memcpy(nodes, list->nodes, (size_t)list->count * sizeof *list->nodes);
    memory_free(list->nodes);
    list->nodes = nodes;
    list->capacity = capacity;
    return STATUS_OK;
}

enum status layer_list_add(struct layer_list *list, const struct layer_ops *ops, const void *settings,
                           size_t settings_bytes, struct error *error)
{
    assert(settings_bytes <= CHOICE_BYTES);
    TRY(layer_list_reserve(list, error));
    struct layer_node *const node = &list->nodes[list->count];
    *node = (struct layer_node){.layer.kind = &ops->kind, .input_count = 1, .inputs = {list->count}};
    memcpy(node->path, list->path, sizeof node->path);
    if (settings_bytes > 0)
        memcpy(node->layer.settings, settings, settings_bytes);
    list->count++;
    return STATUS_OK;
}

void layer_list_inputs(struct layer_list *list, int count, const int *inputs)
{
    assert(list->count > 0 && count >= 1 && count <= LAYER_INPUTS_MAX);
    struct layer_node *const node = &list->nodes[list->count - 1];
    node->input_count = count;
    for (int i = 0; i < count; i++) {
        assert(inputs[i] >= 0 && inputs[i] < list->count);
        node->inputs[i] = inputs[i];
    }
}

void layer_list_rewire(struct layer_list *list, int layer, int output)
{
    assert(layer >= 0 && layer < list->count && output >= 0 && output <= layer);
    list->nodes[layer].input_count = 1;
    list->nodes[layer].inputs[0] = output;
}

void layer_list_free(struct layer_list *list)
{
    memory_free(list->nodes);
    *list = (struct layer_list){0};
}
