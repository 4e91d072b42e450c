/* create.c - lays a file out: every group, dimension scale, dataset and attribute that it will ever have.
 * Contiguous, allocated early, never filled: rows that nobody wrote are holes, and the metadata is final.
 * Creation order is tracked, time stamps are not: the same schema makes the same bytes, and netCDF-4 can read them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/memory.h"
#include "results/h5.h"
#include "results/patient.h"
#include "results/publish.h"
#include "results/texts.h"

/* Guesses on the safe side for results_measure. TEXT_BYTES: of a text of variable length, beside itself. */
enum { TEXT_BYTES = 48, FILE_METADATA_BYTES = 16384, DATASET_METADATA_BYTES = 4096, PIECE_ITEMS = 65536 };

struct creation {
    const char *path; /* the name that it will have */
    const struct layout *layout;
    hid_t file;
    hid_t group_properties, dataset_properties, text_properties, type_properties;
    hid_t *scales; /* [dimension_count] */
};

static int64_t layout_bytes(const struct layout *layout)
{
    int64_t bytes = FILE_METADATA_BYTES;
    for (int d = 0; d < layout->dimension_count; d++) {
        const struct results_dimension *dimension = &layout->dimensions[d];
        const enum results_type type = dimension->coordinates == NULL ? RESULTS_INT64 : dimension->type;
        const int64_t item = (int64_t)type_bytes(type, dimension->text_bytes) + TEXT_BYTES * (type == RESULTS_TEXT);
        bytes = add_capped(bytes, add_capped(multiply_capped(dimension->size, item), DATASET_METADATA_BYTES));
    }
    for (int a = 0; a < layout->array_count; a++) {
        const struct results_array *array = &layout->arrays[a];
        const bool variable = array->type == RESULTS_TEXT && !array_is_row(array);
        const int64_t item = (int64_t)type_bytes(array->type, array->text_bytes) + TEXT_BYTES * variable;
        const int64_t data = multiply_capped(array_items(layout->dimensions, array, 0), item);
        bytes = add_capped(bytes, add_capped(data, DATASET_METADATA_BYTES));
    }
    return bytes;
}

enum status results_measure(const struct results_schema *schema, int64_t *bytes, struct error *error)
{
    struct layout *layout = NULL;
    TRY(layout_create(schema, &layout, error));
    *bytes = layout_bytes(layout);
    layout_destroy(&layout);
    return STATUS_OK;
}

/* Writes 0, 1, ... into a dataset with one dimension of int64. */
static herr_t write_counting(hid_t dataset, hsize_t count)
{
    void *memory = NULL;
    if (memory_allocate(&memory, PIECE_ITEMS, sizeof(int64_t), "coordinates", NULL) != STATUS_OK)
        return -1;
    int64_t *piece = memory;
    herr_t result = 0;
    for (hsize_t first = 0; first < count && result >= 0; first += PIECE_ITEMS) {
        const hsize_t items = count - first < PIECE_ITEMS ? count - first : PIECE_ITEMS;
        for (hsize_t i = 0; i < items; i++)
            piece[i] = (int64_t)(first + i);
        result = h5_write_piece(dataset, H5T_NATIVE_INT64, first, items, piece);
    }
    memory_free(memory);
    return result;
}

/* Of the few rows of /sessions. */
static herr_t write_empty_texts(hid_t dataset, hid_t memory_type, size_t bytes)
{
    void *zeros = NULL;
    if (memory_allocate(&zeros, bytes, 1, "initial values", NULL) != STATUS_OK)
        return -1;
    const herr_t result = H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros);
    memory_free(zeros);
    return result;
}

/* Writes the initial value of an own column, so that it does not rest on holes that read as zero. */
static herr_t write_initial(hid_t dataset, hid_t memory_type, const struct results_array *array, hsize_t count,
                            enum initial initial)
{
    void *piece = NULL;
    const size_t item = type_bytes(array->type, array->text_bytes);
    if (array_is_letters(array))
        return write_empty_texts(dataset, memory_type, (size_t)count * item);
    const hsize_t most = count < PIECE_ITEMS ? count : PIECE_ITEMS;
    if (memory_allocate(&piece, (size_t)most, item, "initial values", NULL) != STATUS_OK)
        return -1;
    if (initial == INITIAL_ABSENT)
        fill_absent(array->type, array->text_bytes, (int64_t)most, piece);
    herr_t result = 0;
    for (hsize_t first = 0; first < count && result >= 0; first += most)
        result = h5_write_piece(dataset, memory_type, first, count - first < most ? count - first : most, piece);
    memory_free(piece);
    return result;
}

