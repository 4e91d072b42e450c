/* schema.c - the layout: the caller's arrays and the engine's own, in one list that everything else walks. */
#include "results/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

const char *const trial_state_names[] = {"waiting", "running", "committed", NULL};
const char *const trial_outcome_names[] = {"none", "done", "diverged", "timeout", "failed", NULL};

#define SINCE_1970 "seconds since 1970-01-01"

struct own_entry {
    struct results_array array;
    enum initial initial;
};

#define OWN(group_, name_, type_, bytes_, units_, reproducible_, initial_, long_name_) \
    {                                                                                  \
        .array = {.group = group_,                                                     \
                  .name = name_,                                                       \
                  .type = type_,                                                       \
                  .text_bytes = bytes_,                                                \
                  .rank = 1,                                                           \
                  .units = units_,                                                     \
                  .long_name = long_name_,                                             \
                  .reproducible = reproducible_},                                      \
        .initial = initial_                                                            \
    }

static const struct own_entry own_entries[OWN_COUNT] = {
    [OWN_STATE] = OWN("trials", "state", RESULTS_ENUM, 0, "1", true, INITIAL_ZERO,
                      "whether the rows are whole: only `committed` ones are"),
    [OWN_OUTCOME] = OWN("trials", "outcome", RESULTS_ENUM, 0, "1", true, INITIAL_ZERO, "how it ended"),
    [OWN_ATTEMPT] = OWN("trials", "attempt", RESULTS_INT32, 0, "1", false, INITIAL_ZERO, "times it was started"),
    [OWN_CRASHES] = OWN("trials", "crashes", RESULTS_INT32, 0, "1", false, INITIAL_ZERO, "times it ended its process"),
    [OWN_CHECKSUM] = OWN("trials", "checksum", RESULTS_UINT64, 0, "1", true, INITIAL_ZERO,
                         "XXH3-64 over the reproducible rows, outcome and message"),
    [OWN_MESSAGE] = OWN("trials", "message", RESULTS_TEXT, MESSAGE_BYTES, "1", true, INITIAL_HOLE,
                        "why it ended as it did; empty when done"),
    [OWN_SECONDS] =
        OWN("trials", "seconds", RESULTS_FLOAT64, 0, "s", false, INITIAL_ABSENT, "wall time of the last attempt"),
    [OWN_SAMPLES_PER_SECOND] = OWN("trials", "samples_per_second", RESULTS_FLOAT64, 0, "s-1", false, INITIAL_ABSENT,
                                   "training samples per second of wall time"),
    [OWN_RANK] = OWN("trials", "rank", RESULTS_INT32, 0, "1", false, INITIAL_ABSENT, "MPI rank that ran it"),
    [OWN_HOST] = OWN("trials", "host", RESULTS_TEXT, HOST_BYTES, "1", false, INITIAL_HOLE, "host that ran it"),
    [OWN_SESSION] =
        OWN("trials", "session", RESULTS_INT32, 0, "1", false, INITIAL_ABSENT, "row of /sessions that committed it"),
    [SESSION_STARTED] = OWN("sessions", "started", RESULTS_FLOAT64, 0, SINCE_1970, false, INITIAL_ABSENT, "start, UTC"),
    [SESSION_ENDED] = OWN("sessions", "ended", RESULTS_FLOAT64, 0, SINCE_1970, false, INITIAL_ABSENT, "end, UTC"),
    [SESSION_HOST] = OWN("sessions", "host", RESULTS_TEXT, HOST_BYTES, "1", false, INITIAL_ZERO, "host of rank 0"),
    [SESSION_PROCESS] =
        OWN("sessions", "process", RESULTS_INT64, 0, "1", false, INITIAL_ABSENT, "process number of rank 0"),
    [SESSION_RANKS] = OWN("sessions", "ranks", RESULTS_INT32, 0, "1", false, INITIAL_ABSENT, "number of MPI ranks"),
    [SESSION_ENGINE] = OWN("sessions", "engine", RESULTS_TEXT, ENGINE_BYTES, "1", false, INITIAL_ZERO,
                           "version and revision of the engine, and its vectors"),
    [SESSION_ENDING] = OWN("sessions", "ending", RESULTS_TEXT, ENDING_BYTES, "1", false, INITIAL_ZERO,
                           "running, complete, stopped or failed; empty: unused row"),
};

