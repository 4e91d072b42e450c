/* read.c - whole datasets, slabs of one unit, and texts. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "results/reader.h"
#include "results/texts.h"

struct numbers {
    void *data;
    int64_t count;
};

static enum status find(const struct results_reader *reader, const char *path, const struct reader_array **out,
                        struct error *error)
{
    *out = reader_find(reader, path);
    return *out != NULL ? STATUS_OK : fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s", reader->path, path);
}

static int64_t items_from(const struct reader_array *array, int first)
{
    int64_t items = 1;
    for (int d = first; d < array->rank; d++)
        items = multiply_capped(items, (int64_t)array->sizes[d]);
    return items;
}

int64_t reader_slab_items(const struct reader_array *array)
{
    return items_from(array, array->per_trial || array->per_pair ? 1 : 0);
}

herr_t reader_read_slab(const struct reader_array *array, int64_t row, hid_t memory_type, void *out)
{
    if (!array->per_trial && !array->per_pair)
        return H5Dread(array->dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
    hsize_t start[RESULTS_RANK_MAX] = {(hsize_t)row};
    hsize_t count[RESULTS_RANK_MAX];
    memcpy(count, array->sizes, sizeof count);
    count[0] = 1;
    const hid_t file_space = H5Dget_space(array->dataset);
    const hid_t memory_space = H5Screate_simple(array->rank, count, NULL);
    herr_t result = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (result >= 0)
        result = H5Dread(array->dataset, memory_type, memory_space, file_space, H5P_DEFAULT, out);
    H5Sclose(memory_space);
    H5Sclose(file_space);
    return result;
}

/* The type to read a number or enum as; negative when the dataset holds something else. An enum is read by its own
 * type: its bytes. */
static hid_t number_type(const struct reader_array *array, enum results_type type)
{
    const hid_t stored = H5Dget_type(array->dataset);
    const H5T_class_t class = H5Tget_class(stored);
    hid_t memory_type = H5I_INVALID_HID;
    if (class == H5T_ENUM && H5Tget_size(stored) == 1 && (type == RESULTS_ENUM || type == RESULTS_UINT8))
        memory_type = H5Tcopy(stored);
    else if ((class == H5T_INTEGER || class == H5T_FLOAT) && type != RESULTS_ENUM && type != RESULTS_TEXT) {
        const hid_t file_type = h5_file_type(type, 0, NULL);
        memory_type = H5Tget_native_type(file_type, H5T_DIR_ASCEND);
        H5Tclose(file_type);
    }
    H5Tclose(stored);
    return memory_type;
}

/* trial < 0: the whole array. */
static enum status read_numbers(const struct results_reader *reader, const struct reader_array *array, int64_t trial,
                                enum results_type type, struct numbers *out, struct error *error)
{
    const hid_t memory_type = number_type(array, type);
    if (memory_type < 0)
        return fail(error, STATUS_BAD_RESULTS, "%s: %s is not of a type that can be read as %s", reader->path,
                    array->path, type_name(type));
    const int64_t count = trial < 0 ? items_from(array, 0) : reader_slab_items(array);
    void *data = NULL;
    enum status status = memory_allocate(&data, (size_t)count, type_bytes(type, 0), array->path, error);
    if (status != STATUS_OK)
        goto close_type;
    const herr_t result = trial < 0 ? H5Dread(array->dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data)
                                    : reader_read_slab(array, trial, memory_type, data);
    if (result < 0) {
        memory_free(data);
        status = h5_fail(error, STATUS_IO, reader->path, array->path);
        goto close_type;
    }
    *out = (struct numbers){.data = data, .count = count};
close_type:
    H5Tclose(memory_type);
    return status;
}

enum status results_read(const struct results_reader *reader, const char *path, enum results_type type, void **out,
                         int64_t *count, struct error *error)
{
    const struct reader_array *array = NULL;
    TRY(find(reader, path, &array, error));
    struct numbers numbers = {0};
    TRY(read_numbers(reader, array, -1, type, &numbers, error));
    *out = numbers.data;
    *count = numbers.count;
    return STATUS_OK;
}

enum status results_read_unit(const struct results_reader *reader, const char *path, int64_t unit,
                              enum results_type type, void **out, int64_t *count, struct error *error)
{
    const struct reader_array *array = NULL;
    TRY(find(reader, path, &array, error));
    if (!array->per_trial && !array->per_pair)
        return fail(error, STATUS_BAD_RESULTS, "%s: %s has no dimension `trial` or `pair`", reader->path, path);
    const int64_t row = array->per_pair ? unit - reader->trials : unit;
    const int64_t rows = array->per_pair ? reader->pairs : reader->trials;
    if (row < 0 || row >= rows)
        return fail(error, STATUS_USAGE, "%s: there is no %s %lld: the file has 0 to %lld", reader->path,
                    array->per_pair ? "pair" : "trial", (long long)row, (long long)rows - 1);
    struct numbers numbers = {0};
    TRY(read_numbers(reader, array, row, type, &numbers, error));
    *out = numbers.data;
    *count = numbers.count;
    return STATUS_OK;
}

enum status results_reader_fetch(const struct results_reader *reader, const struct results_schema *schema, int array,
                                 int64_t trial, void *out, struct error *error)
{
    const struct results_array *wanted = &schema->arrays[array];
    const struct reader_array *found = NULL;
    char path[PATH_BYTES];
    array_path(wanted, path);
    TRY(find(reader, path, &found, error));
    if (!found->per_trial || reader_slab_items(found) != array_items(schema->dimensions, wanted, 1))
        return fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s of this sweep's shape", reader->path, path);
    const hid_t type = number_type(found, wanted->type);
    if (type < 0)
        return fail(error, STATUS_BAD_RESULTS, "%s: %s is not of a type that can be read as %s", reader->path, path,
                    type_name(wanted->type));
    const herr_t result = reader_read_slab(found, trial, type, out);
    H5Tclose(type);
    return result < 0 ? h5_fail(error, STATUS_IO, reader->path, path) : STATUS_OK;
}

enum status results_read_texts(const struct results_reader *reader, const char *path, char **out, size_t *text_bytes,
                               int64_t *count, struct error *error)
{
    const struct reader_array *array = NULL;
    TRY(find(reader, path, &array, error));
    return texts_read(array->dataset, reader->path, path, out, text_bytes, count, error);
}
