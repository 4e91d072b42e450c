/* compare.c - a unit's rows now against those in a file, bit for bit: for a check that a sweep can be repeated. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "results/reader.h"
#include "results/row.h"
#include "results/texts.h"

/* One value as text; what is not a number is not shown. */
static void describe_value(enum results_type type, const unsigned char *value, char *text, size_t bytes)
{
    if (type == RESULTS_FLOAT64) {
        double number;
        memcpy(&number, value, sizeof number);
        snprintf(text, bytes, "%.17g", number);
    } else if (type == RESULTS_FLOAT32) {
        float number;
        memcpy(&number, value, sizeof number);
        snprintf(text, bytes, "%.9g", (double)number);
    } else {
        int64_t number = 0;
        memcpy(&number, value, type_bytes(type, 0));
        if (type == RESULTS_INT16)
            number = (int16_t)number;
        else if (type == RESULTS_INT32)
            number = (int32_t)number;
        snprintf(text, bytes, "%" PRId64, number);
    }
}

static void describe_difference(const char *path, const struct slab *slab, const unsigned char *then,
                                const unsigned char *now, struct text *out)
{
    if (slab->type == RESULTS_TEXT) {
        text_add(out, "%s: '%.*s' in the file, '%.*s' now\n", path, (int)slab->text_bytes, (const char *)then,
                 (int)slab->text_bytes, (const char *)now);
        return;
    }
    const size_t size = type_bytes(slab->type, slab->text_bytes);
    int64_t different = 0, first = -1;
    for (int64_t i = 0; i < slab->items; i++)
        if (memcmp(then + (size_t)i * size, now + (size_t)i * size, size) != 0) {
            first = first < 0 ? i : first;
            different++;
        }
    char before[40], after[40];
    describe_value(slab->type, then + (size_t)first * size, before, sizeof before);
    describe_value(slab->type, now + (size_t)first * size, after, sizeof after);
    text_add(out,
             "%s: %" PRId64 " of %" PRId64 " values differ, the first, number %" PRId64 ", is %s in the file, %s now\n",
             path, different, slab->items, first, before, after);
}

/* The row of a file's table that is compared. */
struct compared {
    const struct results_reader *reader;
    enum results_table table;
    int64_t row;
};

static enum status compare_slab(const struct compared *compared, const char *path, const struct slab *slab,
                                const void *now, struct text *differences, struct error *error)
{
    const struct results_reader *reader = compared->reader;
    const struct reader_array *array = reader_find(reader, path);
    const size_t bytes = (size_t)slab->bytes;
    const int64_t items = slab->type == RESULTS_TEXT ? slab->bytes : slab->items;
    if (array == NULL || !(compared->table == TABLE_PAIRS ? array->per_pair : array->per_trial) ||
        reader_slab_items(array) != items)
        return fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s of this sweep's shape", reader->path, path);
    void *then = NULL;
    TRY(memory_allocate(&then, bytes, 1, path, error));
    const hid_t type = slab->type == RESULTS_ENUM ? H5Dget_type(array->dataset) : row_memory_type(slab->type, NULL);
    enum status status = STATUS_OK;
    if (reader_read_slab(array, compared->row, type, then) < 0)
        status = h5_fail(error, STATUS_IO, reader->path, path);
    else if (memcmp(then, now, bytes) != 0)
        describe_difference(path, slab, then, now, differences);
    H5Tclose(type);
    memory_free(then);
    return status;
}

static enum status compare_ending(const struct compared *compared, const struct trial_ending *ending,
                                  struct text *differences, struct error *error)
{
    const bool pair = compared->table == TABLE_PAIRS;
    const uint8_t outcome = (uint8_t)ending->outcome;
    const struct slab byte = {.type = RESULTS_ENUM, .items = 1, .bytes = 1};
    const struct slab text = {.type = RESULTS_TEXT, .text_bytes = MESSAGE_BYTES, .items = 1, .bytes = MESSAGE_BYTES};
    char message[MESSAGE_BYTES];
    row_copy_text(message, sizeof message, ending->message);
    TRY(compare_slab(compared, pair ? "/pairs/outcome" : "/trials/outcome", &byte, &outcome, differences, error));
    return compare_slab(compared, pair ? "/pairs/message" : "/trials/message", &text, message, differences, error);
}

enum status results_compare(const struct results_reader *reader, const struct results_schema *schema, int64_t unit,
                            const struct results_row *row, const struct trial_ending *ending, struct text *differences,
                            struct error *error)
{
    const bool pair = unit >= reader->trials;
    const struct compared compared = {
        .reader = reader, .table = pair ? TABLE_PAIRS : TABLE_TRIALS, .row = pair ? unit - reader->trials : unit};
    for (int a = 0; a < schema->array_count; a++) {
        char path[PATH_BYTES];
        array_path(&schema->arrays[a], path);
        if (row->slabs[a].bytes == 0 || !schema->arrays[a].reproducible)
            continue;
        row_pad_texts(row, a);
        TRY(compare_slab(&compared, path, &row->slabs[a], row->data + row->slabs[a].offset, differences, error));
    }
    return compare_ending(&compared, ending, differences, error);
}
