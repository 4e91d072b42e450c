/* source.c - rows of an older file for a new one. Both describe the same units, but the sweep around them may differ,
 * and with it the sizes: dimensions with texts as coordinates (measure points) are matched by them, all others by
 * position. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "results/reader.h"
#include "results/row.h"
#include "results/texts.h"

/* For each item of a dimension of the new file its place in the old one, -1: none; NULL: the same place. */
struct places {
    int64_t *of;
};

struct results_source {
    struct results_reader *reader;
    const struct results_schema *schema; /* of the new file; lent */
    struct places *places;               /* [schema->dimension_count] */
};

/* The coordinates of one of the old file's dimensions: texts of *bytes each. *count = 0 where it has no such dimension.
 */
static enum status read_coordinates(const struct results_source *source, const struct results_dimension *dimension,
                                    char **out, size_t *bytes, int64_t *count, struct error *error)
{
    struct results_reader *reader = source->reader;
    *count = 0;
    if (H5Lexists(reader->file, dimension->name, H5P_DEFAULT) <= 0)
        return STATUS_OK;
    const hid_t dataset = H5Dopen2(reader->file, dimension->name, H5P_DEFAULT);
    const enum status status = texts_read(dataset, reader->path, dimension->name, out, bytes, count, error);
    H5Dclose(dataset);
    return status;
}

static int64_t find_text(const char *text, const char *texts, size_t bytes, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(texts + (size_t)i * bytes, text) == 0)
            return i;
    return -1;
}

static enum status match_dimension(struct results_source *source, int d, struct error *error)
{
    const struct results_dimension *dimension = &source->schema->dimensions[d];
    if (dimension->type != RESULTS_TEXT || dimension->coordinates == NULL)
        return STATUS_OK;
    char *texts = NULL;
    size_t bytes = 0;
    int64_t count = 0;
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)dimension->size, sizeof(int64_t), dimension->name, error));
    source->places[d].of = memory;
    TRY(read_coordinates(source, dimension, &texts, &bytes, &count, error));
    for (int64_t i = 0; i < dimension->size; i++)
        source->places[d].of[i] =
            find_text((const char *)dimension->coordinates + (size_t)i * dimension->text_bytes, texts, bytes, count);
    memory_free(texts);
    return STATUS_OK;
}

enum status results_source_open(const char *path, const struct results_schema *schema, struct results_source **out,
                                struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct results_source), "source of rows", error));
    struct results_source *source = memory;
    source->schema = schema;
    enum status status = results_reader_open(path, &source->reader, error);
    if (status == STATUS_OK)
        status =
            memory_allocate(&memory, (size_t)schema->dimension_count, sizeof *source->places, "source of rows", error);
    if (status == STATUS_OK)
        source->places = memory;
    for (int d = 0; status == STATUS_OK && d < schema->dimension_count; d++)
        status = match_dimension(source, d, error);
    if (status != STATUS_OK) {
        results_source_close(&source);
        return status;
    }
    *out = source;
    return STATUS_OK;
}

void results_source_close(struct results_source **source)
{
    if (*source == NULL)
        return;
    for (int d = 0; (*source)->places != NULL && d < (*source)->schema->dimension_count; d++)
        memory_free((*source)->places[d].of);
    memory_free((*source)->places);
    results_reader_close(&(*source)->reader);
    memory_free(*source);
    *source = NULL;
}

const struct results_reader *results_source_reader(const struct results_source *source)
{
    return source->reader;
}

/* One array's slab in both files. */
struct slab_copy {
    const struct results_source *source;
    const struct results_array *array; /* of the new file */
    const hsize_t *sizes;              /* of the old one, with its first dimension */
    size_t bytes;                      /* of an item */
};

/* Items below dimension d of a slab, in the new and in the old file. */
static void copy_items(const struct slab_copy *copy, int d, unsigned char *to, const unsigned char *from)
{
    if (d == copy->array->rank) {
        memcpy(to, from, copy->bytes);
        return;
    }
    const struct results_dimension *dimensions = copy->source->schema->dimensions;
    const int64_t *places = copy->source->places[copy->array->dimensions[d]].of;
    const int64_t there = (int64_t)copy->sizes[d], here = dimensions[copy->array->dimensions[d]].size;
    size_t new_step = copy->bytes, old_step = copy->bytes;
    for (int inner = d + 1; inner < copy->array->rank; inner++) {
        new_step *= (size_t)dimensions[copy->array->dimensions[inner]].size;
        old_step *= (size_t)copy->sizes[inner];
    }
    if (places == NULL && d + 1 == copy->array->rank) {
        memcpy(to, from, copy->bytes * (size_t)(here < there ? here : there));
        return;
    }
    for (int64_t i = 0; i < here; i++) {
        const int64_t place = places == NULL ? i : places[i];
        if (place >= 0 && place < there)
            copy_items(copy, d + 1, to + (size_t)i * new_step, from + (size_t)place * old_step);
    }
}

