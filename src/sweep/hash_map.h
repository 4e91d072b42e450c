/* hash_map.h - from a 128-bit hash to a number: distinct things get the numbers 0, 1, 2, ... in the order they are
 * first seen. */
#ifndef SEEDBED_SWEEP_HASH_MAP_H
#define SEEDBED_SWEEP_HASH_MAP_H

#include <stdint.h>

#include "base/hash.h"
#include "seedbed/status.h"

/* {0} is empty. */
struct hash_map {
    struct hash_slot *slots;
    int64_t capacity, count;
};

/* *number = the key's number; the next free one, map->count before the call, when the key is new. */
enum status hash_map_number(struct hash_map *map, struct hash128 key, int64_t *number, struct error *error);
void hash_map_free(struct hash_map *map);

#endif