static herr_t describe(hid_t dataset, const char *units, const char *long_name)
{
    if (h5_attribute_text(dataset, "units", units) < 0)
        return -1;
    return h5_attribute_text(dataset, "long_name", long_name);
}

static hid_t create_dataset(const struct creation *creation, const char *path, hid_t type, int rank,
                            const hsize_t *sizes)
{
    const hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, sizes, NULL);
    const bool variable = H5Tis_variable_str(type) > 0;
    const hid_t dataset = H5Dcreate2(creation->file, path, type, space, H5P_DEFAULT,
                                     variable ? creation->text_properties : creation->dataset_properties, H5P_DEFAULT);
    H5Sclose(space);
    return dataset;
}

static herr_t write_coordinates(hid_t dataset, const struct results_dimension *dimension, hid_t type)
{
    if (dimension->coordinates == NULL)
        return write_counting(dataset, (hsize_t)dimension->size);
    if (dimension->type == RESULTS_TEXT)
        return texts_write(dataset, dimension->coordinates, dimension->text_bytes, dimension->size);
    const hid_t memory_type = H5Tget_native_type(type, H5T_DIR_ASCEND);
    const herr_t result = H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, dimension->coordinates);
    H5Tclose(memory_type);
    return result;
}

static herr_t create_scale(struct creation *creation, int index)
{
    const struct results_dimension *dimension = &creation->layout->dimensions[index];
    const enum results_type kind = dimension->coordinates == NULL ? RESULTS_INT64 : dimension->type;
    const hsize_t size = (hsize_t)dimension->size;
    const hid_t type = kind == RESULTS_TEXT ? h5_text_type(H5T_VARIABLE) : h5_file_type(kind, 0, NULL);
    const hid_t dataset = create_dataset(creation, dimension->name, type, 1, &size);
    creation->scales[index] = dataset;
    herr_t result = -1;
    if (dataset >= 0 && write_coordinates(dataset, dimension, type) >= 0 &&
        H5DSset_scale(dataset, dimension->name) >= 0)
        result = describe(dataset, dimension->units, dimension->long_name);
    /* netCDF-4 orders dimensions by this number. */
    if (result >= 0)
        result = h5_attribute_integer(dataset, "_Netcdf4Dimid", index);
    if (result >= 0)
        result = h5_attribute_integer(dataset, "reproducible", 1);
    H5Tclose(type);
    return result;
}

static herr_t write_content(const struct creation *creation, int index, hid_t dataset, hid_t type)
{
    const struct layout *layout = creation->layout;
    const struct results_array *array = &layout->arrays[index];
    const hid_t memory_type = H5Tget_native_type(type, H5T_DIR_ASCEND);
    const bool own = index >= layout->schema_array_count;
    herr_t result = 0;
    if (array->data != NULL && H5Tis_variable_str(type) > 0)
        result = texts_write(dataset, array->data, array->text_bytes, array_items(layout->dimensions, array, 0));
    else if (array->data != NULL)
        result = H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data);
    else if (own && layout_initial(layout, index) != INITIAL_HOLE)
        result = write_initial(dataset, memory_type, array, (hsize_t)array_items(layout->dimensions, array, 0),
                               layout_initial(layout, index));
    H5Tclose(memory_type);
    return result;
}

static const char *content_name(const struct layout *layout, int index)
{
    if (index >= layout->schema_array_count)
        return "engine";
    return array_is_row(&layout->arrays[index]) ? "row" : "fixed";
}

