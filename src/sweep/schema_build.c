#include "sweep/schema_build.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum status schema_allocate(struct schema *schema, size_t count, size_t size, void **out, struct error *error)
{
    void *block = NULL;
    TRY(memory_allocate(&block, count, size, "schema", error));
    const enum status status = growing_add(&schema->blocks, &block, error);
    if (status != STATUS_OK) {
        memory_free(block);
        return status;
    }
    *out = block;
    return STATUS_OK;
}

enum status schema_add_dimension(struct schema *schema, const struct results_dimension *dimension, int *index,
                                 struct error *error)
{
    TRY(growing_add(&schema->dimensions, dimension, error));
    schema->results.dimensions = schema->dimensions.items;
    *index = schema->results.dimension_count++;
    return STATUS_OK;
}

enum status schema_add_array(struct schema *schema, const struct results_array *array, struct error *error)
{
    TRY(growing_add(&schema->arrays, array, error));
    schema->results.arrays = schema->arrays.items;
    schema->results.array_count++;
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

void schema_mark_optional(struct schema *schema)
{
    ((struct results_array *)schema->arrays.items)[schema->results.array_count - 1].optional = true;
}
