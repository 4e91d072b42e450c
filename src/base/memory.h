/* memory.h - counted, zeroed, 64-byte aligned memory. */
#ifndef SEEDBED_BASE_MEMORY_H
#define SEEDBED_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

/* *out = zeroed room for count items of size bytes, owned by the caller; NULL for none. `what` names it in the message.
 * Any rank, any thread. */
enum status memory_allocate(void **out, size_t count, size_t size, const char *what, struct error *error);

/* Takes NULL. */
void memory_free(void *pointer);

/* Blocks allocated and not yet freed: zero at exit, or something leaked. */
int64_t memory_balance(void);

/* Bytes of all blocks now, and the most there ever were in this process; with the line of 64 bytes that each block has
 * in front. What libraries take is not counted. */
int64_t memory_in_use(void);
int64_t memory_peak(void);

#endif
