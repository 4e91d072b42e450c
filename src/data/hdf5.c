/* hdf5.c - a classification set in one HDF5 file. A part's inputs are x_train or train/x (x_test or test/x), its labels
 * y_train or train/y, all in one group, where `superclass` may say which
 * classes belong together. Sizes are held against the file's own before memory is taken: a damaged header
 * may promise anything. The library itself crashes on some damaged files, so each is read in another process first. */
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/kinds.h"
#include "data/rehearsal.h"

enum { INPUTS, LABELS, CONTENT_COUNT, SPELLINGS = 2, RANK_MAX = 4, NAME_BYTES = FIELD_TEXT_BYTES + 16 };

/* What the strongest filters make of a run of equal bytes. */
enum { COMPRESSION_MAX = 1040 };

struct hdf5_settings {
    char path[FIELD_TEXT_BYTES];
    char group[FIELD_TEXT_BYTES];
};
_Static_assert(sizeof(struct hdf5_settings) <= CHOICE_BYTES, "settings of the source hdf5 fit a choice");

static const struct field hdf5_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     .offset = offsetof(struct hdf5_settings, path),
     .summary = "File with x_train or train/x, and in the same way y_train, x_test and y_test: x [n, height, width, "
                "channels], [n, height, width] or [n, features] of uint8 or float32, y [n] of integers from 0 on; "
                "superclass [classes] of integers, if there are "
                "super-classes."},
    {.name = "group",
     .type = FIELD_TEXT,
     .offset = offsetof(struct hdf5_settings, group),
     .default_text = "/",
     .summary = "Group of the file that holds them."},
    {0}};

static const char *const spellings[DATASET_PARTS][CONTENT_COUNT][SPELLINGS] = {
    {{"x_train", "train/x"}, {"y_train", "train/y"}},
    {{"x_test", "test/x"}, {"y_test", "test/y"}},
};

/* One dataset, open. */
struct content {
    hid_t dataset; /* 0: not open */
    char name[NAME_BYTES];
    int rank;
    hsize_t dimensions[RANK_MAX];
};

struct set {
    const struct hdf5_settings *settings;
    hid_t file; /* 0: not open */
    double bytes;
    struct content contents[DATASET_PARTS][CONTENT_COUNT];
    struct content superclass; /* where shape.superclasses */
    int64_t *labels[DATASET_PARTS], *supers;
    struct dataset_shape shape;
};

static void set_close(struct set *set)
{
    for (int part = 0; part < DATASET_PARTS; part++) {
        for (int content = 0; content < CONTENT_COUNT; content++)
            if (set->contents[part][content].dataset > 0)
                H5Dclose(set->contents[part][content].dataset);
        memory_free(set->labels[part]);
    }
    memory_free(set->supers);
    if (set->superclass.dataset > 0)
        H5Dclose(set->superclass.dataset);
    if (set->file > 0)
        H5Fclose(set->file);
}

enum { REASON_BYTES = 256 };

static herr_t keep_first(unsigned index, const H5E_error2_t *entry, void *context)
{
    if (index == 0 && entry->desc != NULL)
        snprintf(context, REASON_BYTES, "%s", entry->desc);
    return 0;
}

/* "path: what: HDF5's innermost reason" */
static enum status fail_of_library(const struct set *set, const char *what, struct error *error)
{
    char reason[REASON_BYTES] = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, reason);
    H5Eclear2(H5E_DEFAULT);
    return fail(error, STATUS_BAD_DATA, "%s: %s: HDF5 says: %s", set->settings->path, what, reason);
}

static enum status open_file(struct set *set, struct error *error)
{
    struct stat info;
    if (stat(set->settings->path, &info) != 0)
        return fail(error, STATUS_BAD_DATA, "data.path: file '%s': %s", set->settings->path, strerror(errno));
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    set->bytes = (double)info.st_size;
    set->file = H5Fopen(set->settings->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (set->file < 0)
        return fail_of_library(set, "expected a whole HDF5 file", error);
    return STATUS_OK;
}

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *names)
{
    enum { NAMES_BYTES_MAX = 200 };
    (void)group, (void)info;
    struct text *text = names;
    text_add(text, "%s%s", text->length == 0 ? "" : ", ", name);
    return text->length > NAMES_BYTES_MAX;
}

