/* cifar_records.c - a file has no header: its length in records is known at its end only, so a data set is made in two
 * passes, one that counts and one that keeps. No memory is taken on the file's word. */
#include "data/cifar_records.h"

#include <assert.h>
#include <inttypes.h>

#include "base/memory.h"
#include "data/byte_file.h"

enum { COUNT_MAX = INT32_MAX };

size_t cifar_record_bytes(const struct cifar_layout *layout)
{
    return (size_t)layout->label_count + (size_t)CIFAR_CHANNELS * (size_t)layout->side * (size_t)layout->side;
}

static enum status check_labels(const struct byte_file *file, const struct cifar_layout *layout, const uint8_t *record,
                                struct error *error)
{
    const uint64_t bytes = cifar_record_bytes(layout);
    const uint64_t start = byte_file_offset(file) - bytes;
    assert(bytes > 0);
    for (int i = 0; i < layout->label_count; i++)
        if (record[i] >= layout->classes[i])
            return fail(error, STATUS_BAD_DATA,
                        "%s: byte %" PRIu64 ": expected a label of 0 to %d before the image of record %" PRIu64
                        ", found %d",
                        byte_file_path(file), start + (uint64_t)i, layout->classes[i] - 1, start / bytes, record[i]);
    return STATUS_OK;
}

/* planes [3, pixels] -> values [pixels, 3] */
static void interleave(size_t pixels, const uint8_t *restrict planes, uint8_t *restrict values)
{
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (size_t channel = 0; channel < CIFAR_CHANNELS; channel++)
            values[pixel * CIFAR_CHANNELS + channel] = planes[channel * pixels + pixel];
}

static void keep_super(const struct cifar_layout *layout, const uint8_t *record, int16_t *supers)
{
    int16_t *const super = &supers[record[layout->label]];
    const int16_t found = record[1 - layout->label];
    *super = *super == -1 || *super == found ? found : CIFAR_DISPUTED;
}

static enum status keep_record(const struct byte_file *file, const struct cifar_layout *layout, const uint8_t *record,
                               struct cifar_sink *sink, struct error *error)
{
    const int room = sink->values == NULL ? COUNT_MAX : sink->room;
    TRY(check_labels(file, layout, record, error));
    if (sink->count == room)
        return fail(error, STATUS_BAD_DATA, "%s: byte %" PRIu64 ": expected at most %d records in all, found more",
                    byte_file_path(file), byte_file_offset(file), room);
    if (sink->values != NULL) {
        const size_t pixels = (size_t)layout->side * (size_t)layout->side;
        interleave(pixels, record + layout->label_count, sink->values + (size_t)sink->count * CIFAR_CHANNELS * pixels);
        sink->labels[sink->count] = record[layout->label];
        if (layout->grouped)
            keep_super(layout, record, sink->supers);
    }
    sink->count++;
    return STATUS_OK;
}

static enum status read_records(struct byte_file *file, const struct cifar_layout *layout, uint8_t *record,
                                struct cifar_sink *sink, struct error *error)
{
    const size_t bytes = cifar_record_bytes(layout);
    for (;;) {
        size_t count = 0;
        const uint64_t start = byte_file_offset(file);
        TRY(byte_file_read(file, record, bytes, &count, error));
        if (count == 0 && start > 0)
            return STATUS_OK;
        if (count < bytes)
            return fail(error, STATUS_BAD_DATA,
                        "%s: ends at byte %" PRIu64 ", but expected a record of %zu bytes from byte %" PRIu64
                        " on: truncated",
                        byte_file_path(file), start + count, bytes, start);
        TRY(keep_record(file, layout, record, sink, error));
    }
}

enum status cifar_read(const char *path, const struct cifar_layout *layout, struct cifar_sink *sink,
                       struct error *error)
{
    assert(layout->label < layout->label_count && layout->label_count <= CIFAR_LABELS_MAX);
    struct byte_file *file = NULL;
    uint8_t *record = NULL;
    enum status status = memory_allocate((void **)&record, cifar_record_bytes(layout), 1, "record", error);
    if (status == STATUS_OK)
        status = byte_file_open(path, &file, error);
    if (status == STATUS_OK)
        status = read_records(file, layout, record, sink, error);
    byte_file_close(&file);
    memory_free(record);
    return status;
}
