/* growing.h - a list of equal items that grows. */
#ifndef SEEDBED_SWEEP_GROWING_H
#define SEEDBED_SWEEP_GROWING_H

#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

/* {.size = sizeof item} is empty. Items move when it grows. */
struct growing {
    void *items;
    size_t size;
    int64_t count, capacity;
};

/* Adds a copy of the item. */
enum status growing_add(struct growing *list, const void *item, struct error *error);
void growing_free(struct growing *list);

#endif
