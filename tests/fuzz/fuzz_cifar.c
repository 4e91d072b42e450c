/* fuzz_cifar.c - any bytes as a file of CIFAR records: a status, never a crash or a leak, and what is counted is what
 * is kept. Small images, so that short inputs hold several records, and those of CIFAR-10. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/cifar_records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cifar_layout layouts[] = {
    {.side = 2, .label_count = 2, .classes = {20, 100}, .label = 1},
    {.side = 32, .label_count = 1, .classes = {10}},
};

static void keep_all(const char *path, const struct cifar_layout *layout, int count)
{
    struct cifar_sink sink = {.room = count};
    const size_t bytes = cifar_record_bytes(layout) - (size_t)layout->label_count;
    if (memory_allocate((void **)&sink.values, (size_t)count, bytes, "values", NULL) != STATUS_OK ||
        memory_allocate((void **)&sink.labels, (size_t)count, sizeof *sink.labels, "labels", NULL) != STATUS_OK ||
        cifar_read(path, layout, &sink, NULL) != STATUS_OK || sink.count != count)
        abort();
    memory_free(sink.values);
    memory_free(sink.labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int descriptor = memfd_create("cifar", 0);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct cifar_sink counted = {0};
        struct error error = {0};
        if (cifar_read(path, &layouts[i], &counted, &error) == STATUS_OK)
            keep_all(path, &layouts[i], counted.count);
    }
    close(descriptor);
    if (memory_balance() != 0)
        abort();
    return 0;
}
