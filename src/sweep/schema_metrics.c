/* schema_metrics.c - the groups of the sweep's metrics: their measure points, own dimensions and columns. */
#include <inttypes.h>
#include <stdio.h>

#include "sweep/schema_build.h"

/* "init", "epoch 5", "step 100", "loss 0.056", "separated", "end": coordinates of <metric>_point. */
static void name_point(const struct measure_point *point, char *text, size_t bytes)
{
    switch (point->moment) {
    case MOMENT_EPOCH:
        if (point->number == 0)
            snprintf(text, bytes, "init");
        else
            snprintf(text, bytes, "epoch %" PRId64, point->number);
        break;
    case MOMENT_STEP:
        snprintf(text, bytes, "step %" PRId64, point->number);
        break;
    case MOMENT_LOSS:
        snprintf(text, bytes, "loss %.12g", point->train_loss);
        break;
    case MOMENT_SEPARATED:
        snprintf(text, bytes, "separated");
        break;
    case MOMENT_END:
        snprintf(text, bytes, "end");
        break;
    }
}

static enum status add_points(struct schema *schema, struct schema_metric *metric, int *dimension, struct error *error)
{
    enum { POINT_NAME_BYTES = 24 };
    const struct metric_when *when = metric->settings;
    void *points = NULL;
    TRY(schema_allocate(schema, (size_t)metric->point_count, sizeof *metric->points, &points, error));
    metric->points = points;
    metric_points(when, schema->longest_epochs, schema->longest_steps, metric->points, metric->point_count);
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
                         .long_name = "epoch that the measure point ends or lies in; -1: it never came"},
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

static int64_t dimension_size(const struct schema_metric *metric, const struct metric_sizes *sizes, int own)
{
    return metric->ops->dimensions[own].size(metric->settings, sizes);
}

static enum status add_coordinates(struct schema *schema, const struct schema_metric *metric,
                                   const struct metric_dimension *own, struct results_dimension *to,
                                   struct error *error)
{
    enum { COORDINATE_BYTES = 48 };
    void *coordinates = NULL;
    if (own->number == NULL && own->text == NULL)
        return STATUS_OK;
    to->type = own->number != NULL ? RESULTS_FLOAT64 : RESULTS_TEXT;
    to->text_bytes = own->number != NULL ? 0 : COORDINATE_BYTES;
    const size_t bytes = own->number != NULL ? sizeof(double) : COORDINATE_BYTES;
    TRY(schema_allocate(schema, (size_t)to->size, bytes, &coordinates, error));
    to->coordinates = coordinates;
    for (int64_t i = 0; i < to->size; i++)
        if (own->number != NULL)
            ((double *)coordinates)[i] = own->number(metric->settings, i);
        else
            snprintf((char *)coordinates + i * COORDINATE_BYTES, COORDINATE_BYTES, "%s",
                     own->text(metric->settings, i));
    return STATUS_OK;
}

/* indices [ops->dimension_count]: into the schema's dimensions; untouched where a dimension is left out. */
static enum status add_own_dimensions(struct schema *schema, const struct schema_metric *metric, int *indices,
                                      struct error *error)
{
    for (int i = 0; i < metric->ops->dimension_count; i++) {
        const struct metric_dimension *own = &metric->ops->dimensions[i];
        struct results_dimension dimension = {.size = dimension_size(metric, &metric->sizes, i), .type = RESULTS_INT64};
        if (dimension.size == 0)
            continue;
        TRY(add_coordinates(schema, metric, own, &dimension, error));
        snprintf(dimension.name, sizeof dimension.name, "%s_%s", metric->ops->kind.name, own->name);
        snprintf(dimension.units, sizeof dimension.units, "%s", own->units);
        snprintf(dimension.long_name, sizeof dimension.long_name, "%s", own->long_name);
        TRY(schema_add_dimension(schema, &dimension, &indices[i], error));
    }
    return STATUS_OK;
}

/* Only for the dimensions that a sweep may be without. */
static bool is_empty(const struct schema_metric *metric, const struct metric_sizes *sizes,
                     enum column_dimension dimension)
{
    if (dimension == DIMENSION_VALIDATION_SAMPLE)
        return sizes->validation_samples == 0;
    return dimension >= DIMENSION_OWN && dimension_size(metric, sizes, (int)dimension - DIMENSION_OWN) == 0;
}

static bool is_recorded(const struct schema_metric *metric, const struct metric_sizes *sizes, int c)
{
    const struct column *column = &metric->ops->columns[c];
    for (int d = 0; d < COLUMN_DIMENSIONS_MAX && column->dimensions[d] != DIMENSION_NONE; d++)
        if (is_empty(metric, sizes, column->dimensions[d]))
            return false;
    return metric->ops->records == NULL || metric->ops->records(metric->settings, sizes, c);
}

