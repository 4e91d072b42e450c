/* reader.c - opens a file serially and read-only, and only if it is ours, whole and of a version that we know.
 * The metadata of a file never changes after its creation, so it may be read while a run writes rows; nothing is
 * buffered, so that every read sees what is in the file now. */
#include "results/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5_hl.h>

#include "base/memory.h"
#include "results/probe.h"

static enum status read_signature(const char *path, unsigned char signature[8], struct error *error)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(error, errno == ENOENT ? STATUS_BAD_RESULTS : STATUS_IO, "%s: cannot be opened: %s", path,
                    strerror(errno));
    struct stat info;
    enum status status = STATUS_OK;
    if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode))
        status = fail(error, STATUS_BAD_RESULTS, "%s: is not a file", path);
    else if (pread(descriptor, signature, 8, 0) != 8)
        status = fail(error, STATUS_BAD_RESULTS, "%s: is not an HDF5 file: it has only %lld bytes", path,
                      (long long)info.st_size);
    close(descriptor);
    return status;
}

static enum status check_signature(const char *path, struct error *error)
{
    static const unsigned char expected[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char found[8];
    TRY(read_signature(path, found, error));
    if (memcmp(found, expected, sizeof expected) != 0)
        return fail(error, STATUS_BAD_RESULTS, "%s: is not an HDF5 file: it does not begin with HDF5's signature",
                    path);
    return STATUS_OK;
}

static hid_t open_file(const char *path)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_sieve_buf_size(access, 0);
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERSION_GE(1, 12, 0) && !H5_VERSION_GE(1, 12, 1))
    /* Where the file system has no locks, reading works without. */
    H5Pset_file_locking(access, true, true);
#endif
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    h5_close_properties(access);
    return file;
}

static enum status open_failure(const char *path, struct error *error)
{
    if (h5_reason_holds("unable to lock file"))
        return h5_fail(error, STATUS_IO, path, "another program has this file open for writing: close it there");
    return h5_fail(error, STATUS_BAD_RESULTS, path, "is damaged or truncated and is left as it is");
}

static enum status check_format(const struct results_reader *reader, struct error *error)
{
    char format[64] = "";
    int64_t version = 0;
    if (h5_attribute_read_text(reader->file, "format", format, sizeof format) < 0 || strcmp(format, FORMAT_NAME) != 0)
        return fail(error, STATUS_BAD_RESULTS,
                    "%s: is an HDF5 file, but not a results file of seedbed (no attribute "
                    "format = \"" FORMAT_NAME "\")",
                    reader->path);
    if (h5_attribute_read_integer(reader->file, "format_version", &version) < 0 || version < 1)
        return fail(error, STATUS_BAD_RESULTS, "%s: has no valid format_version", reader->path);
    if (version > FORMAT_VERSION)
        return fail(error, STATUS_BAD_RESULTS,
                    "%s: was made by a newer seedbed (format_version %lld, this one knows up to %d): use that one",
                    reader->path, (long long)version, FORMAT_VERSION);
    return STATUS_OK;
}

static bool is_content(const char *name)
{
    return strcmp(name, "row") == 0 || strcmp(name, "fixed") == 0 || strcmp(name, "engine") == 0;
}

/* Fills the table's entry for a dataset; negative when it is not one that this program can have made. */
static herr_t describe_array(struct reader_array *array)
{
    const hid_t space = H5Dget_space(array->dataset);
    array->rank = H5Sget_simple_extent_ndims(space);
    herr_t result = array->rank < 0 || array->rank > RESULTS_RANK_MAX ? -1 : 0;
    if (result >= 0 && H5Sget_simple_extent_dims(space, array->sizes, NULL) < 0)
        result = -1;
    H5Sclose(space);
    int64_t reproducible = 0;
    char content[16] = "";
    if (h5_attribute_read_integer(array->dataset, "reproducible", &reproducible) < 0 ||
        h5_attribute_read_text(array->dataset, "content", content, sizeof content) < 0 || !is_content(content) ||
        (reproducible != 0 && reproducible != 1))
        return -1;
    array->reproducible = reproducible != 0;
    array->row = strcmp(content, "row") == 0;
    return result;
}

