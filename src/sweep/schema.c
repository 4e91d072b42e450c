/* schema.c - dimensions first, then arrays group by group.
 * Lists grow; texts and data that arrays lend live in blocks that the schema owns. */
#include "sweep/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/schema_build.h"

static enum status add_curves(struct schema *schema, struct error *error)
{
    for (int i = 0; i < CURVE_COUNT; i++) {
        schema->curves[i] = -1;
        if (i >= CURVE_VALIDATION_LOSS && !schema->validation)
            continue;
        schema->curves[i] = schema->results.array_count;
        const int dimensions[] = {DIM_TRIAL, DIM_EPOCH};
        TRY(schema_add_column(schema, "curves", &curve_columns[i], 2, dimensions, error));
        if (i >= CURVE_VALIDATION_LOSS)
            schema_mark_optional(schema);
    }
    return STATUS_OK;
}

static enum status add_trial_columns(struct schema *schema, struct error *error)
{
    static const struct column columns[TRIAL_COLUMN_COUNT] = {
        [TRIAL_TRAIN_LOSS] = {.name = "train_loss",
                              .type = COLUMN_FLOAT64,
                              .units = "1",
                              .long_name = "final mean training loss"},
        [TRIAL_TEST_LOSS] = {.name = "test_loss",
                             .type = COLUMN_FLOAT64,
                             .units = "1",
                             .long_name = "final mean test loss"},
        [TRIAL_TRAIN_ACCURACY] = {.name = "train_accuracy",
                                  .type = COLUMN_FLOAT64,
                                  .units = "1",
                                  .long_name = "final accuracy on the training labels"},
        [TRIAL_TEST_ACCURACY] = {.name = "test_accuracy",
                                 .type = COLUMN_FLOAT64,
                                 .units = "1",
                                 .long_name = "final accuracy on the test labels"},
        [TRIAL_EPOCHS_RUN] = {.name = "epochs_run",
                              .type = COLUMN_INT32,
                              .units = "epoch",
                              .long_name = "epochs run; train.stop may have cut the last one short"},
        [TRIAL_STEPS] = {.name = "steps",
                         .type = COLUMN_INT64,
                         .units = "step",
                         .long_name = "optimizer steps in the epochs run"},
        [TRIAL_SEPARATED_EPOCH] = {.name = "separated_epoch",
                                   .type = COLUMN_INT32,
                                   .units = "epoch",
                                   .long_name = "first epoch with every training sample right; -1: never"},
        [TRIAL_VALIDATION_LOSS] = {.name = "validation_loss",
                                   .type = COLUMN_FLOAT64,
                                   .units = "1",
                                   .long_name = "final mean validation loss"},
        [TRIAL_VALIDATION_ACCURACY] = {.name = "validation_accuracy",
                                       .type = COLUMN_FLOAT64,
                                       .units = "1",
                                       .long_name = "final accuracy on the validation labels"},
    };
    for (int i = 0; i < TRIAL_COLUMN_COUNT; i++) {
        schema->trials[i] = -1;
        if (i >= TRIAL_VALIDATION_LOSS && !schema->validation)
            continue;
        schema->trials[i] = schema->results.array_count;
        const int dimensions[] = {DIM_TRIAL};
        TRY(schema_add_column(schema, "trials", &columns[i], 1, dimensions, error));
        if (i >= TRIAL_VALIDATION_LOSS)
            schema_mark_optional(schema);
    }
    return STATUS_OK;
}

static enum status build(struct schema *schema, const struct schema_request *request, struct error *error)
{
    schema->longest_epochs = plan_longest_epochs(request->plan);
    schema->longest_steps = plan_longest_steps(request->plan);
    TRY(schema_add_dimensions(schema, request, error));
    TRY(schema_add_fixed(schema, request, error));
    TRY(add_trial_columns(schema, error));
    TRY(add_curves(schema, error));
    TRY(schema_add_stages(schema, request, error));
    TRY(schema_add_metrics(schema, request, error));
    return schema_add_pairs(schema, request, error);
}

enum status schema_create(const struct schema_request *request, struct schema **out, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct schema), "schema", error));
    struct schema *schema = memory;
    schema->dimensions.size = sizeof(struct results_dimension);
    schema->arrays.size = sizeof(struct results_array);
    schema->blocks.size = sizeof(void *);
    const enum status status = build(schema, request, error);
    if (status != STATUS_OK) {
        schema_destroy(&schema);
        return status;
    }
    *out = schema;
    return STATUS_OK;
}

void schema_destroy(struct schema **schema)
{
    if (*schema == NULL)
        return;
    for (int64_t i = 0; i < (*schema)->blocks.count; i++)
        memory_free(((void **)(*schema)->blocks.items)[i]);
    growing_free(&(*schema)->blocks);
    growing_free(&(*schema)->dimensions);
    growing_free(&(*schema)->arrays);
    memory_free(*schema);
    *schema = NULL;
}

const struct results_schema *schema_results(const struct schema *schema)
{
    return &schema->results;
}

int schema_trial_array(const struct schema *schema, enum trial_column column)
{
    return schema->trials[column];
}

int schema_pair_array(const struct schema *schema, enum pair_column column)
{
    return schema->pairs[column];
}

int schema_stage_array(const struct schema *schema, enum stage_column column)
{
    return schema->stages[column];
}

int schema_curve_array(const struct schema *schema, enum curve curve)
{
    return schema->curves[curve];
}

int schema_metric_count(const struct schema *schema)
{
    return schema->metric_count;
}

const struct schema_metric *schema_metric(const struct schema *schema, int metric)
{
    return &schema->metrics[metric];
}

size_t schema_point_bytes(const struct schema *schema, int array)
{
    static const size_t bytes[] = {
        [RESULTS_INT16] = 2, [RESULTS_INT32] = 4, [RESULTS_INT64] = 8, [RESULTS_FLOAT32] = 4, [RESULTS_FLOAT64] = 8};
    const struct results_array *a = &schema->results.arrays[array];
    size_t count = 1;
    for (int d = 2; d < a->rank; d++)
        count *= (size_t)schema->results.dimensions[a->dimensions[d]].size;
    return count * bytes[a->type];
}
