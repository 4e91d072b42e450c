/* show.c - one trial for people: small arrays whole, large ones by shape, range and mean. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "results/reader.h"
#include "results/texts.h"

enum { WHOLE_ITEMS = 12, NAME_WIDTH = 28 };

static void add_shape(const struct reader_array *array, struct text *out)
{
    text_add(out, "[");
    for (int d = 1; d < array->rank; d++)
        text_add(out, d == 1 ? "%llu" : ", %llu", (unsigned long long)array->sizes[d]);
    text_add(out, "]");
}

static void add_summary(const struct reader_array *array, const double *values, int64_t count, struct text *out)
{
    double least = INFINITY, most = -INFINITY, sum = 0;
    int64_t present = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
        sum += values[i];
        present++;
    }
    add_shape(array, out);
    if (present == 0)
        text_add(out, " all absent");
    else
        text_add(out, " min %.6g, mean %.6g, max %.6g", least, sum / (double)present, most);
    if (present > 0 && present < count)
        text_add(out, ", %" PRId64 " absent", count - present);
}

static enum status add_reals(const struct results_reader *reader, const struct reader_array *array, int64_t trial,
                             struct text *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read_unit(reader, array->path, trial, RESULTS_FLOAT64, &memory, &count, error));
    const double *values = memory;
    if (count > WHOLE_ITEMS)
        add_summary(array, values, count, out);
    for (int64_t i = 0; i < count && count <= WHOLE_ITEMS; i++)
        text_add(out, i == 0 ? "%.10g" : " %.10g", values[i]);
    memory_free(memory);
    return STATUS_OK;
}

static enum status add_unsigned(const struct results_reader *reader, const struct reader_array *array, int64_t trial,
                                struct text *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read_unit(reader, array->path, trial, RESULTS_UINT64, &memory, &count, error));
    const uint64_t *values = memory;
    for (int64_t i = 0; i < count && i < WHOLE_ITEMS; i++)
        text_add(out, "%s%016" PRIx64, i == 0 ? "" : " ", values[i]);
    if (count > WHOLE_ITEMS)
        text_add(out, " ...");
    memory_free(memory);
    return STATUS_OK;
}

static enum status add_enums(const struct results_reader *reader, const struct reader_array *array, hid_t type,
                             int64_t trial, struct text *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read_unit(reader, array->path, trial, RESULTS_ENUM, &memory, &count, error));
    const uint8_t *values = memory;
    for (int64_t i = 0; i < count && i < WHOLE_ITEMS; i++) {
        char name[64] = "";
        if (H5Tenum_nameof(type, &values[i], name, sizeof name) < 0)
            text_add(out, "%s%u", i == 0 ? "" : " ", (unsigned)values[i]);
        else
            text_add(out, "%s%s", i == 0 ? "" : " ", name);
    }
    memory_free(memory);
    return STATUS_OK;
}

/* A text of variable length, of a column that was written with the file, or the letters of a row's. */
static enum status add_text(const struct results_reader *reader, const struct reader_array *array, hid_t type,
                            int64_t trial, struct text *out, struct error *error)
{
    const size_t letters = H5Tis_variable_str(type) > 0 ? 0 : (size_t)reader_slab_items(array);
    char *text = NULL;
    void *memory = NULL;
    TRY(memory_allocate(&memory, letters + 1, 1, array->path, error));
    if (reader_read_slab(array, trial, type, letters == 0 ? (void *)&text : memory) < 0) {
        memory_free(memory);
        return h5_fail(error, STATUS_IO, reader->path, array->path);
    }
    text_add(out, "%s", letters == 0 && text != NULL ? text : (const char *)memory);
    H5free_memory(text);
    memory_free(memory);
    return STATUS_OK;
}

static enum status add_values(const struct results_reader *reader, const struct reader_array *array, int64_t trial,
                              struct text *out, struct error *error)
{
    const hid_t type = H5Dget_type(array->dataset);
    enum status status;
    switch (H5Tget_class(type)) {
    case H5T_ENUM:
        status = add_enums(reader, array, type, trial, out, error);
        break;
    case H5T_STRING:
        status = add_text(reader, array, type, trial, out, error);
        break;
    case H5T_INTEGER:
        if (H5Tget_sign(type) == H5T_SGN_NONE && H5Tget_size(type) == 8) {
            status = add_unsigned(reader, array, trial, out, error);
            break;
        }
        status = add_reals(reader, array, trial, out, error);
        break;
    default:
        status = add_reals(reader, array, trial, out, error);
    }
    H5Tclose(type);
    return status;
}

static enum status add_line(const struct results_reader *reader, const struct reader_array *array, int64_t trial,
                            struct text *out, struct error *error)
{
    char units[32] = "";
    text_add(out, "  %-*s ", NAME_WIDTH, strrchr(array->path, '/') + 1);
    TRY(add_values(reader, array, trial, out, error));
    if (h5_attribute_read_text(array->dataset, "units", units, sizeof units) >= 0 && strcmp(units, "1") != 0)
        text_add(out, " %s", units);
    text_add(out, "\n");
    return STATUS_OK;
}

static size_t group_length(const struct reader_array *array)
{
    return (size_t)(strrchr(array->path, '/') - array->path);
}

static enum status add_group(const struct results_reader *reader, int first, int64_t trial, struct text *out,
                             struct error *error)
{
    const size_t length = group_length(&reader->arrays[first]);
    bool titled = false;
    for (int a = first; a < reader->array_count; a++) {
        const struct reader_array *array = &reader->arrays[a];
        if (group_length(array) != length || memcmp(array->path, reader->arrays[first].path, length) != 0)
            break;
        if (!array->per_trial)
            continue;
        if (!titled)
            text_add(out, "%.*s\n", (int)length - 1, array->path + 1);
        titled = true;
        TRY(add_line(reader, array, trial, out, error));
    }
    return STATUS_OK;
}

static bool starts_group(const struct results_reader *reader, int index)
{
    if (index == 0)
        return true;
    const struct reader_array *before = &reader->arrays[index - 1], *here = &reader->arrays[index];
    const size_t length = group_length(here);
    return group_length(before) != length || memcmp(before->path, here->path, length) != 0;
}

static bool is_trials(const struct reader_array *array)
{
    return strncmp(array->path, "/trials/", strlen("/trials/")) == 0;
}

enum status results_show(const struct results_reader *reader, int64_t trial, struct text *out, struct error *error)
{
    void *state = NULL;
    int64_t count = 0;
    TRY(results_read_unit(reader, "/trials/state", trial, RESULTS_ENUM, &state, &count, error));
    const bool committed = *(const uint8_t *)state == TRIAL_COMMITTED;
    memory_free(state);
    text_add(out, "trial %" PRId64 " of %s%s\n", trial, reader->path,
             committed ? "" : ": not committed, its measurements are not shown");
    for (int pass = 0; pass < (committed ? 2 : 1); pass++)
        for (int a = 0; a < reader->array_count; a++)
            if (starts_group(reader, a) && is_trials(&reader->arrays[a]) == (pass == 0))
                TRY(add_group(reader, a, trial, out, error));
    return text_status(out, error);
}
