#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static atomic_llong balance;

enum status memory_allocate(void **out, size_t count, size_t size, const char *what, struct error *error)
{
    if (size != 0 && count > (SIZE_MAX - ALIGNMENT) / size)
        return fail(error, STATUS_NO_MEMORY, "%s: %zu items of %zu bytes do not fit in memory", what, count, size);
    const size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *pointer = bytes == 0 ? NULL : aligned_alloc(ALIGNMENT, bytes);
    if (bytes != 0 && pointer == NULL)
        return fail(error, STATUS_NO_MEMORY, "%s: no memory for %zu bytes", what, bytes);
    if (pointer != NULL) {
        memset(pointer, 0, bytes);
        atomic_fetch_add(&balance, 1);
    }
    *out = pointer;
    return STATUS_OK;
}

void memory_free(void *pointer)
{
    if (pointer == NULL)
        return;
    atomic_fetch_sub(&balance, 1);
    free(pointer);
}

int64_t memory_balance(void)
{
    return atomic_load(&balance);
}
