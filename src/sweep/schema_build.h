/* schema_build.h - how a schema grows; for schema.c and schema_fixed.c. */
#ifndef SEEDBED_SWEEP_SCHEMA_BUILD_H
#define SEEDBED_SWEEP_SCHEMA_BUILD_H

#include "sweep/growing.h"
#include "sweep/schema.h"

/* Dimensions by index; the metrics' points follow. */
enum {
    DIM_TRIAL,
    DIM_EPOCH,
    DIM_VARIANT,
    DIM_TRAIN_SAMPLE,
    DIM_TEST_SAMPLE,
    DIM_CLASS,
    DIM_CHANNEL,
    DIM_SOURCE,
    DIM_MODEL,
    DIM_TENSOR,
    DIM_TENSOR_AXIS,
    DIM_PARAMETER,
    DIM_VALIDATION_SAMPLE, /* the last: only where the sweep has a validation part */
    DIM_COUNT
};

struct schema {
    struct results_schema results;
    struct growing dimensions, arrays; /* struct results_dimension, struct results_array */
    struct results_attribute attributes[4];
    struct growing blocks; /* void *: owned, what arrays and points lend */
    int64_t longest_epochs, longest_steps;
    bool validation; /* the sweep has a validation part */
    int trials[TRIAL_COLUMN_COUNT];
    int curves[CURVE_COUNT];
    int pairs[PAIR_COLUMN_COUNT];
    int stages[STAGE_COLUMN_COUNT];
    struct schema_metric metrics[CHOICES_MAX];
    int metric_count;
};

/* Zeroed memory that lives as long as the schema. */
enum status schema_allocate(struct schema *schema, size_t count, size_t size, void **out, struct error *error);

enum status schema_add_dimension(struct schema *schema, const struct results_dimension *dimension, int *index,
                                 struct error *error);
enum status schema_add_array(struct schema *schema, const struct results_array *array, struct error *error);

/* A reproducible row column; dimensions [rank] begin with DIM_TRIAL. */
enum status schema_add_column(struct schema *schema, const char *group, const struct column *column, int rank,
                              const int *dimensions, struct error *error);

/* Says that the array added last is there for some trials of the sweep only. */
void schema_mark_optional(struct schema *schema);

/* The dimensions of the list above. */
enum status schema_add_dimensions(struct schema *schema, const struct schema_request *request, struct error *error);

/* One line of a table of reproducible fixed arrays; a line without name ends it. */
struct fixed_array {
    const char *name;
    enum results_type type;
    size_t text_bytes; /* RESULTS_TEXT */
    int rank;
    int dimensions[2];
    const char *long_name;
    void *to; /* the address of a pointer, which gets the array's zeroed memory where the file is made, else NULL */
};

enum status schema_add_fixed_arrays(struct schema *schema, const struct schema_request *request, const char *group,
                                    const struct fixed_array *table, struct error *error);

/* *data (where the file is made) is the array's zeroed memory, to be filled by the caller; else NULL. */
enum status schema_add_fixed_array(struct schema *schema, const struct schema_request *request,
                                   struct results_array array, void **data, struct error *error);

/* The group /stages, if a trial has any. */
enum status schema_add_stages(struct schema *schema, const struct schema_request *request, struct error *error);

/* A group for each metric that has measure points. Dimensions come first, then this. */
enum status schema_add_metrics(struct schema *schema, const struct schema_request *request, struct error *error);

/* The group /pairs, if the plan has pairs. */
enum status schema_add_pairs(struct schema *schema, const struct schema_request *request, struct error *error);

/* The part of schema_add_fixed that needs the data sets and networks. */
enum status schema_add_data(struct schema *schema, const struct schema_request *request, struct error *error);

/* Everything that is written when the file is made: /sweep, /provenance, /dataset, /weights/layout_*, axes of /trials.
 */
enum status schema_add_fixed(struct schema *schema, const struct schema_request *request, struct error *error);

#endif