enum initial layout_initial(const struct layout *layout, int array)
{
    const int own = array - layout->schema_array_count;
    return own_entries[own < OWN_COUNT ? own : own - OWN_COUNT].initial;
}

int layout_own(const struct layout *layout, enum results_table table, enum own_column column)
{
    return layout->schema_array_count + (table == TABLE_PAIRS ? OWN_COUNT : 0) + (int)column;
}

enum results_table layout_table(const struct layout *layout, int64_t unit, int64_t *row)
{
    *row = unit < layout->trials ? unit : unit - layout->trials;
    return unit < layout->trials ? TABLE_TRIALS : TABLE_PAIRS;
}

bool array_is_row_of(const struct results_array *array, int pair_dimension, enum results_table table)
{
    const int dimension = table == TABLE_TRIALS ? 0 : pair_dimension;
    return array_is_row(array) && array->rank > 0 && array->dimensions[0] == dimension;
}

void array_path(const struct results_array *array, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "/%s/%s", array->group, array->name);
}

size_t type_bytes(enum results_type type, size_t text_bytes)
{
    static const size_t bytes[] = {
        [RESULTS_UINT8] = 1,  [RESULTS_INT16] = 2,   [RESULTS_INT32] = 4,   [RESULTS_INT64] = 8,
        [RESULTS_UINT64] = 8, [RESULTS_FLOAT32] = 4, [RESULTS_FLOAT64] = 8, [RESULTS_ENUM] = 1};
    return type == RESULTS_TEXT ? text_bytes : bytes[type];
}

const char *type_name(enum results_type type)
{
    static const char *const names[] = {
        [RESULTS_UINT8] = "uint8", [RESULTS_INT16] = "int16",     [RESULTS_INT32] = "int32",
        [RESULTS_INT64] = "int64", [RESULTS_UINT64] = "uint64",   [RESULTS_FLOAT32] = "float32",
        [RESULTS_TEXT] = "text",   [RESULTS_FLOAT64] = "float64", [RESULTS_ENUM] = "enum"};
    return names[type];
}

