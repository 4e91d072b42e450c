/* memory.c - each block has a line of its own in front, which holds its size. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory_left.h"

/* Blocks from here on are not taken when they are not there: the kernel would promise them, then kill the process. */
enum { ALIGNMENT = 64, LARGE = 1 << 24 };

static atomic_llong balance, in_use, peak;

static void count_bytes(long long bytes)
{
    const long long now = atomic_fetch_add(&in_use, bytes) + bytes;
    long long most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now))
        ;
}

enum status memory_allocate(void **out, size_t count, size_t size, const char *what, struct error *error)
{
    if (size != 0 && count > (SIZE_MAX / 2 - ALIGNMENT) / size)
        return fail(error, STATUS_NO_MEMORY, "%s: %zu items of %zu bytes do not fit in memory", what, count, size);
    const size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *out = NULL;
    if (bytes == 0)
        return STATUS_OK;
    if (bytes >= LARGE && (double)bytes > memory_left())
        return fail(
            error, STATUS_NO_MEMORY,
            "%s: no memory for %zu bytes: %.0f are left on this node; use fewer ranks a node, or a smaller batch", what,
            bytes, memory_left());
    char *line = aligned_alloc(ALIGNMENT, ALIGNMENT + bytes);
    if (line == NULL)
        return fail(error, STATUS_NO_MEMORY, "%s: no memory for %zu bytes", what, bytes);
    memset(line, 0, ALIGNMENT + bytes);
    const long long whole = (long long)(ALIGNMENT + bytes);
    memcpy(line, &whole, sizeof whole);
    count_bytes(whole);
    atomic_fetch_add(&balance, 1);
    *out = line + ALIGNMENT;
    return STATUS_OK;
}

void memory_free(void *pointer)
{
    if (pointer == NULL)
        return;
    char *const line = (char *)pointer - ALIGNMENT;
    long long whole = 0;
    memcpy(&whole, line, sizeof whole);
    count_bytes(-whole);
    atomic_fetch_sub(&balance, 1);
    free(line);
}

int64_t memory_balance(void)
{
    return atomic_load(&balance);
}

int64_t memory_in_use(void)
{
    return atomic_load(&in_use);
}

int64_t memory_peak(void)
{
    return atomic_load(&peak);
}