static herr_t annotate(const struct creation *creation, int index, hid_t dataset)
{
    const struct results_array *array = &creation->layout->arrays[index];
    if (describe(dataset, array->units, array->long_name) < 0 ||
        h5_attribute_integer(dataset, "reproducible", array->reproducible) < 0 ||
        h5_attribute_text(dataset, "content", content_name(creation->layout, index)) < 0)
        return -1;
    for (int d = 0; d < array->rank; d++)
        if (H5DSattach_scale(dataset, creation->scales[array->dimensions[d]], (unsigned)d) < 0)
            return -1;
    if (!array_is_letters(array))
        return 0;
    /* xarray makes texts of the letters by this. */
    const int letters = layout_letters(creation->layout, array->text_bytes);
    if (h5_attribute_text(dataset, "_Encoding", "utf-8") < 0)
        return -1;
    return H5DSattach_scale(dataset, creation->scales[letters], (unsigned)array->rank);
}

/* netCDF-4 sees a dataset of an enum only when its type has a name: /types/<group>_<name>. */
static hid_t array_type(const struct creation *creation, const struct results_array *array)
{
    const hid_t type = array_file_type(array);
    if (array->type != RESULTS_ENUM)
        return type;
    char path[PATH_BYTES + 8];
    snprintf(path, sizeof path, "/types/%s_%s", array->group, array->name);
    if (H5Tcommit2(creation->file, path, type, H5P_DEFAULT, creation->type_properties, H5P_DEFAULT) >= 0)
        return type;
    H5Tclose(type);
    return H5I_INVALID_HID;
}

static herr_t create_array(const struct creation *creation, int index)
{
    const struct results_array *array = &creation->layout->arrays[index];
    char path[PATH_BYTES];
    array_path(array, path);
    hsize_t sizes[RESULTS_RANK_MAX];
    const int rank = array_file_shape(creation->layout, array, sizes);
    const hid_t type = array_type(creation, array);
    if (type < 0)
        return -1;
    const hid_t dataset = create_dataset(creation, path, type, rank, sizes);
    herr_t result = dataset < 0 ? -1 : write_content(creation, index, dataset, type);
    if (result >= 0)
        result = annotate(creation, index, dataset);
    if (dataset >= 0 && H5Dclose(dataset) < 0)
        result = -1;
    H5Tclose(type);
    return result;
}

static herr_t ensure_group(const struct creation *creation, const char *name)
{
    if (name[0] == '\0' || strcmp(name, "/") == 0 || H5Lexists(creation->file, name, H5P_DEFAULT) > 0)
        return 0;
    const hid_t group = H5Gcreate2(creation->file, name, H5P_DEFAULT, creation->group_properties, H5P_DEFAULT);
    return group < 0 ? -1 : H5Gclose(group);
}

static herr_t create_attribute(const struct creation *creation, const struct results_attribute *attribute)
{
    if (ensure_group(creation, attribute->group) < 0)
        return -1;
    const bool root = attribute->group[0] == '\0';
    const hid_t object = H5Oopen(creation->file, root ? "/" : attribute->group, H5P_DEFAULT);
    if (object < 0)
        return -1;
    const herr_t result = attribute->text != NULL ? h5_attribute_text(object, attribute->name, attribute->text)
                                                  : h5_attribute_integer(object, attribute->name, attribute->integer);
    return H5Oclose(object) < 0 ? -1 : result;
}

/* What could not be made, because the system refused a write or HDF5 something else. */
static enum status creation_failure(const struct creation *creation, const char *what, struct error *error)
{
    const int code = patient_failure();
    if (code == ENOSPC || code == EDQUOT)
        return fail(error, STATUS_NO_SPACE,
                    "%s: the disk is full: the file could not be made, and nothing is left of it: free space and run "
                    "again",
                    creation->path);
    if (code != 0)
        return fail(error, STATUS_IO, "%s: %s: %s", creation->path, what, strerror(code));
    return h5_fail(error, STATUS_IO, creation->path, what);
}

