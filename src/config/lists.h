/* lists.h - where the items of a config's lists live. A config lends them and stays plain data; equal ones are kept
 * once, so that a grid takes the room of its distinct items, not of its points. */
#ifndef SEEDBED_CONFIG_LISTS_H
#define SEEDBED_CONFIG_LISTS_H

#include <stddef.h>
#include <stdint.h>

struct tree_arena;
struct kept;

/* {0} is empty. */
struct config_lists {
    struct tree_arena *arena;
    struct kept *slots;
    uint64_t capacity, count;
};

/* A lasting copy of the value, the same for equal bytes: lent until config_lists_free. NULL without memory. */
const void *config_lists_keep(struct config_lists *lists, const void *value, size_t bytes);
void config_lists_free(struct config_lists *lists);

#endif
