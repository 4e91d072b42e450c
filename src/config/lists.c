/* lists.c - copies in an arena, found again by a hash of their bytes in an open table that is at most half full. */
#include "config/lists.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "config/tree.h"

struct kept {
    const void *value; /* NULL: a free slot */
    size_t bytes;
    uint64_t hash;
};

/* The slot that holds an equal value, or the free one where it belongs. */
static struct kept *find_slot(const struct config_lists *lists, const struct kept *wanted)
{
    uint64_t at = wanted->hash % lists->capacity;
    for (;; at = (at + 1) % lists->capacity) {
        struct kept *const slot = &lists->slots[at];
        if (slot->value == NULL || (slot->hash == wanted->hash && slot->bytes == wanted->bytes &&
                                    memcmp(slot->value, wanted->value, wanted->bytes) == 0))
            return slot;
    }
}

static bool grow(struct config_lists *lists)
{
    const struct config_lists before = *lists;
    void *slots = NULL;
    if (lists->arena == NULL && tree_arena_create(&lists->arena, NULL) != STATUS_OK)
        return false;
    const uint64_t capacity = before.capacity == 0 ? 64 : 2 * before.capacity;
    if (memory_allocate(&slots, capacity, sizeof *lists->slots, "lists", NULL) != STATUS_OK)
        return false;
    lists->slots = slots;
    lists->capacity = capacity;
    for (uint64_t i = 0; i < before.capacity; i++)
        if (before.slots[i].value != NULL)
            *find_slot(lists, &before.slots[i]) = before.slots[i];
    memory_free(before.slots);
    return true;
}

const void *config_lists_keep(struct config_lists *lists, const void *value, size_t bytes)
{
    struct kept kept = {.value = value, .bytes = bytes, .hash = hash_bytes64(value, bytes, 0)};
    if (2 * lists->count >= lists->capacity && !grow(lists))
        return NULL;
    struct kept *const slot = find_slot(lists, &kept);
    if (slot->value != NULL)
        return slot->value;
    void *room = tree_arena_room(lists->arena, bytes);
    if (room == NULL)
        return NULL;
    kept.value = memcpy(room, value, bytes);
    *slot = kept;
    lists->count++;
    return room;
}

void config_lists_free(struct config_lists *lists)
{
    memory_free(lists->slots);
    tree_arena_destroy(&lists->arena);
    *lists = (struct config_lists){0};
}
