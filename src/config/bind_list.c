/* bind_list.c - lists of items. Each item is bound in a room of its own and then kept; a list within an item is kept
 * before it, so that equal items have equal bytes. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/binder.h"

static size_t item_bytes(const struct field *list)
{
    if (list->item->type == FIELD_SECTION)
        return list->item_bytes;
    return list->item->type == FIELD_CHOICE ? sizeof(struct choice) : sizeof(struct item_list);
}

static int list_depth(const struct slot *slot)
{
    int depth = 0;
    for (; slot != NULL && slot->field != NULL; slot = slot->up)
        depth += slot->field->type == FIELD_LIST;
    return depth;
}

bool slot_has_no_stray(const struct slot *slot, const char *word)
{
    const struct tree_node *node = slot->node;
    if (node->stray == NULL)
        return true;
    if (node->count == 0)
        slot_fault(slot, node->stray, "there is no %s %d: the list is empty", word, node->stray_index);
    else
        slot_fault(slot, node->stray, "there is no %s %d: the list has %d, numbered 0 to %d", word, node->stray_index,
                   node->count, node->count - 1);
    return false;
}

/* Whether the value is a list of bearable length and depth, into which every dotted path found its way. */
static bool check_list(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    const char *word = slot->field->item->name;
    if (node->type == TREE_MAP) {
        slot_fault(slot, node, "is a list of %ss, not a map; write [..., ...], or each %s behind a '-'", word, word);
        return false;
    }
    if (!slot_is_list(slot) || !slot_has_room(slot, node, 0, node->count))
        return false;
    if (node->count > 0 && list_depth(slot) > FIELD_LIST_DEPTH) {
        slot_fault(slot, node, "lists lie more than %d deep in each other; write fewer within others",
                   FIELD_LIST_DEPTH);
        return false;
    }
    return slot_has_no_stray(slot, word);
}

/* Binds item i in the room and returns where it is kept; NULL and a fault without memory. */
static const void *bind_item(const struct slot *list, int i, void *room)
{
    char number[12];
    const size_t bytes = item_bytes(list->field);
    snprintf(number, sizeof number, "%d", i);
    memset(room, 0, bytes);
    const struct slot slot = {.binder = list->binder,
                              .up = list,
                              .name = number,
                              .field = list->field->item,
                              .node = list->node->items[i],
                              .out = room};
    bind_value(&slot);
    const void *const kept = config_lists_keep(list->binder->lists, room, bytes);
    if (kept == NULL)
        slot_fault(&slot, slot.node, "no memory for the list");
    return kept;
}

void bind_list(const struct slot *slot)
{
    const void *items[FIELD_LIST_MAX];
    struct item_list *const list = slot->out;
    void *room = NULL;
    memset(list, 0, sizeof *list);
    if (!check_list(slot) || slot->node->count == 0)
        return;
    if (memory_allocate(&room, 1, item_bytes(slot->field), "list", NULL) != STATUS_OK) {
        slot_fault(slot, slot->node, "no memory for the list");
        return;
    }
    bool good = true;
    for (int i = 0; good && i < slot->node->count; i++) {
        items[i] = bind_item(slot, i, room);
        good = items[i] != NULL;
    }
    memory_free(room);
    if (!good)
        return;
    list->items = config_lists_keep(slot->binder->lists, items, (size_t)slot->node->count * sizeof *items);
    if (list->items == NULL)
        slot_fault(slot, slot->node, "no memory for the list");
    else
        list->count = slot->node->count;
}
