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
        schema->curves[i] = schema->results.array_count;
        const int dimensions[] = {DIM_TRIAL, DIM_EPOCH};
        TRY(schema_add_column(schema, "curves", &curve_columns[i], 2, dimensions, error));
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
    };
    for (int i = 0; i < TRIAL_COLUMN_COUNT; i++) {
        schema->trials[i] = schema->results.array_count;
        const int dimensions[] = {DIM_TRIAL};
        TRY(schema_add_column(schema, "trials", &columns[i], 1, dimensions, error));
    }
    return STATUS_OK;
}

/* "init", "epoch 5", "separated", "end": coordinates of <metric>_point. */
static void name_point(const struct measure_point *point, char *text, size_t bytes)
{
    if (point->moment == MOMENT_SEPARATED)
        snprintf(text, bytes, "separated");
    else if (point->moment == MOMENT_END)
        snprintf(text, bytes, "end");
    else if (point->epoch == 0)
        snprintf(text, bytes, "init");
    else
        snprintf(text, bytes, "epoch %d", point->epoch);
}

static enum status add_points(struct schema *schema, struct schema_metric *metric, int *dimension, struct error *error)
{
    enum { POINT_NAME_BYTES = 24 };
    const struct metric_when *when = metric->settings;
    const int epochs = (int)schema->longest_epochs;
    metric->point_count = metric_points(when, epochs, NULL, 0);
    void *points = NULL;
    TRY(schema_allocate(schema, (size_t)metric->point_count, sizeof *metric->points, &points, error));
    metric->points = points;
    metric_points(when, epochs, metric->points, metric->point_count);
    void *names = NULL;
    TRY(schema_allocate(schema, (size_t)metric->point_count, POINT_NAME_BYTES, &names, error));
    for (int i = 0; i < metric->point_count; i++)
        name_point(&metric->points[i], (char *)names + i * POINT_NAME_BYTES, POINT_NAME_BYTES);
    struct results_dimension point = {.size = metric->point_count,
                                      .type = RESULTS_TEXT,
                                      .text_bytes = POINT_NAME_BYTES,
                                      .coordinates = names,
                                      .units = "1"};
    snprintf(point.name, sizeof point.name, "%s_point", metric->ops->kind.name);
    snprintf(point.long_name, sizeof point.long_name, "measure points of %s", metric->ops->kind.name);
    return schema_add_dimension(schema, &point, dimension, error);
}

static enum status add_point_columns(struct schema *schema, struct schema_metric *metric, int dimension,
                                     struct error *error)
{
    static const struct column columns[POINT_COLUMN_COUNT] = {
        [POINT_EPOCH] = {.name = "epoch",
                         .type = COLUMN_INT32,
                         .units = "epoch",
                         .long_name = "epochs run at the measure point; -1: it never came"},
        [POINT_STEP] = {.name = "step",
                        .type = COLUMN_INT64,
                        .units = "step",
                        .long_name = "optimizer steps at the measure point"},
        [POINT_SAMPLES_SEEN] = {.name = "samples_seen",
                                .type = COLUMN_INT64,
                                .units = "sample",
                                .long_name = "training samples seen at the measure point"},
        [POINT_TRAIN_LOSS] = {.name = "train_loss",
                              .type = COLUMN_FLOAT64,
                              .units = "1",
                              .long_name = "mean training loss at the measure point"},
    };
    metric->first_point_array = schema->results.array_count;
    const int dimensions[] = {DIM_TRIAL, dimension};
    for (int i = 0; i < POINT_COLUMN_COUNT; i++)
        TRY(schema_add_column(schema, metric->ops->kind.name, &columns[i], 2, dimensions, error));
    return STATUS_OK;
}

static enum status add_metric_columns(struct schema *schema, struct schema_metric *metric, int point,
                                      struct error *error)
{
    static const int known[DIMENSION_COUNT] = {
        [DIMENSION_EPOCH] = DIM_EPOCH,
        [DIMENSION_TRAIN_SAMPLE] = DIM_TRAIN_SAMPLE,
        [DIMENSION_TEST_SAMPLE] = DIM_TEST_SAMPLE,
        [DIMENSION_CLASS] = DIM_CLASS,
        [DIMENSION_PARAMETER] = DIM_PARAMETER,
    };
    metric->first_array = schema->results.array_count;
    for (int i = 0; i < metric->ops->column_count; i++) {
        const struct column *column = &metric->ops->columns[i];
        int dimensions[COLUMN_DIMENSIONS_MAX + 1] = {DIM_TRIAL};
        int rank = 1;
        for (int d = 0; d < COLUMN_DIMENSIONS_MAX && column->dimensions[d] != DIMENSION_NONE; d++)
            dimensions[rank++] = column->dimensions[d] == DIMENSION_POINT ? point : known[column->dimensions[d]];
        TRY(schema_add_column(schema, metric->ops->kind.name, column, rank, dimensions, error));
    }
    return STATUS_OK;
}

static enum status add_metrics(struct schema *schema, const struct choices *metrics, struct error *error)
{
    for (int i = 0; i < metrics->count; i++) {
        struct schema_metric *metric = &schema->metrics[schema->metric_count];
        metric->ops = (const struct metric_ops *)metrics->items[i].kind;
        metric->settings = metrics->items[i].settings;
        if (metric_points(metric->settings, (int)schema->longest_epochs, NULL, 0) == 0)
            continue;
        int point = 0;
        TRY(add_points(schema, metric, &point, error));
        TRY(add_point_columns(schema, metric, point, error));
        TRY(add_metric_columns(schema, metric, point, error));
        schema->metric_count++;
    }
    return STATUS_OK;
}

static enum status build(struct schema *schema, const struct schema_request *request, struct error *error)
{
    schema->longest_epochs = plan_longest_epochs(request->plan);
    TRY(schema_add_dimensions(schema, request, error));
    TRY(schema_add_fixed(schema, request, error));
    TRY(add_trial_columns(schema, error));
    TRY(add_curves(schema, error));
    return add_metrics(schema, &plan_sweep_config(request->plan)->metrics, error);
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