static enum status fail_missing(const struct set *set, int part, int content, struct error *error)
{
    const char *group = set->settings->group;
    struct text found = {0};
    H5Literate_by_name(set->file, group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &found, H5P_DEFAULT);
    H5Eclear2(H5E_DEFAULT);
    const enum status status = fail(error, STATUS_BAD_DATA, "%s: group '%s': expected a dataset %s or %s, found %s",
                                    set->settings->path, group, spellings[part][content][0],
                                    spellings[part][content][1], found.length == 0 ? "nothing to read" : found.data);
    text_free(&found);
    return status;
}

static enum status open_content(struct set *set, int part, int content, struct error *error)
{
    struct content *to = &set->contents[part][content];
    const char *group = strcmp(set->settings->group, "/") == 0 ? "" : set->settings->group;
    for (int i = 0; i < SPELLINGS; i++) {
        snprintf(to->name, NAME_BYTES, "%s/%s", group, spellings[part][content][i]);
        to->dataset = H5Dopen2(set->file, to->name, H5P_DEFAULT);
        if (to->dataset > 0)
            return STATUS_OK;
        to->dataset = 0;
    }
    return fail_missing(set, part, content, error);
}

static enum status read_dimensions(const struct set *set, struct content *content, struct error *error)
{
    const hid_t space = H5Dget_space(content->dataset);
    const bool simple = space > 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE;
    content->rank = simple ? H5Sget_simple_extent_ndims(space) : -1;
    const bool known = content->rank >= 1 && content->rank <= RANK_MAX;
    if (known)
        H5Sget_simple_extent_dims(space, content->dimensions, NULL);
    if (space > 0)
        H5Sclose(space);
    if (!known)
        return fail(error, STATUS_BAD_DATA, "%s: %s: expected 1 to %d dimensions, found %d", set->settings->path,
                    content->name, RANK_MAX, content->rank);
    for (int i = 0; i < content->rank; i++)
        if (content->dimensions[i] < 1 || content->dimensions[i] > INT32_MAX)
            return fail(error, STATUS_BAD_DATA, "%s: %s: dimension %d: expected 1 to %d, found %llu",
                        set->settings->path, content->name, i, INT32_MAX, (unsigned long long)content->dimensions[i]);
    return STATUS_OK;
}

static double values_of(const struct content *content)
{
    double values = 1;
    for (int i = 0; i < content->rank; i++)
        values *= (double)content->dimensions[i];
    return values;
}

/* Bytes that reading takes at once: the whole of it, or a chunk where that is larger. */
static double bytes_to_read(const struct content *content, hid_t properties, double value_bytes)
{
    hsize_t chunk[RANK_MAX] = {0};
    double values = values_of(content), chunk_values = 1;
    if (H5Pget_layout(properties) == H5D_CHUNKED && H5Pget_chunk(properties, RANK_MAX, chunk) == content->rank)
        for (int i = 0; i < content->rank; i++)
            chunk_values *= (double)chunk[i];
    return value_bytes * (chunk_values > values ? chunk_values : values);
}

/* Before anybody makes room: values in this file, and no more than it can hold. */
static enum status check_storage(const struct set *set, const struct content *content, size_t value_bytes,
                                 struct error *error)
{
    const hid_t properties = H5Dget_create_plist(content->dataset);
    if (properties < 0)
        return fail_of_library(set, content->name, error);
    const H5D_layout_t layout = H5Pget_layout(properties);
    const bool inside = layout >= 0 && layout != H5D_VIRTUAL && H5Pget_external_count(properties) <= 0;
    const double wanted = bytes_to_read(content, properties, (double)value_bytes);
    H5Pclose(properties);
    if (!inside)
        return fail(error, STATUS_BAD_DATA, "%s: %s: expected values in this file, found a link to other files",
                    set->settings->path, content->name);
    const double stored = (double)H5Dget_storage_size(content->dataset);
    const double most = layout == H5D_CHUNKED ? set->bytes * COMPRESSION_MAX : fmin(stored, set->bytes);
    if (wanted > most || (layout != H5D_CHUNKED && wanted < stored))
        return fail(error, STATUS_BAD_DATA, "%s: %s: expected %.0f bytes of values, but the file holds %.0f: damaged",
                    set->settings->path, content->name, wanted, most);
    return STATUS_OK;
}

