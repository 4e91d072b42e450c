/* schema.h - the whole layout of a file: the caller's schema and the engine's own columns, in one list. */
#ifndef SEEDBED_RESULTS_SCHEMA_H
#define SEEDBED_RESULTS_SCHEMA_H

#include "results/results.h"

enum { FORMAT_VERSION = 2, SESSION_CAPACITY = 1024, ENGINE_BYTES = 64, ENDING_BYTES = 32 };
enum { PATH_BYTES = 2 * RESULTS_NAME_BYTES + 2 };

#define FORMAT_NAME "seedbed-results"

/* The engine's own columns, in the order of the table in schema.c; those of /pairs follow. */
enum own_column {
    OWN_STATE,
    OWN_OUTCOME,
    OWN_ATTEMPT,
    OWN_CRASHES,
    OWN_CHECKSUM,
    OWN_MESSAGE,
    OWN_SECONDS,
    OWN_SAMPLES_PER_SECOND,
    OWN_RANK,
    OWN_HOST,
    OWN_SESSION,
    OWN_ROW_COUNT, /* the columns above stand in /trials and, where there are pairs, in /pairs */
    SESSION_STARTED = OWN_ROW_COUNT,
    SESSION_ENDED,
    SESSION_HOST,
    SESSION_PROCESS,
    SESSION_RANKS,
    SESSION_ENGINE,
    SESSION_ENDING,
    OWN_COUNT
};

/* What an own column holds in a new file. Texts are long and read as empty: they stay holes. */
enum initial { INITIAL_HOLE, INITIAL_ZERO, INITIAL_ABSENT };

struct layout {
    struct results_dimension *dimensions; /* the schema's, `session`, then the letters of rows' texts */
    int dimension_count;
    struct results_array *arrays; /* the schema's, then the own columns */
    int array_count;
    int schema_array_count; /* index of the first own column */
    int pair_dimension;     /* 0: none */
    int64_t trials, pairs;
    const struct results_attribute *attributes;
    int attribute_count;
};

/* Checks the schema (a mistake in it is ours: STATUS_INTERNAL). `attributes` and all data stay lent. */
enum status layout_create(const struct results_schema *schema, struct layout **out, struct error *error);
void layout_destroy(struct layout **layout);
/* Of an own column, by its index in arrays. */
enum initial layout_initial(const struct layout *layout, int array);
/* Index in arrays. */
int layout_own(const struct layout *layout, enum results_table table, enum own_column column);
/* The table and *row of a unit. */
enum results_table layout_table(const struct layout *layout, int64_t unit, int64_t *row);

/* "/group/name" */
void array_path(const struct results_array *array, char path[PATH_BYTES]);
size_t type_bytes(enum results_type type, size_t text_bytes);
const char *type_name(enum results_type type);
/* Items of the array from dimension `first` on: 0 the whole, 1 one trial's slab. INT64_MAX when it overflows. */
int64_t array_items(const struct results_dimension *dimensions, const struct results_array *array, int first);
bool array_is_row(const struct results_array *array);
/* A text of rows: its dataset has a dimension more than the array. */
bool array_is_letters(const struct results_array *array);
/* That dimension, of texts of so many bytes; -1: none. */
int layout_letters(const struct layout *layout, size_t text_bytes);
bool array_is_row_of(const struct results_array *array, int pair_dimension, enum results_table table);
/* NaN, -1, 0 for unsigned and enums, "" for text. */
void fill_absent(enum results_type type, size_t text_bytes, int64_t items, void *out);

/* a * b and a + b that stop at INT64_MAX; a, b >= 0. */
int64_t multiply_capped(int64_t a, int64_t b);
int64_t add_capped(int64_t a, int64_t b);

#endif