/* A unit of the old file. */
struct old_unit {
    const struct results_source *source;
    int64_t unit, row; /* row: of its table */
    enum results_table table;
};

static enum status read_array(const struct old_unit *unit, int a, struct results_row *row, struct error *error)
{
    const struct results_source *source = unit->source;
    const struct results_array *array = &source->schema->arrays[a];
    const struct slab *slab = &row->slabs[a];
    char path[PATH_BYTES];
    array_path(array, path);
    const struct reader_array *old = reader_find(source->reader, path);
    if (old == NULL && array->optional)
        return STATUS_OK;
    const bool letters = array_is_letters(array);
    if (old == NULL || !(unit->table == TABLE_PAIRS ? old->per_pair : old->per_trial) ||
        old->rank != array->rank + letters || (letters && old->sizes[array->rank] != array->text_bytes))
        return fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s like this sweep's", source->reader->path, path);
    const size_t bytes = type_bytes(slab->type, slab->text_bytes);
    const int64_t count = multiply_capped(reader_slab_items(old), letters ? 1 : (int64_t)bytes);
    void *data = NULL;
    TRY(memory_allocate(&data, (size_t)count, 1, path, error));
    const hid_t type = row_memory_type(slab->type, NULL);
    enum status status = STATUS_OK;
    const struct slab_copy copy = {.source = source, .array = array, .sizes = old->sizes, .bytes = bytes};
    if (reader_read_slab(old, unit->row, type, data) < 0)
        status = h5_fail(error, STATUS_IO, source->reader->path, path);
    else
        copy_items(&copy, 1, row->data + slab->offset, data);
    H5Tclose(type);
    memory_free(data);
    return status;
}

static void own_path(const struct old_unit *unit, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "/%s/%s", unit->table == TABLE_PAIRS ? "pairs" : "trials", name);
}

/* One number or enum byte of the engine's own columns. */
static enum status read_cell(const struct old_unit *unit, const char *name, enum results_type type, void *out,
                             struct error *error)
{
    char path[PATH_BYTES];
    void *memory = NULL;
    int64_t count = 0;
    own_path(unit, name, path);
    TRY(results_read_unit(unit->source->reader, path, unit->unit, type, &memory, &count, error));
    memcpy(out, memory, type_bytes(type, 0));
    memory_free(memory);
    return STATUS_OK;
}

static enum status read_text_cell(const struct old_unit *unit, const char *name, size_t bytes, char *out,
                                  struct error *error)
{
    const struct results_reader *reader = unit->source->reader;
    char path[PATH_BYTES];
    own_path(unit, name, path);
    const struct reader_array *array = reader_find(reader, path);
    if (array == NULL || reader_slab_items(array) != (int64_t)bytes)
        return fail(error, STATUS_BAD_RESULTS, "%s: has no dataset %s like this sweep's", reader->path, path);
    const hid_t type = row_memory_type(RESULTS_TEXT, NULL);
    const herr_t result = reader_read_slab(array, unit->row, type, out);
    H5Tclose(type);
    out[bytes - 1] = '\0';
    return result < 0 ? h5_fail(error, STATUS_IO, reader->path, path) : STATUS_OK;
}

static enum status read_ending(const struct old_unit *unit, struct trial_ending *ending, struct error *error)
{
    uint8_t outcome = OUTCOME_NONE;
    TRY(read_cell(unit, "outcome", RESULTS_ENUM, &outcome, error));
    ending->outcome = (enum trial_outcome)outcome;
    TRY(read_cell(unit, "seconds", RESULTS_FLOAT64, &ending->seconds, error));
    TRY(read_cell(unit, "samples_per_second", RESULTS_FLOAT64, &ending->samples_per_second, error));
    TRY(read_cell(unit, "rank", RESULTS_INT32, &ending->rank, error));
    TRY(read_text_cell(unit, "host", sizeof ending->host, ending->host, error));
    return read_text_cell(unit, "message", sizeof ending->message, ending->message, error);
}

enum status results_source_read(const struct results_source *source, int64_t unit, struct results_row *row,
                                struct trial_ending *ending, struct error *error)
{
    const int64_t trials = results_reader_trials(source->reader);
    const bool pair = unit >= trials;
    const struct old_unit it = {
        .source = source, .unit = unit, .row = pair ? unit - trials : unit, .table = pair ? TABLE_PAIRS : TABLE_TRIALS};
    results_row_clear(row);
    *ending = (struct trial_ending){0};
    for (int a = 0; a < source->schema->array_count; a++)
        if (row->slabs[a].bytes > 0)
            TRY(read_array(&it, a, row, error));
    return read_ending(&it, ending, error);
}