static enum status grow(struct results_reader *reader, struct error *error)
{
    if (reader->array_count < reader->array_capacity)
        return STATUS_OK;
    const int capacity = 2 * reader->array_capacity + 64;
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)capacity, sizeof *reader->arrays, "table of datasets", error));
    if (reader->array_count > 0)
        memcpy(memory, reader->arrays, (size_t)reader->array_count * sizeof *reader->arrays);
    memory_free(reader->arrays);
    reader->arrays = memory;
    reader->array_capacity = capacity;
    return STATUS_OK;
}

struct listing {
    struct results_reader *reader;
    hid_t trial_scale, pair_scale; /* pair_scale: invalid where there are no pairs */
    struct error *error;
    enum status status;
};

static bool is_per(const struct reader_array *array, hid_t scale, int64_t size)
{
    return scale >= 0 && array->rank > 0 && array->sizes[0] == (hsize_t)size &&
           H5DSis_attached(array->dataset, scale, 0) > 0;
}

static herr_t list_object(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    struct listing *listing = context;
    struct results_reader *reader = listing->reader;
    if (info->type != H5O_TYPE_DATASET || strchr(name, '/') == NULL)
        return 0;
    listing->status = grow(reader, listing->error);
    if (listing->status != STATUS_OK)
        return -1;
    struct reader_array *array = &reader->arrays[reader->array_count];
    *array = (struct reader_array){.dataset = H5Dopen2(file, name, H5P_DEFAULT)};
    if (array->dataset < 0)
        return -1;
    reader->array_count++;
    const int length = snprintf(array->path, sizeof array->path, "/%s", name);
    if (length >= (int)sizeof array->path || describe_array(array) < 0) {
        listing->status = fail(listing->error, STATUS_BAD_RESULTS, "%s: /%.128s is damaged, or was not made by seedbed",
                               reader->path, name);
        return -1;
    }
    array->per_trial = is_per(array, listing->trial_scale, reader->trials);
    array->per_pair = is_per(array, listing->pair_scale, reader->pairs);
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct reader_array *)a)->path, ((const struct reader_array *)b)->path);
}

static herr_t visit(hid_t file, H5O_iterate_t operation, void *context)
{
#if H5_VERSION_GE(1, 12, 0) && !defined(H5_USE_110_API)
    return H5Ovisit3(file, H5_INDEX_NAME, H5_ITER_NATIVE, operation, context, H5O_INFO_BASIC);
#else
    return H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, operation, context, H5O_INFO_BASIC);
#endif
}

/* Opens a dimension's scale; invalid when it is none. */
static hid_t open_scale(const struct results_reader *reader, const char *path, int64_t *size)
{
    const hid_t scale = H5Dopen2(reader->file, path, H5P_DEFAULT);
    if (scale < 0)
        return H5I_INVALID_HID;
    hsize_t items = 0;
    const hid_t space = H5Dget_space(scale);
    const bool good = H5Sget_simple_extent_ndims(space) == 1 && H5Sget_simple_extent_dims(space, &items, NULL) >= 0;
    H5Sclose(space);
    *size = (int64_t)items;
    if (good)
        return scale;
    H5Dclose(scale);
    return H5I_INVALID_HID;
}

static enum status list_arrays(struct results_reader *reader, struct error *error)
{
    struct listing listing = {.reader = reader, .error = error};
    listing.trial_scale = open_scale(reader, "/trial", &reader->trials);
    if (listing.trial_scale < 0)
        return h5_fail(error, STATUS_BAD_RESULTS, reader->path, "is damaged: its dimension `trial` cannot be read");
    const bool has_pairs = H5Lexists(reader->file, "/pair", H5P_DEFAULT) > 0;
    listing.pair_scale = has_pairs ? open_scale(reader, "/pair", &reader->pairs) : H5I_INVALID_HID;
    const herr_t result = visit(reader->file, list_object, &listing);
    H5Dclose(listing.trial_scale);
    if (listing.pair_scale >= 0)
        H5Dclose(listing.pair_scale);
    if (listing.status != STATUS_OK)
        return listing.status;
    if (result < 0)
        return h5_fail(error, STATUS_BAD_RESULTS, reader->path, "is damaged: its datasets cannot be listed");
    qsort(reader->arrays, (size_t)reader->array_count, sizeof *reader->arrays, compare_paths);
    return reader_find(reader, "/trials/state") != NULL
               ? STATUS_OK
               : fail(error, STATUS_BAD_RESULTS, "%s: has no /trials/state", reader->path);
}

