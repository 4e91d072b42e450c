#include "results/h5.h"

#include <stdio.h>
#include <string.h>

enum { REASON_BYTES = 384 };

/* Of the last call that failed: what is called after it, to clean up, clears HDF5's own stack. */
static struct {
    char reason[REASON_BYTES];
    bool disk_full;
} last_failure;

static herr_t keep_first(unsigned index, const H5E_error2_t *entry, void *context)
{
    if (index == 0 && entry->desc != NULL)
        snprintf(context, REASON_BYTES, "%s", entry->desc);
    return 0;
}

static herr_t look_for_full_disk(unsigned index, const H5E_error2_t *entry, void *context)
{
    static const char *const words[] = {"No space left", "Disk quota exceeded", "MPI_ERR_NO_SPACE", "MPI_ERR_QUOTA"};
    (void)index;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (entry->desc != NULL && strstr(entry->desc, words[i]) != NULL)
            *(bool *)context = true;
    return 0;
}

static herr_t remember_failure(hid_t stack, void *context)
{
    (void)context;
    H5Ewalk2(stack, H5E_WALK_UPWARD, keep_first, last_failure.reason);
    H5Ewalk2(stack, H5E_WALK_UPWARD, look_for_full_disk, &last_failure.disk_full);
    return 0;
}

void h5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, remember_failure, NULL);
    h5_forget();
}

void h5_forget(void)
{
    memset(&last_failure, 0, sizeof last_failure);
    H5Eclear2(H5E_DEFAULT);
}

bool h5_disk_full(void)
{
    return last_failure.disk_full;
}

enum status h5_fail(struct error *error, enum status status, const char *path, const char *what)
{
    char reason[REASON_BYTES] = "no reason given";
    if (last_failure.reason[0] != '\0')
        memcpy(reason, last_failure.reason, sizeof reason);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, reason);
    h5_forget();
    return fail(error, status, "%s: %s: HDF5 says: %s", path, what, reason);
}

void h5_close_properties(hid_t properties)
{
    const hid_t reasons = H5Eget_current_stack();
    H5Pclose(properties);
    H5Eset_current_stack(reasons);
}

struct search {
    const char *text;
    bool found;
};

static herr_t search_entry(unsigned index, const H5E_error2_t *entry, void *context)
{
    (void)index;
    struct search *search = context;
    if (entry->desc != NULL && strstr(entry->desc, search->text) != NULL)
        search->found = true;
    return 0;
}

bool h5_reason_holds(const char *text)
{
    struct search search = {.text = text};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, search_entry, &search);
    return search.found;
}

hid_t h5_text_type(size_t bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, bytes);
    H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_strpad(type, bytes == H5T_VARIABLE ? H5T_STR_NULLTERM : H5T_STR_NULLPAD);
    return type;
}

static hid_t enum_type(const char *const *names)
{
    const hid_t type = H5Tenum_create(H5T_STD_U8LE);
    for (uint8_t value = 0; names[value] != NULL; value++)
        H5Tenum_insert(type, names[value], &value);
    return type;
}

hid_t h5_file_type(enum results_type type, size_t text_bytes, const char *const *enum_names)
{
    switch (type) {
    case RESULTS_UINT8:
        return H5Tcopy(H5T_STD_U8LE);
    case RESULTS_INT16:
        return H5Tcopy(H5T_STD_I16LE);
    case RESULTS_INT32:
        return H5Tcopy(H5T_STD_I32LE);
    case RESULTS_INT64:
        return H5Tcopy(H5T_STD_I64LE);
    case RESULTS_UINT64:
        return H5Tcopy(H5T_STD_U64LE);
    case RESULTS_FLOAT32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case RESULTS_FLOAT64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case RESULTS_TEXT:
        return h5_text_type(text_bytes);
    case RESULTS_ENUM:
        return enum_type(enum_names);
    }
    return H5I_INVALID_HID;
}

