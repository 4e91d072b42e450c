#include "sweep/schema_build.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Room for one more item in a list that is copied when it grows. */
static enum status reserve(void **items, int count, int *capacity, size_t size, struct error *error)
{
    if (count < *capacity)
        return STATUS_OK;
    const int larger = *capacity == 0 ? 64 : 2 * *capacity;
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)larger, size, "schema", error));
    if (count > 0)
        memcpy(memory, *items, (size_t)count * size);
    memory_free(*items);
    *items = memory;
    *capacity = larger;
    return STATUS_OK;
}

enum status schema_allocate(struct schema *schema, size_t count, size_t size, void **out, struct error *error)
{
    void *list = schema->blocks;
    const enum status status =
        reserve(&list, schema->block_count, &schema->block_capacity, sizeof *schema->blocks, error);
    schema->blocks = list;
    TRY(status);
    TRY(memory_allocate(out, count, size, "schema", error));
    schema->blocks[schema->block_count++] = *out;
    return STATUS_OK;
}

enum status schema_add_dimension(struct schema *schema, const struct results_dimension *dimension, int *index,
                                 struct error *error)
{
    void *list = schema->dimensions;
    const enum status status =
        reserve(&list, schema->results.dimension_count, &schema->dimension_capacity, sizeof *schema->dimensions, error);
    schema->dimensions = list;
    schema->results.dimensions = list;
    TRY(status);
    *index = schema->results.dimension_count;
    schema->dimensions[schema->results.dimension_count++] = *dimension;
    return STATUS_OK;
}

enum status schema_add_array(struct schema *schema, const struct results_array *array, struct error *error)
{
    void *list = schema->arrays;
    const enum status status =
        reserve(&list, schema->results.array_count, &schema->array_capacity, sizeof *schema->arrays, error);
    schema->arrays = list;
    schema->results.arrays = list;
    TRY(status);
    schema->arrays[schema->results.array_count++] = *array;
    return STATUS_OK;
}

enum status schema_add_column(struct schema *schema, const char *group, const struct column *column, int rank,
                              const int *dimensions, struct error *error)
{
    static const enum results_type types[] = {
        [COLUMN_FLOAT32] = RESULTS_FLOAT32, [COLUMN_FLOAT64] = RESULTS_FLOAT64, [COLUMN_INT16] = RESULTS_INT16,
        [COLUMN_INT32] = RESULTS_INT32,     [COLUMN_INT64] = RESULTS_INT64,
    };
    struct results_array array = {.type = types[column->type], .rank = rank, .reproducible = true};
    snprintf(array.group, sizeof array.group, "%s", group);
    snprintf(array.name, sizeof array.name, "%s", column->name);
    snprintf(array.units, sizeof array.units, "%s", column->units);
    snprintf(array.long_name, sizeof array.long_name, "%s", column->long_name);
    memcpy(array.dimensions, dimensions, (size_t)rank * sizeof *dimensions);
    return schema_add_array(schema, &array, error);
}
