/* fuzz_idx.c - any bytes as an IDX file: a status, never a crash, a leak or memory that the file cannot fill. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const char *path, int rank)
{
    struct error error = {0};
    struct idx_file *file = NULL;
    uint8_t *values = NULL;
    if (idx_open(path, rank, &file, &error) == STATUS_OK &&
        memory_allocate((void **)&values, idx_bytes(file), 1, "values", &error) == STATUS_OK)
        idx_read(file, values, &error);
    memory_free(values);
    idx_close(&file);
    if (memory_balance() != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int descriptor = memfd_create("idx", 0);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    read_as(path, 1);
    read_as(path, 3);
    close(descriptor);
    return 0;
}