/* Names what failed in the message, so that a mistake in a schema is found. */
static enum status create_all(struct creation *creation, struct error *error)
{
    const struct layout *layout = creation->layout;
    char what[PATH_BYTES + 32];
    if (h5_attribute_text(creation->file, "format", FORMAT_NAME) < 0 ||
        h5_attribute_integer(creation->file, "format_version", FORMAT_VERSION) < 0)
        return creation_failure(creation, "cannot write the format's name", error);
    for (int i = 0; i < layout->attribute_count; i++)
        if (create_attribute(creation, &layout->attributes[i]) < 0) {
            snprintf(what, sizeof what, "cannot write attribute '%s'", layout->attributes[i].name);
            return creation_failure(creation, what, error);
        }
    for (int d = 0; d < layout->dimension_count; d++)
        if (create_scale(creation, d) < 0 || patient_failure() != 0) {
            snprintf(what, sizeof what, "cannot create dimension '%s'", layout->dimensions[d].name);
            return creation_failure(creation, what, error);
        }
    if (ensure_group(creation, "types") < 0)
        return creation_failure(creation, "cannot create /types", error);
    for (int a = 0; a < layout->array_count; a++)
        if (ensure_group(creation, layout->arrays[a].group) < 0 || create_array(creation, a) < 0 ||
            patient_failure() != 0) {
            snprintf(what, sizeof what, "cannot create /%s/%s", layout->arrays[a].group, layout->arrays[a].name);
            return creation_failure(creation, what, error);
        }
    return STATUS_OK;
}

static void open_properties(struct creation *creation)
{
    creation->group_properties = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_link_creation_order(creation->group_properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(creation->group_properties, false);
    creation->type_properties = H5Pcreate(H5P_DATATYPE_CREATE);
    H5Pset_obj_track_times(creation->type_properties, false);
    creation->dataset_properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(creation->dataset_properties, H5D_CONTIGUOUS);
    H5Pset_alloc_time(creation->dataset_properties, H5D_ALLOC_TIME_EARLY);
    H5Pset_obj_track_times(creation->dataset_properties, false);
    creation->text_properties = H5Pcopy(creation->dataset_properties); /* HDF5 insists on filling these */
    H5Pset_fill_time(creation->dataset_properties, H5D_FILL_TIME_NEVER);
}

static hid_t create_file(const char *path)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    const hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_link_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(properties, false);
    const hid_t file = patient_create(path, properties, access);
    h5_close_properties(properties);
    h5_close_properties(access);
    return file;
}

static void close_scales(const struct creation *creation)
{
    for (int d = 0; d < creation->layout->dimension_count; d++)
        if (creation->scales[d] > 0)
            H5Dclose(creation->scales[d]);
}

static enum status write_file(const char *temporary, const char *path, const struct layout *layout, struct error *error)
{
    struct creation creation = {.path = path, .layout = layout};
    void *scales = NULL;
    TRY(memory_allocate(&scales, (size_t)layout->dimension_count, sizeof(hid_t), "dimension scales", error));
    creation.scales = scales;
    enum status status = STATUS_OK;
    creation.file = create_file(temporary);
    if (creation.file < 0) {
        status = creation_failure(&creation, "cannot create the file", error);
        goto free_scales;
    }
    open_properties(&creation);
    status = create_all(&creation, error);
    close_scales(&creation);
    H5Pclose(creation.dataset_properties);
    H5Pclose(creation.text_properties);
    H5Pclose(creation.type_properties);
    H5Pclose(creation.group_properties);
    if (H5Fclose(creation.file) < 0 && status == STATUS_OK)
        status = creation_failure(&creation, "cannot close the file", error);
    if (patient_failure() != 0 && status == STATUS_OK)
        status = creation_failure(&creation, "cannot write the file", error);
free_scales:
    memory_free(scales);
    return status;
}

enum status results_create(const char *path, const struct results_schema *schema, struct error *error)
{
    h5_quiet();
    struct layout *layout = NULL;
    char temporary[PUBLISH_PATH_BYTES];
    TRY(layout_create(schema, &layout, error));
    enum status status = publish_check(path, layout_bytes(layout), error);
    if (status == STATUS_OK)
        status = publish_temporary(path, temporary, error);
    if (status == STATUS_OK) {
        status = write_file(temporary, path, layout, error);
        status = publish_finish(temporary, path, status, error);
    }
    layout_destroy(&layout);
    return status;
}
