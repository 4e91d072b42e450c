/* hash_map.c - open addressing, at most half full; keys are hashes already. */
#include "sweep/hash_map.h"

#include <stdbool.h>

#include "base/memory.h"

struct hash_slot {
    struct hash128 key;
    int64_t number;
    bool used;
};

static struct hash_slot *slot_of(const struct hash_map *map, struct hash128 key)
{
    uint64_t at = key.low & (uint64_t)(map->capacity - 1);
    while (map->slots[at].used && (map->slots[at].key.low != key.low || map->slots[at].key.high != key.high))
        at = (at + 1) & (uint64_t)(map->capacity - 1);
    return &map->slots[at];
}

static enum status grow(struct hash_map *map, struct error *error)
{
    struct hash_map larger = {.capacity = map->capacity == 0 ? 64 : 2 * map->capacity, .count = map->count};
    void *slots = NULL;
    TRY(memory_allocate(&slots, (size_t)larger.capacity, sizeof *larger.slots, "hash map", error));
    larger.slots = slots;
    for (int64_t i = 0; i < map->capacity; i++)
        if (map->slots[i].used)
            *slot_of(&larger, map->slots[i].key) = map->slots[i];
    memory_free(map->slots);
    *map = larger;
    return STATUS_OK;
}

enum status hash_map_number(struct hash_map *map, struct hash128 key, int64_t *number, struct error *error)
{
    if (2 * (map->count + 1) > map->capacity)
        TRY(grow(map, error));
    struct hash_slot *slot = slot_of(map, key);
    if (!slot->used)
        *slot = (struct hash_slot){.key = key, .number = map->count++, .used = true};
    *number = slot->number;
    return STATUS_OK;
}

void hash_map_free(struct hash_map *map)
{
    memory_free(map->slots);
    *map = (struct hash_map){0};
}