static enum status add_metric_columns(struct schema *schema, struct schema_metric *metric, int point,
                                      struct error *error)
{
    int dimension_of[DIMENSION_OWN + METRIC_DIMENSIONS_MAX] = {
        [DIMENSION_POINT] = point,
        [DIMENSION_EPOCH] = DIM_EPOCH,
        [DIMENSION_TRAIN_SAMPLE] = DIM_TRAIN_SAMPLE,
        [DIMENSION_TEST_SAMPLE] = DIM_TEST_SAMPLE,
        [DIMENSION_VALIDATION_SAMPLE] = DIM_VALIDATION_SAMPLE,
        [DIMENSION_CLASS] = DIM_CLASS,
        [DIMENSION_PARAMETER] = DIM_PARAMETER,
    };
    void *arrays = NULL;
    struct metric_sizes unvalidated = metric->sizes;
    unvalidated.validation_samples = 0;
    TRY(schema_allocate(schema, (size_t)metric->ops->column_count, sizeof *metric->arrays, &arrays, error));
    metric->arrays = arrays;
    TRY(add_own_dimensions(schema, metric, dimension_of + DIMENSION_OWN, error));
    for (int i = 0; i < metric->ops->column_count; i++) {
        const struct column *column = &metric->ops->columns[i];
        int dimensions[COLUMN_DIMENSIONS_MAX + 1] = {DIM_TRIAL};
        int rank = 1;
        metric->arrays[i] = -1;
        if (!is_recorded(metric, &metric->sizes, i))
            continue;
        for (int d = 0; d < COLUMN_DIMENSIONS_MAX && column->dimensions[d] != DIMENSION_NONE; d++)
            dimensions[rank++] = dimension_of[column->dimensions[d]];
        metric->arrays[i] = schema->results.array_count;
        TRY(schema_add_column(schema, metric->ops->kind.name, column, rank, dimensions, error));
        if (!is_recorded(metric, &unvalidated, i))
            schema_mark_optional(schema);
    }
    return STATUS_OK;
}

static struct metric_sizes measure_sizes(const struct schema *schema, const struct plan *plan)
{
    const struct results_dimension *dimensions = schema->results.dimensions;
    struct metric_sizes sizes = {.epochs = schema->longest_epochs,
                                 .train_samples = dimensions[DIM_TRAIN_SAMPLE].size,
                                 .test_samples = dimensions[DIM_TEST_SAMPLE].size,
                                 .validation_samples = schema->validation ? dimensions[DIM_VALIDATION_SAMPLE].size : 0,
                                 .classes = dimensions[DIM_CLASS].size,
                                 .parameters = dimensions[DIM_PARAMETER].size,
                                 .choices = plan_reductions(plan)->choices};
    for (int i = 0; i < plan_source_count(plan); i++)
        sizes.superclasses |= plan_source(plan, i)->dataset->shape.superclasses;
    sizes.kept = reduction_most_kept(plan_reductions(plan), sizes.train_samples);
    for (int i = 0; i < plan_model_count(plan); i++) {
        const struct network_summary *const summary = &plan_model(plan, i)->summary;
        sizes.tensors = summary->tensor_count > sizes.tensors ? summary->tensor_count : sizes.tensors;
        sizes.layers = summary->layer_count > sizes.layers ? summary->layer_count : sizes.layers;
        sizes.weights = summary->weight_count > sizes.weights ? summary->weight_count : sizes.weights;
    }
    return sizes;
}

enum status schema_add_metrics(struct schema *schema, const struct schema_request *request, struct error *error)
{
    const struct choices *metrics = &plan_sweep_config(request->plan)->metrics;
    const struct metric_sizes sizes = measure_sizes(schema, request->plan);
    for (int i = 0; i < metrics->count; i++) {
        struct schema_metric *metric = &schema->metrics[schema->metric_count];
        *metric = (struct schema_metric){.ops = (const struct metric_ops *)metrics->items[i].kind,
                                         .settings = metrics->items[i].settings,
                                         .sizes = sizes};
        metric->point_count = metric_points(metric->settings, schema->longest_epochs, schema->longest_steps, NULL, 0);
        metric->sizes.points = metric->point_count;
        if (metric->point_count == 0)
            continue;
        int point = 0;
        TRY(add_points(schema, metric, &point, error));
        TRY(add_point_columns(schema, metric, point, error));
        TRY(add_metric_columns(schema, metric, point, error));
        schema->metric_count++;
    }
    return STATUS_OK;
}