static herr_t attribute_write(hid_t object, const char *name, hid_t type, const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t result = attribute < 0 ? -1 : H5Awrite(attribute, type, value);
    if (attribute >= 0 && H5Aclose(attribute) < 0)
        result = -1;
    H5Sclose(space);
    return result;
}

herr_t h5_attribute_text(hid_t object, const char *name, const char *text)
{
    /* Variable length: h5py hands it out as str, and a long text does not weigh on the object header. */
    const hid_t type = h5_text_type(H5T_VARIABLE);
    const herr_t result = attribute_write(object, name, type, &text);
    H5Tclose(type);
    return result;
}

herr_t h5_attribute_integer(hid_t object, const char *name, int64_t value)
{
    return attribute_write(object, name, H5T_NATIVE_INT64, &value);
}

static hid_t attribute_open(hid_t object, const char *name)
{
    const htri_t there = H5Aexists(object, name);
    return there > 0 ? H5Aopen(object, name, H5P_DEFAULT) : H5I_INVALID_HID;
}

/* A scalar or one-item attribute; others are not ours. */
static bool attribute_is_single(hid_t attribute)
{
    const hid_t space = H5Aget_space(attribute);
    const bool single = H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    return single;
}

static herr_t add_variable(hid_t attribute, struct text *out)
{
    char *text = NULL;
    const hid_t type = h5_text_type(H5T_VARIABLE);
    const herr_t result = H5Aread(attribute, type, &text);
    if (result >= 0 && text != NULL)
        text_add_bytes(out, text, strlen(text));
    H5free_memory(text);
    H5Tclose(type);
    return result;
}

static herr_t add_fixed(hid_t attribute, size_t bytes, struct text *out)
{
    char text[4096] = "";
    if (bytes >= sizeof text)
        return -1;
    const hid_t type = h5_text_type(sizeof text - 1);
    const herr_t result = H5Aread(attribute, type, text);
    if (result >= 0)
        text_add_bytes(out, text, strlen(text));
    H5Tclose(type);
    return result;
}

static herr_t add_attribute(hid_t object, const char *name, struct text *out)
{
    const hid_t attribute = attribute_open(object, name);
    if (attribute < 0)
        return -1;
    herr_t result = -1;
    const hid_t type = H5Aget_type(attribute);
    if (H5Tget_class(type) == H5T_STRING && attribute_is_single(attribute))
        result =
            H5Tis_variable_str(type) > 0 ? add_variable(attribute, out) : add_fixed(attribute, H5Tget_size(type), out);
    H5Tclose(type);
    H5Aclose(attribute);
    return result;
}

herr_t h5_attribute_read_text(hid_t object, const char *name, char *out, size_t bytes)
{
    struct text text = {0};
    const herr_t result = add_attribute(object, name, &text);
    if (result >= 0)
        snprintf(out, bytes, "%s", text.data == NULL ? "" : text.data);
    text_free(&text);
    return result;
}

herr_t h5_attribute_read_integer(hid_t object, const char *name, int64_t *out)
{
    const hid_t attribute = attribute_open(object, name);
    if (attribute < 0)
        return -1;
    herr_t result = -1;
    const hid_t type = H5Aget_type(attribute);
    if (H5Tget_class(type) == H5T_INTEGER && attribute_is_single(attribute))
        result = H5Aread(attribute, H5T_NATIVE_INT64, out);
    H5Tclose(type);
    H5Aclose(attribute);
    return result;
}

herr_t h5_write_piece(hid_t dataset, hid_t memory_type, hsize_t first, hsize_t count, const void *data)
{
    const hid_t file_space = H5Dget_space(dataset);
    const hid_t memory_space = H5Screate_simple(1, &count, NULL);
    herr_t result = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &first, NULL, &count, NULL);
    if (result >= 0)
        result = H5Dwrite(dataset, memory_type, memory_space, file_space, H5P_DEFAULT, data);
    H5Sclose(memory_space);
    H5Sclose(file_space);
    return result;
}