static enum status open_and_list(struct results_reader *reader, struct error *error)
{
    TRY(check_signature(reader->path, error));
    reader->file = open_file(reader->path);
    if (reader->file < 0)
        return open_failure(reader->path, error);
    TRY(check_format(reader, error));
    return list_arrays(reader, error);
}

enum status reader_open_sound(const char *path, struct results_reader **out, struct error *error)
{
    h5_quiet();
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct results_reader), "reader", error));
    struct results_reader *reader = memory;
    reader->file = H5I_INVALID_HID;
    enum status status = memory_allocate(&memory, strlen(path) + 1, 1, "path", error);
    if (status == STATUS_OK) {
        reader->path = memory;
        memcpy(reader->path, path, strlen(path) + 1);
        status = open_and_list(reader, error);
    }
    if (status != STATUS_OK) {
        H5Eclear2(H5E_DEFAULT);
        results_reader_close(&reader);
        return status;
    }
    *out = reader;
    return STATUS_OK;
}

/* Everything that is ever read of the file's metadata. */
static enum status read_metadata(const char *path, struct error *error)
{
    struct results_reader *reader = NULL;
    char text[256];
    TRY(reader_open_sound(path, &reader, error));
    for (int a = 0; a < reader->array_count; a++) {
        h5_attribute_read_text(reader->arrays[a].dataset, "units", text, sizeof text);
        const hid_t type = H5Dget_type(reader->arrays[a].dataset);
        H5Tclose(H5Tget_native_type(type, H5T_DIR_ASCEND));
        H5Tclose(type);
    }
    results_reader_close(&reader);
    return STATUS_OK;
}

/* The file that passed last: metadata never changes, so that once is enough. */
static enum status probe_once(const char *path, struct error *error)
{
    static struct stat passed;
    struct stat now;
    TRY(check_signature(path, error));
    if (stat(path, &now) == 0 && now.st_dev == passed.st_dev && now.st_ino == passed.st_ino &&
        now.st_size == passed.st_size)
        return STATUS_OK;
    TRY(probe_file(path, read_metadata, error));
    passed = now;
    return STATUS_OK;
}

enum status results_reader_open(const char *path, struct results_reader **out, struct error *error)
{
    TRY(probe_once(path, error));
    return reader_open_sound(path, out, error);
}

void results_reader_close(struct results_reader **reader)
{
    if (*reader == NULL)
        return;
    for (int a = 0; a < (*reader)->array_count; a++)
        H5Dclose((*reader)->arrays[a].dataset);
    if ((*reader)->file >= 0)
        H5Fclose((*reader)->file);
    memory_free((*reader)->arrays);
    memory_free((*reader)->path);
    memory_free(*reader);
    *reader = NULL;
}

int64_t results_reader_trials(const struct results_reader *reader)
{
    return reader->trials;
}

int64_t results_reader_pairs(const struct results_reader *reader)
{
    return reader->pairs;
}

const struct reader_array *reader_find(const struct results_reader *reader, const char *path)
{
    struct reader_array key;
    if (snprintf(key.path, sizeof key.path, "%s", path) >= (int)sizeof key.path)
        return NULL;
    return bsearch(&key, reader->arrays, (size_t)reader->array_count, sizeof key, compare_paths);
}

bool results_reader_has(const struct results_reader *reader, const char *path)
{
    return reader_find(reader, path) != NULL;
}