int64_t multiply_capped(int64_t a, int64_t b)
{
    return b != 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

int64_t add_capped(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t array_items(const struct results_dimension *dimensions, const struct results_array *array, int first)
{
    int64_t items = 1;
    for (int d = first; d < array->rank; d++)
        items = multiply_capped(items, dimensions[array->dimensions[d]].size);
    return items;
}

bool array_is_row(const struct results_array *array)
{
    return array->data == NULL;
}

bool array_is_letters(const struct results_array *array)
{
    return array->type == RESULTS_TEXT && array_is_row(array);
}

/* "letter_64", of texts of up to 64 bytes */
static void letters_name(size_t text_bytes, char name[RESULTS_NAME_BYTES])
{
    snprintf(name, RESULTS_NAME_BYTES, "letter_%zu", text_bytes);
}

int layout_letters(const struct layout *layout, size_t text_bytes)
{
    char name[RESULTS_NAME_BYTES];
    letters_name(text_bytes, name);
    for (int d = 0; d < layout->dimension_count; d++)
        if (strcmp(layout->dimensions[d].name, name) == 0)
            return d;
    return -1;
}

void fill_absent(enum results_type type, size_t text_bytes, int64_t items, void *out)
{
    const size_t bytes = (size_t)items * type_bytes(type, text_bytes);
    switch (type) {
    case RESULTS_FLOAT32:
        for (int64_t i = 0; i < items; i++)
            ((float *)out)[i] = NAN;
        return;
    case RESULTS_FLOAT64:
        for (int64_t i = 0; i < items; i++)
            ((double *)out)[i] = (double)NAN;
        return;
    case RESULTS_INT16:
    case RESULTS_INT32:
    case RESULTS_INT64:
        memset(out, 0xff, bytes);
        return;
    default:
        memset(out, 0, bytes);
    }
}

static bool name_is_good(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           memchr(name, '\0', RESULTS_NAME_BYTES) != NULL;
}

static enum status check_dimension(const struct layout *layout, int index, struct error *error)
{
    const struct results_dimension *dimension = &layout->dimensions[index];
    if (!name_is_good(dimension->name) || dimension->size < 1)
        return fail(error, STATUS_INTERNAL, "results schema: dimension %d ('%.64s', size %lld) is not usable", index,
                    dimension->name, (long long)dimension->size);
    for (int other = 0; other < index; other++)
        if (strcmp(layout->dimensions[other].name, dimension->name) == 0)
            return fail(error, STATUS_INTERNAL, "results schema: dimension '%s' is there twice", dimension->name);
    for (int a = 0; a < layout->array_count; a++)
        if (strcmp(layout->arrays[a].group, dimension->name) == 0)
            return fail(error, STATUS_INTERNAL, "results schema: '%s' is a dimension and a group", dimension->name);
    return STATUS_OK;
}

static bool array_is_good(const struct layout *layout, const struct results_array *array)
{
    if (!name_is_good(array->group) || !name_is_good(array->name) || array->rank < 0 ||
        array->rank + array_is_letters(array) > RESULTS_RANK_MAX)
        return false;
    for (int d = 0; d < array->rank; d++)
        if (array->dimensions[d] < 0 || array->dimensions[d] >= layout->dimension_count)
            return false;
    if (array->type == RESULTS_TEXT && !array_is_row(array) && array->rank > 1)
        return false;
    return (array->type != RESULTS_TEXT || array->text_bytes > 0) &&
           (array->type != RESULTS_ENUM || array->enum_names != NULL);
}

static enum status check_array(const struct layout *layout, int index, struct error *error)
{
    const struct results_array *array = &layout->arrays[index];
    if (!array_is_good(layout, array))
        return fail(error, STATUS_INTERNAL, "results schema: array %d ('%.64s/%.64s') is not usable", index,
                    array->group, array->name);
    if (index < layout->schema_array_count && array_is_row(array) &&
        !array_is_row_of(array, layout->pair_dimension, TABLE_TRIALS) &&
        !array_is_row_of(array, layout->pair_dimension, TABLE_PAIRS))
        return fail(error, STATUS_INTERNAL, "results schema: /%s/%s has no data and no dimension `trial` or `pair`",
                    array->group, array->name);
    for (int other = 0; other < index; other++)
        if (strcmp(layout->arrays[other].name, array->name) == 0 &&
            strcmp(layout->arrays[other].group, array->group) == 0)
            return fail(error, STATUS_INTERNAL, "results schema: /%s/%s is there twice", array->group, array->name);
    return STATUS_OK;
}

static enum status layout_check(const struct layout *layout, struct error *error)
{
    for (int d = 0; d < layout->dimension_count; d++)
        TRY(check_dimension(layout, d, error));
    for (int a = 0; a < layout->array_count; a++)
        TRY(check_array(layout, a, error));
    return STATUS_OK;
}

static int own_count(const struct results_schema *schema)
{
    return OWN_COUNT + (schema->pair_dimension > 0 ? OWN_ROW_COUNT : 0);
}

static void fill_own(struct layout *layout, int own, const char *group, int dimension)
{
    const enum own_column column = (enum own_column)(own < OWN_COUNT ? own : own - OWN_COUNT);
    struct results_array *array = &layout->arrays[layout->schema_array_count + own];
    *array = own_entries[column].array;
    snprintf(array->group, sizeof array->group, "%s", group);
    array->dimensions[0] = dimension;
    if (column == OWN_STATE)
        array->enum_names = trial_state_names;
    if (column == OWN_OUTCOME)
        array->enum_names = trial_outcome_names;
}

static void fill_letters(struct layout *layout)
{
    for (int a = 0; a < layout->array_count; a++) {
        const struct results_array *array = &layout->arrays[a];
        if (!array_is_letters(array) || layout_letters(layout, array->text_bytes) >= 0)
            continue;
        struct results_dimension *letters = &layout->dimensions[layout->dimension_count++];
        *letters = (struct results_dimension){
            .size = (int64_t)array->text_bytes, .type = RESULTS_INT64, .long_name = "byte of a text", .units = "1"};
        letters_name(array->text_bytes, letters->name);
    }
}

static void layout_fill(struct layout *layout, const struct results_schema *schema)
{
    const int session = schema->dimension_count;
    memcpy(layout->dimensions, schema->dimensions, (size_t)session * sizeof *layout->dimensions);
    layout->dimensions[session] = (struct results_dimension){.name = "session",
                                                             .size = SESSION_CAPACITY,
                                                             .type = RESULTS_INT64,
                                                             .long_name = "start of the run",
                                                             .units = "1"};
    layout->dimension_count = session + 1;
    layout->pair_dimension = schema->pair_dimension;
    layout->trials = schema->dimensions[0].size;
    layout->pairs = schema->pair_dimension > 0 ? schema->dimensions[schema->pair_dimension].size : 0;
    if (schema->array_count > 0)
        memcpy(layout->arrays, schema->arrays, (size_t)schema->array_count * sizeof *layout->arrays);
    layout->schema_array_count = schema->array_count;
    layout->array_count = schema->array_count + own_count(schema);
    for (int own = 0; own < OWN_COUNT; own++)
        fill_own(layout, own, own >= SESSION_STARTED ? "sessions" : "trials", own >= SESSION_STARTED ? session : 0);
    for (int own = OWN_COUNT; own < own_count(schema); own++)
        fill_own(layout, own, "pairs", schema->pair_dimension);
    fill_letters(layout);
    layout->attributes = schema->attributes;
    layout->attribute_count = schema->attribute_count;
}

enum status layout_create(const struct results_schema *schema, struct layout **out, struct error *error)
{
    if (schema->dimension_count < 1 || strcmp(schema->dimensions[0].name, "trial") != 0)
        return fail(error, STATUS_INTERNAL, "results schema: the first dimension is not `trial`");
    if (schema->pair_dimension != 0 &&
        (schema->pair_dimension < 0 || schema->pair_dimension >= schema->dimension_count ||
         strcmp(schema->dimensions[schema->pair_dimension].name, "pair") != 0))
        return fail(error, STATUS_INTERNAL, "results schema: dimension %d is not `pair`", schema->pair_dimension);
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct layout), "results layout", error));
    struct layout *layout = memory;
    const size_t array_count = (size_t)(schema->array_count + own_count(schema));
    enum status status = memory_allocate(&memory, (size_t)schema->dimension_count + 1 + array_count,
                                         sizeof *layout->dimensions, "dimensions of the results file", error);
    if (status != STATUS_OK)
        goto destroy;
    layout->dimensions = memory;
    status = memory_allocate(&memory, array_count, sizeof *layout->arrays, "arrays of the results file", error);
    if (status != STATUS_OK)
        goto destroy;
    layout->arrays = memory;
    layout_fill(layout, schema);
    status = layout_check(layout, error);
    if (status != STATUS_OK)
        goto destroy;
    *out = layout;
    return STATUS_OK;
destroy:
    layout_destroy(&layout);
    return status;
}

void layout_destroy(struct layout **layout)
{
    if (*layout == NULL)
        return;
    memory_free((*layout)->dimensions);
    memory_free((*layout)->arrays);
    memory_free(*layout);
    *layout = NULL;
}
