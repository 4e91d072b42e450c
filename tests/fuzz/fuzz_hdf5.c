/* fuzz_hdf5.c - any bytes as an HDF5 file with a data set: a status with a message that names the file, or a data set
 * whose labels are in range; never a crash, a leak, or more memory than the file's size allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a process that reads one takes at most, sanitized or not: the inputs are of some kB. */
enum { READER_KB_MAX = 512 * 1024 };

static void check_labels(const struct dataset *dataset)
{
    for (int part = 0; part < PART_COUNT; part++)
        for (int i = 0; i < dataset->shape.count[part]; i++)
            if (dataset_labels_const(dataset, part)[i] < 0 ||
                dataset_labels_const(dataset, part)[i] >= dataset->shape.classes)
                abort();
}

static void load(const char *path)
{
    struct data_config config = {.source = {.kind = kind_find(&dataset_table, "hdf5")}};
    struct error error = {0};
    struct dataset *dataset = NULL;
    /* The settings of the source: path, then group. */
    snprintf((char *)config.source.settings, FIELD_TEXT_BYTES, "%s", path);
    snprintf((char *)config.source.settings + FIELD_TEXT_BYTES, FIELD_TEXT_BYTES, "/");
    if (data_load(&config, 0, &dataset, &error) == STATUS_OK)
        check_labels(dataset);
    else if (dataset != NULL || strstr(error.text, path) == NULL)
        abort();
    dataset_destroy(&dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct rusage used;
    const int descriptor = memfd_create("hdf5", 0);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    load(path);
    close(descriptor);
    if (memory_balance() != 0 || getrusage(RUSAGE_CHILDREN, &used) != 0 || used.ru_maxrss > READER_KB_MAX)
        abort();
    return 0;
}
