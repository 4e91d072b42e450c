/* row.c - one trial's rows in memory: the slabs of all row columns, one after another in one block. */
#include "results/row.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { SLAB_ALIGNMENT = 64 };

static int64_t padded(int64_t bytes)
{
    return add_capped(bytes, SLAB_ALIGNMENT - 1) / SLAB_ALIGNMENT * SLAB_ALIGNMENT;
}

static void measure_slabs(const struct results_schema *schema, enum results_table table, struct results_row *row)
{
    int64_t offset = 0;
    for (int a = 0; a < row->slab_count; a++) {
        const struct results_array *array = &schema->arrays[a];
        struct slab *slab = &row->slabs[a];
        slab->type = array->type;
        slab->text_bytes = array->text_bytes;
        slab->offset = offset;
        if (!array_is_row_of(array, schema->pair_dimension, table))
            continue;
        slab->items = array_items(schema->dimensions, array, 1);
        slab->bytes = multiply_capped(slab->items, (int64_t)type_bytes(array->type, array->text_bytes));
        offset = add_capped(offset, padded(slab->bytes));
        const int64_t numbers[] = {array->type, slab->items, slab->bytes};
        row->layout = hash_bytes64(array->group, strlen(array->group), row->layout);
        row->layout = hash_bytes64(array->name, strlen(array->name), row->layout);
        row->layout = hash_bytes64(numbers, sizeof numbers, row->layout);
    }
    row->bytes = offset;
}

void results_memory(const struct results_schema *schema, enum results_table table, int64_t *row, int64_t *fixed)
{
    *row = multiply_capped(schema->array_count, sizeof(struct slab));
    *fixed = 0;
    for (int a = 0; a < schema->array_count; a++) {
        const struct results_array *array = &schema->arrays[a];
        const bool is_row = array_is_row_of(array, schema->pair_dimension, table);
        const int64_t items = array_items(schema->dimensions, array, is_row ? 1 : 0);
        int64_t *sum = is_row ? row : fixed;
        if (is_row || !array_is_row(array))
            *sum =
                add_capped(*sum, padded(multiply_capped(items, (int64_t)type_bytes(array->type, array->text_bytes))));
    }
}

enum status results_row_create(const struct results_schema *schema, enum results_table table, struct results_row **out,
                               struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct results_row), "row of results", error));
    struct results_row *row = memory;
    row->slab_count = schema->array_count;
    enum status status = memory_allocate(&memory, (size_t)row->slab_count, sizeof *row->slabs, "row of results", error);
    if (status == STATUS_OK) {
        row->slabs = memory;
        measure_slabs(schema, table, row);
        status = memory_allocate(&memory, 1, (size_t)row->bytes, "rows of results", error);
    }
    if (status != STATUS_OK) {
        results_row_destroy(&row);
        return status;
    }
    row->data = memory;
    results_row_clear(row);
    *out = row;
    return STATUS_OK;
}

void results_row_destroy(struct results_row **row)
{
    if (*row == NULL)
        return;
    memory_free((*row)->data);
    memory_free((*row)->slabs);
    memory_free(*row);
    *row = NULL;
}

void results_row_clear(struct results_row *row)
{
    for (int a = 0; a < row->slab_count; a++) {
        const struct slab *slab = &row->slabs[a];
        if (slab->bytes > 0)
            fill_absent(slab->type, slab->text_bytes, slab->items, row->data + slab->offset);
    }
}

void *results_row_data(struct results_row *row, int array)
{
    return row->slabs[array].bytes == 0 ? NULL : row->data + row->slabs[array].offset;
}

void *results_row_bytes(struct results_row *row, size_t *bytes)
{
    *bytes = (size_t)row->bytes;
    return row->data;
}

uint64_t results_row_layout(const struct results_row *row)
{
    return row->layout;
}

void row_pad_texts(const struct results_row *row, int array)
{
    const struct slab *slab = &row->slabs[array];
    if (slab->type != RESULTS_TEXT)
        return;
    for (int64_t i = 0; i < slab->items; i++) {
        char *text = (char *)(row->data + slab->offset) + (size_t)i * slab->text_bytes;
        const size_t length = strnlen(text, slab->text_bytes);
        memset(text + length, 0, slab->text_bytes - length);
    }
}

void row_copy_text(char *out, size_t bytes, const char *text)
{
    size_t length = 0;
    memset(out, 0, bytes);
    while (length < bytes && text[length] != '\0') {
        const unsigned char lead = (unsigned char)text[length];
        const size_t size = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 ? 3 : 2;
        bool good = lead < 0x80 || (lead >= 0xc2 && lead < 0xf5);
        for (size_t i = 1; i < size && good; i++)
            good = ((unsigned char)text[length + i] & 0xc0) == 0x80;
        if (good && length + size > bytes)
            return;
        for (size_t i = 0; i < (good ? size : 1); i++)
            out[length + i] = good ? text[length + i] : '?';
        length += good ? size : 1;
    }
}
