/* checksum.c - a unit's checksum from the file alone: XXH3-64 over the slabs of all reproducible row columns in the
 * order of their paths, then outcome, then message, each seeded with the hash so far. As the commit computes it. */
#include "base/hash.h"
#include "base/memory.h"
#include "results/reader.h"

static enum status add_array(const struct results_reader *reader, const struct reader_array *array, int64_t row,
                             uint64_t *checksum, struct error *error)
{
    const hid_t type = H5Dget_type(array->dataset);
    const int64_t bytes = multiply_capped(reader_slab_items(array), (int64_t)H5Tget_size(type));
    void *data = NULL;
    enum status status = memory_allocate(&data, (size_t)bytes, 1, array->path, error);
    if (status == STATUS_OK && reader_read_slab(array, row, type, data) < 0)
        status = h5_fail(error, STATUS_IO, reader->path, array->path);
    if (status == STATUS_OK)
        *checksum = hash_bytes64(data, (size_t)bytes, *checksum);
    memory_free(data);
    H5Tclose(type);
    return status;
}

enum status results_checksum(const struct results_reader *reader, int64_t unit, uint64_t *out, struct error *error)
{
    if (unit < 0 || unit >= reader->trials + reader->pairs)
        return fail(error, STATUS_USAGE, "%s: there is no trial %lld: the file has 0 to %lld", reader->path,
                    (long long)unit, (long long)reader->trials - 1);
    const bool pair = unit >= reader->trials;
    const int64_t row = pair ? unit - reader->trials : unit;
    uint64_t checksum = 0;
    for (int a = 0; a < reader->array_count; a++) {
        const struct reader_array *array = &reader->arrays[a];
        if (array->row && array->reproducible && (pair ? array->per_pair : array->per_trial))
            TRY(add_array(reader, array, row, &checksum, error));
    }
    static const char *const last[][TABLE_COUNT] = {{"/trials/outcome", "/pairs/outcome"},
                                                    {"/trials/message", "/pairs/message"}};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        const char *path = last[i][pair ? TABLE_PAIRS : TABLE_TRIALS];
        const struct reader_array *array = reader_find(reader, path);
        if (array == NULL)
            return fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s", reader->path, path);
        TRY(add_array(reader, array, row, &checksum, error));
    }
    *out = checksum;
    return STATUS_OK;
}
