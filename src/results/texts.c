#include "results/texts.h"

#include <string.h>

#include "base/memory.h"

enum { PIECE_TEXTS = 4096 };

hid_t array_file_type(const struct results_array *array)
{
    if (array_is_letters(array))
        return h5_text_type(1);
    if (array->type == RESULTS_TEXT && array->rank > 0)
        return h5_text_type(H5T_VARIABLE);
    return h5_file_type(array->type, array->text_bytes, array->enum_names);
}

hid_t row_memory_type(enum results_type type, const char *const *enum_names)
{
    const hid_t file_type = h5_file_type(type, 1, enum_names);
    const hid_t memory_type = H5Tget_native_type(file_type, H5T_DIR_ASCEND);
    H5Tclose(file_type);
    return memory_type;
}

int array_file_shape(const struct layout *layout, const struct results_array *array, hsize_t sizes[RESULTS_RANK_MAX])
{
    for (int d = 0; d < array->rank; d++)
        sizes[d] = (hsize_t)layout->dimensions[array->dimensions[d]].size;
    if (!array_is_letters(array))
        return array->rank;
    sizes[array->rank] = array->text_bytes;
    return array->rank + 1;
}

/* Up to PIECE_TEXTS texts from `texts` on. room: for them, each with a zero byte at its end; pointers: to them */
static herr_t write_piece(hid_t dataset, hid_t type, int64_t first, hsize_t items, const char *texts, size_t bytes,
                          char *room, char **pointers)
{
    for (hsize_t i = 0; i < items; i++) {
        pointers[i] = room + i * (bytes + 1);
        memcpy(pointers[i], texts + i * bytes, bytes);
    }
    return h5_write_piece(dataset, type, (hsize_t)first, items, pointers);
}

herr_t texts_write(hid_t dataset, const void *texts, size_t bytes, int64_t count)
{
    void *room = NULL, *pointers = NULL;
    herr_t result = -1;
    if (memory_allocate(&room, PIECE_TEXTS, bytes + 1, "texts", NULL) != STATUS_OK)
        return -1;
    if (memory_allocate(&pointers, PIECE_TEXTS, sizeof(char *), "texts", NULL) != STATUS_OK)
        goto free_room;
    const hid_t type = h5_text_type(H5T_VARIABLE);
    result = 0;
    for (int64_t first = 0; first < count && result >= 0; first += PIECE_TEXTS) {
        const hsize_t items = (hsize_t)(count - first < PIECE_TEXTS ? count - first : PIECE_TEXTS);
        result = write_piece(dataset, type, first, items, (const char *)texts + (size_t)first * bytes, bytes, room,
                             pointers);
    }
    H5Tclose(type);
    memory_free(pointers);
free_room:
    memory_free(room);
    return result;
}

/* What is read of a dataset before it becomes a block of texts. */
struct raw_texts {
    hid_t dataset, type, space; /* type: in memory */
    size_t bytes;               /* of an item there */
    int64_t items;
};

static enum status read_raw(const struct raw_texts *raw, const char *path, const char *name, void **out,
                            struct error *error)
{
    TRY(memory_allocate(out, (size_t)raw->items, raw->bytes, name, error));
    if (H5Dread(raw->dataset, raw->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out) >= 0)
        return STATUS_OK;
    memory_free(*out);
    return h5_fail(error, STATUS_IO, path, name);
}

static enum status read_variable(const struct raw_texts *raw, const char *path, const char *name, char **out,
                                 size_t *bytes, struct error *error)
{
    void *memory = NULL, *texts = NULL;
    TRY(read_raw(raw, path, name, &memory, error));
    char **const pointers = memory;
    *bytes = 1;
    for (int64_t i = 0; i < raw->items; i++)
        if (pointers[i] != NULL && strlen(pointers[i]) >= *bytes)
            *bytes = strlen(pointers[i]) + 1;
    const enum status status = memory_allocate(&texts, (size_t)raw->items, *bytes, name, error);
    for (int64_t i = 0; status == STATUS_OK && i < raw->items; i++)
        if (pointers[i] != NULL)
            memcpy((char *)texts + (size_t)i * *bytes, pointers[i], strlen(pointers[i]));
    H5Dvlen_reclaim(raw->type, raw->space, H5P_DEFAULT, memory);
    memory_free(memory);
    *out = texts;
    return status;
}

/* Of fixed length, or letters: `length` of raw's items are a text. */
static enum status read_fixed(const struct raw_texts *raw, hsize_t length, const char *path, const char *name,
                              char **out, size_t *bytes, struct error *error)
{
    void *memory = NULL, *texts = NULL;
    const size_t each = raw->bytes * length;
    const size_t count = length == 0 ? 0 : (size_t)raw->items / length;
    TRY(read_raw(raw, path, name, &memory, error));
    const enum status status = memory_allocate(&texts, count, each + 1, name, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        memcpy((char *)texts + i * (each + 1), (const char *)memory + i * each, each);
    memory_free(memory);
    *bytes = each + 1;
    *out = texts;
    return status;
}

enum status texts_read(hid_t dataset, const char *path, const char *name, char **out, size_t *bytes, int64_t *count,
                       struct error *error)
{
    hsize_t sizes[H5S_MAX_RANK] = {0};
    struct raw_texts raw = {.dataset = dataset, .type = H5Dget_type(dataset), .space = H5Dget_space(dataset)};
    raw.items = H5Sget_simple_extent_npoints(raw.space);
    raw.bytes = H5Tget_size(raw.type);
    const int rank = H5Sget_simple_extent_dims(raw.space, sizes, NULL);
    const hsize_t length = raw.bytes == 1 && rank > 1 ? sizes[rank - 1] : 1;
    enum status status;
    if (H5Tget_class(raw.type) != H5T_STRING || raw.items < 0)
        status = fail(error, STATUS_BAD_RESULTS, "%s: %s is not a text", path, name);
    else if (H5Tis_variable_str(raw.type) > 0)
        status = read_variable(&raw, path, name, out, bytes, error);
    else
        status = read_fixed(&raw, length, path, name, out, bytes, error);
    if (status == STATUS_OK)
        *count = length == 0 ? 0 : raw.items / (int64_t)length;
    H5Sclose(raw.space);
    H5Tclose(raw.type);
    return status;
}
