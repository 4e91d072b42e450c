/* check.c - whether a file is laid out as a schema says: the same arrays, of the same types and shapes.
 * What was written when the file was made and is never written again may differ where a resumed run may: in the
 * length of texts, and in all that is not reproducible (provenance). */
#include <string.h>

#include "results/reader.h"
#include "results/texts.h"

static void describe_shape(int rank, const hsize_t *sizes, struct text *out)
{
    text_add(out, "[");
    for (int d = 0; d < rank; d++)
        text_add(out, d == 0 ? "%llu" : ", %llu", (unsigned long long)sizes[d]);
    text_add(out, "]");
}

static bool same_shape(const struct reader_array *found, int rank, const hsize_t *sizes)
{
    return found->rank == rank && (rank == 0 || memcmp(found->sizes, sizes, (size_t)rank * sizeof *sizes) == 0);
}

static enum status shape_failure(const struct results_reader *reader, const struct reader_array *found, int rank,
                                 const hsize_t *sizes, struct error *error)
{
    struct text there = {0}, wanted = {0};
    describe_shape(found->rank, found->sizes, &there);
    describe_shape(rank, sizes, &wanted);
    const enum status status =
        fail(error, STATUS_BAD_RESULTS, "%s: was made for another sweep: %s has the shape %s, this sweep needs %s",
             reader->path, found->path, there.data, wanted.data);
    text_free(&there);
    text_free(&wanted);
    return status;
}

static bool is_contiguous(const struct reader_array *found)
{
    const hid_t properties = H5Dget_create_plist(found->dataset);
    const bool contiguous = H5Pget_layout(properties) == H5D_CONTIGUOUS;
    H5Pclose(properties);
    return contiguous;
}

static bool same_type(const struct reader_array *found, const struct results_array *array)
{
    const hid_t stored = H5Dget_type(found->dataset);
    const hid_t wanted = array_file_type(array);
    bool same = H5Tequal(stored, wanted) > 0;
    if (array->type == RESULTS_TEXT && array->rank == 0)
        same = H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) == 0;
    H5Tclose(wanted);
    H5Tclose(stored);
    return same;
}

static bool may_differ(const struct results_array *array)
{
    return !array_is_row(array) && !array->reproducible;
}

/* Whether a reader takes it for the same: a checksum covers what is found so. */
static bool same_part(const struct layout *layout, int index, const struct reader_array *found)
{
    const struct results_array *array = &layout->arrays[index];
    const int first = array->rank > 0 ? array->dimensions[0] : -1;
    const bool row = index < layout->schema_array_count && array_is_row(array);
    return found->row == row && found->reproducible == array->reproducible && found->per_trial == (first == 0) &&
           found->per_pair == (layout->pair_dimension > 0 && first == layout->pair_dimension);
}

static enum status check_array(const struct results_reader *reader, const struct layout *layout, int index,
                               struct error *error)
{
    const struct results_array *array = &layout->arrays[index];
    if (may_differ(array))
        return STATUS_OK;
    char path[PATH_BYTES];
    array_path(array, path);
    const struct reader_array *found = reader_find(reader, path);
    if (found == NULL)
        return fail(error, STATUS_BAD_RESULTS, "%s: was made for another sweep: it has no %s", reader->path, path);
    hsize_t sizes[RESULTS_RANK_MAX];
    const int rank = array_file_shape(layout, array, sizes);
    if (!same_shape(found, rank, sizes))
        return shape_failure(reader, found, rank, sizes, error);
    if (!same_type(found, array))
        return fail(error, STATUS_BAD_RESULTS, "%s: was made for another sweep: %s is not of type %s", reader->path,
                    path, type_name(array->type));
    if (!same_part(layout, index, found))
        return fail(error, STATUS_BAD_RESULTS,
                    "%s: is damaged: an attribute of %s, or its first dimension, is not what it was", reader->path,
                    path);
    if (!is_contiguous(found))
        return fail(error, STATUS_BAD_RESULTS,
                    "%s: is a compressed copy, which can be read but not written: %s is not "
                    "contiguous",
                    reader->path, path);
    return STATUS_OK;
}

static bool layout_has(const struct layout *layout, const char *path)
{
    char other[PATH_BYTES];
    for (int a = 0; a < layout->array_count; a++) {
        array_path(&layout->arrays[a], other);
        if (strcmp(other, path) == 0)
            return true;
    }
    return false;
}

enum status results_check_schema(const struct results_reader *reader, const struct results_schema *schema,
                                 struct error *error)
{
    struct layout *layout = NULL;
    TRY(layout_create(schema, &layout, error));
    enum status status = STATUS_OK;
    for (int a = 0; a < layout->array_count && status == STATUS_OK; a++)
        status = check_array(reader, layout, a, error);
    for (int a = 0; a < reader->array_count && status == STATUS_OK; a++)
        if (reader->arrays[a].reproducible && !layout_has(layout, reader->arrays[a].path))
            status = fail(error, STATUS_BAD_RESULTS, "%s: was made for another sweep: this one has no %s", reader->path,
                          reader->arrays[a].path);
    layout_destroy(&layout);
    return status;
}