/* What a value is: class, size in bytes, and whether it has a sign. */
struct value_type {
    H5T_class_t class;
    size_t bytes;
    bool is_signed;
};

static struct value_type value_type_of(const struct content *content)
{
    const hid_t id = H5Dget_type(content->dataset);
    if (id < 0)
        return (struct value_type){.class = H5T_NO_CLASS};
    const struct value_type type = {
        .class = H5Tget_class(id), .bytes = H5Tget_size(id), .is_signed = H5Tget_sign(id) == H5T_SGN_2};
    H5Tclose(id);
    return type;
}

static enum status fail_type(const struct set *set, const struct content *content, const char *expected,
                             struct error *error)
{
    const struct value_type type = value_type_of(content);
    const char *kind = type.class == H5T_FLOAT     ? "float"
                       : type.class != H5T_INTEGER ? "other than numbers"
                       : type.is_signed            ? "int"
                                                   : "uint";
    if (type.class != H5T_FLOAT && type.class != H5T_INTEGER)
        return fail(error, STATUS_BAD_DATA, "%s: %s: expected %s, found values %s", set->settings->path, content->name,
                    expected, kind);
    return fail(error, STATUS_BAD_DATA, "%s: %s: expected %s, found %s%zu", set->settings->path, content->name,
                expected, kind, 8 * type.bytes);
}

static enum status measure_inputs(const struct set *set, struct content *inputs, struct dataset_shape *shape,
                                  struct error *error)
{
    TRY(read_dimensions(set, inputs, error));
    const struct value_type type = value_type_of(inputs);
    const bool is_byte = type.class == H5T_INTEGER && type.bytes == 1 && !type.is_signed;
    const bool is_float = type.class == H5T_FLOAT && type.bytes == sizeof(float);
    if (!is_byte && !is_float)
        return fail_type(set, inputs, "uint8 or float32", error);
    if (inputs->rank < 2)
        return fail(error, STATUS_BAD_DATA,
                    "%s: %s: expected [n, height, width, channels], [n, height, width] or [n, features], found [%llu]",
                    set->settings->path, inputs->name, (unsigned long long)inputs->dimensions[0]);
    TRY(check_storage(set, inputs, type.bytes, error));
    const int second = (int)inputs->dimensions[1];
    const int third = inputs->rank > 2 ? (int)inputs->dimensions[2] : 1;
    shape->type = is_byte ? SAMPLE_UINT8 : SAMPLE_FLOAT32;
    shape->sample = inputs->rank == 2 ? (struct shape){.height = 1, .width = second, .channels = 1}
                                      : (struct shape){.height = second,
                                                       .width = third,
                                                       .channels = inputs->rank == 4 ? (int)inputs->dimensions[3] : 1};
    return STATUS_OK;
}

static enum status measure_labels(const struct set *set, struct content *labels, const struct content *inputs,
                                  struct error *error)
{
    TRY(read_dimensions(set, labels, error));
    const struct value_type type = value_type_of(labels);
    if (type.class != H5T_INTEGER)
        return fail_type(set, labels, "integers", error);
    if (labels->rank != 1 || labels->dimensions[0] != inputs->dimensions[0])
        return fail(error, STATUS_BAD_DATA,
                    "%s: %s: expected [%llu], one label for each sample of %s, found %d dimension%s, the first of %llu",
                    set->settings->path, labels->name, (unsigned long long)inputs->dimensions[0], inputs->name,
                    labels->rank, labels->rank == 1 ? "" : "s", (unsigned long long)labels->dimensions[0]);
    return check_storage(set, labels, type.bytes, error);
}

