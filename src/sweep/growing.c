#include "sweep/growing.h"

#include <string.h>

#include "base/memory.h"

static enum status reserve(struct growing *list, struct error *error)
{
    if (list->count < list->capacity)
        return STATUS_OK;
    const int64_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
    void *items = NULL;
    TRY(memory_allocate(&items, (size_t)capacity, list->size, "list", error));
    if (list->count > 0)
        memcpy(items, list->items, (size_t)list->count * list->size);
    memory_free(list->items);
    list->items = items;
    list->capacity = capacity;
    return STATUS_OK;
}

enum status growing_add(struct growing *list, const void *item, struct error *error)
{
    TRY(reserve(list, error));
    memcpy((char *)list->items + (size_t)list->count * list->size, item, list->size);
    list->count++;
    return STATUS_OK;
}

void growing_free(struct growing *list)
{
    memory_free(list->items);
    *list = (struct growing){.size = list->size};
}