static enum status read_values(const struct set *set, const struct content *content, hid_t type, void *out,
                               struct error *error)
{
    char what[NAME_BYTES + 32];
    if (H5Dread(content->dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0)
        return STATUS_OK;
    snprintf(what, sizeof what, "%s: cannot be read", content->name);
    return fail_of_library(set, what, error);
}

static enum status read_labels(struct set *set, int part, struct error *error)
{
    const struct content *content = &set->contents[part][LABELS];
    const int count = set->shape.count[part];
    TRY(memory_allocate((void **)&set->labels[part], (size_t)count, sizeof(int64_t), "labels", error));
    TRY(read_values(set, content, H5T_NATIVE_INT64, set->labels[part], error));
    for (int i = 0; i < count; i++) {
        const int64_t label = set->labels[part][i];
        if (label < 0 || label >= INT16_MAX)
            return fail(error, STATUS_BAD_DATA, "%s: %s[%d]: expected a label of 0 to %d, found %lld",
                        set->settings->path, content->name, i, INT16_MAX - 1, (long long)label);
        if (label >= set->shape.classes)
            set->shape.classes = (int)label + 1;
    }
    return STATUS_OK;
}

static enum status check_superclasses(const struct set *set, struct error *error)
{
    const struct content *content = &set->superclass;
    for (int i = 0; i < set->shape.classes; i++)
        if (set->supers[i] < 0 || set->supers[i] > INT16_MAX)
            return fail(error, STATUS_BAD_DATA, "%s: %s[%d]: expected a super-class of 0 to %d, found %lld",
                        set->settings->path, content->name, i, INT16_MAX, (long long)set->supers[i]);
    return STATUS_OK;
}

/* The super-class of each class, where the file has them. */
static enum status read_superclasses(struct set *set, struct error *error)
{
    struct content *content = &set->superclass;
    const char *group = strcmp(set->settings->group, "/") == 0 ? "" : set->settings->group;
    snprintf(content->name, NAME_BYTES, "%s/superclass", group);
    if (H5Lexists(set->file, content->name, H5P_DEFAULT) <= 0)
        return STATUS_OK;
    content->dataset = H5Dopen2(set->file, content->name, H5P_DEFAULT);
    if (content->dataset < 0)
        return fail_of_library(set, content->name, error);
    TRY(read_dimensions(set, content, error));
    const struct value_type type = value_type_of(content);
    if (type.class != H5T_INTEGER)
        return fail_type(set, content, "integers", error);
    if (content->rank != 1 || content->dimensions[0] != (hsize_t)set->shape.classes)
        return fail(error, STATUS_BAD_DATA,
                    "%s: %s: expected [%d], a super-class for each class, found %d dimension%s, the first of %llu",
                    set->settings->path, content->name, set->shape.classes, content->rank,
                    content->rank == 1 ? "" : "s", (unsigned long long)content->dimensions[0]);
    TRY(check_storage(set, content, type.bytes, error));
    TRY(memory_allocate((void **)&set->supers, (size_t)set->shape.classes, sizeof(int64_t), "super-classes", error));
    TRY(read_values(set, content, H5T_NATIVE_INT64, set->supers, error));
    set->shape.superclasses = true;
    return check_superclasses(set, error);
}

static enum status check_same(const struct set *set, const struct dataset_shape *train,
                              const struct dataset_shape *test, struct error *error)
{
    const struct shape *a = &train->sample, *b = &test->sample;
    if (a->height == b->height && a->width == b->width && a->channels == b->channels && train->type == test->type)
        return STATUS_OK;
    return fail(error, STATUS_BAD_DATA,
                "%s: %s: expected samples like those of %s, %d x %d x %d of %s, found %d x %d x %d of %s",
                set->settings->path, set->contents[PART_TEST][INPUTS].name, set->contents[PART_TRAIN][INPUTS].name,
                a->height, a->width, a->channels, train->type == SAMPLE_UINT8 ? "uint8" : "float32", b->height,
                b->width, b->channels, test->type == SAMPLE_UINT8 ? "uint8" : "float32");
}

/* Everything but the inputs' values. */
static enum status set_open(struct set *set, struct error *error)
{
    struct dataset_shape shapes[DATASET_PARTS] = {0};
    TRY(open_file(set, error));
    for (int part = 0; part < DATASET_PARTS; part++) {
        struct content *contents = set->contents[part];
        for (int content = 0; content < CONTENT_COUNT; content++)
            TRY(open_content(set, part, content, error));
        TRY(measure_inputs(set, &contents[INPUTS], &shapes[part], error));
        TRY(measure_labels(set, &contents[LABELS], &contents[INPUTS], error));
        set->shape.count[part] = (int)contents[INPUTS].dimensions[0];
        TRY(read_labels(set, part, error));
    }
    TRY(check_same(set, &shapes[PART_TRAIN], &shapes[PART_TEST], error));
    set->shape.sample = shapes[PART_TRAIN].sample;
    set->shape.type = shapes[PART_TRAIN].type;
    if (set->shape.classes < 2)
        return fail(error, STATUS_BAD_DATA, "%s: every label is 0; at least two classes are needed",
                    set->settings->path);
    return read_superclasses(set, error);
}

static enum status check_finite(const struct set *set, const struct content *content, const float *values,
                                struct error *error)
{
    const size_t count = (size_t)values_of(content);
    const size_t sample = count / (size_t)content->dimensions[0];
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return fail(error, STATUS_BAD_DATA, "%s: %s: expected finite numbers, found %g as value %zu of sample %zu",
                        set->settings->path, content->name, (double)values[i], i % sample, i / sample);
    return STATUS_OK;
}

static enum status set_fill(const struct set *set, struct dataset *dataset, struct error *error)
{
    const bool bytes = set->shape.type == SAMPLE_UINT8;
    for (int part = 0; part < DATASET_PARTS; part++) {
        const struct content *inputs = &set->contents[part][INPUTS];
        void *values = dataset_values(dataset, part);
        int16_t *labels = dataset_labels(dataset, part);
        TRY(read_values(set, inputs, bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, values, error));
        if (!bytes)
            TRY(check_finite(set, inputs, values, error));
        for (int i = 0; i < set->shape.count[part]; i++)
            labels[i] = (int16_t)set->labels[part][i];
    }
    for (int i = 0; set->shape.superclasses && i < set->shape.classes; i++)
        dataset_superclasses(dataset)[i] = (int16_t)set->supers[i];
    dataset_seal(dataset);
    return STATUS_OK;
}

static enum status set_read(const struct hdf5_settings *settings, struct dataset **out, struct error *error)
{
    struct set set = {.settings = settings};
    struct dataset *dataset = NULL;
    enum status status = set_open(&set, error);
    if (status == STATUS_OK)
        status = dataset_allocate(&set.shape, &dataset, error);
    if (status == STATUS_OK)
        status = set_fill(&set, dataset, error);
    if (status == STATUS_OK)
        *out = dataset;
    else
        dataset_destroy(&dataset);
    set_close(&set);
    return status;
}

static void read_once(const void *settings)
{
    struct dataset *dataset = NULL;
    set_read(settings, &dataset, NULL);
}

static enum status check_harmless(const struct hdf5_settings *settings, struct error *error)
{
    bool survived = false;
    TRY(rehearse(read_once, settings, &survived, error));
    if (!survived)
        return fail(error, STATUS_BAD_DATA, "%s: expected a whole HDF5 file, found one that crashes HDF5: damaged",
                    settings->path);
    return STATUS_OK;
}

static enum status hdf5_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    TRY(check_harmless(request->settings, error));
    return set_read(request->settings, out, error);
}

const struct dataset_ops dataset_hdf5 = {
    .kind = {.name = "hdf5", .summary = "any classification set in one HDF5 file", .fields = hdf5_fields},
    .load = hdf5_load};
