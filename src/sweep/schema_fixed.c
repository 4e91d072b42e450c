/* schema_fixed.c - what is known before anything runs. Arrays are declared on every rank; their data is made where the
 * file is. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/grid.h"
#include "sweep/schema_build.h"

/* What data points to where only the declaration matters: never read. */
static const char declared_only;

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void count_tensors(struct plan *plan, int64_t *tensors, int64_t *parameters)
{
    *tensors = 0;
    *parameters = 0;
    for (int i = 0; i < plan_model_count(plan); i++) {
        *tensors += plan_model(plan, i)->summary.tensor_count;
        *parameters = largest(*parameters,
                              plan_model(plan, i)->summary.parameter_count + plan_model(plan, i)->summary.state_count);
    }
}

static enum status measure_samples(struct plan *plan, struct results_dimension *dimensions, struct error *error)
{
    static const int of_part[PART_COUNT] = {DIM_TRAIN_SAMPLE, DIM_TEST_SAMPLE, DIM_VALIDATION_SAMPLE};
    for (int i = 0; i < plan_variant_count(plan); i++) {
        const struct plan_variant *variant = plan_variant(plan, i);
        const struct dataset_shape *shape = &plan_source(plan, variant->source)->dataset->shape;
        for (int part = 0; part < PART_COUNT; part++) {
            int count = 0;
            TRY(data_size(&variant->config, shape, part, &count, error));
            dimensions[of_part[part]].size = largest(dimensions[of_part[part]].size, count);
        }
        dimensions[DIM_CLASS].size = largest(dimensions[DIM_CLASS].size, shape->classes);
        dimensions[DIM_CHANNEL].size = largest(dimensions[DIM_CHANNEL].size, shape->sample.channels);
    }
    return STATUS_OK;
}

enum status schema_add_dimensions(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct plan *plan = request->plan;
    struct results_dimension dimensions[DIM_COUNT] = {
        [DIM_TRIAL] = {.name = "trial", .long_name = "trial: one point of the grid"},
        [DIM_EPOCH] = {.name = "epoch", .units = "epoch", .long_name = "epochs finished; 0 is before training"},
        [DIM_VARIANT] = {.name = "variant",
                         .long_name =
                             "a data set under one choice of subset, normalisation, label noise and augmentation"},
        [DIM_TRAIN_SAMPLE] = {.name = "train_sample", .long_name = "position in the training subset"},
        [DIM_TEST_SAMPLE] = {.name = "test_sample", .long_name = "position in the test subset"},
        [DIM_CLASS] = {.name = "class", .long_name = "class"},
        [DIM_CHANNEL] = {.name = "channel", .long_name = "input channel"},
        [DIM_SOURCE] = {.name = "source", .long_name = "data set"},
        [DIM_MODEL] = {.name = "model", .long_name = "a network on one shape of input"},
        [DIM_TENSOR] = {.name = "tensor", .long_name = "parameter tensor, model by model"},
        [DIM_TENSOR_AXIS] = {.name = "tensor_axis", .long_name = "axis of a parameter tensor"},
        [DIM_PARAMETER] = {.name = "parameter", .long_name = "position in the flat parameter block"},
        [DIM_VALIDATION_SAMPLE] = {.name = "validation_sample", .long_name = "position in the validation subset"},
    };
    TRY(measure_samples(plan, dimensions, error));
    schema->validation = dimensions[DIM_VALIDATION_SAMPLE].size > 0;
    dimensions[DIM_TRIAL].size = plan_trial_count(plan);
    dimensions[DIM_EPOCH].size = schema->longest_epochs + 1;
    dimensions[DIM_VARIANT].size = plan_variant_count(plan);
    dimensions[DIM_SOURCE].size = plan_source_count(plan);
    dimensions[DIM_MODEL].size = plan_model_count(plan);
    dimensions[DIM_TENSOR_AXIS].size = TENSOR_RANK_MAX;
    count_tensors(plan, &dimensions[DIM_TENSOR].size, &dimensions[DIM_PARAMETER].size);
    for (int i = 0; i < (schema->validation ? DIM_COUNT : DIM_VALIDATION_SAMPLE); i++) {
        int index = 0;
        dimensions[i].type = RESULTS_INT64;
        if (dimensions[i].units[0] == '\0')
            snprintf(dimensions[i].units, sizeof dimensions[i].units, "1");
        TRY(schema_add_dimension(schema, &dimensions[i], &index, error));
    }
    return STATUS_OK;
}

enum status schema_add_fixed_array(struct schema *schema, const struct schema_request *request,
                                   struct results_array array, void **data, struct error *error)
{
    static const size_t sizes[] = {
        [RESULTS_UINT8] = 1,  [RESULTS_INT16] = 2,   [RESULTS_INT32] = 4,   [RESULTS_INT64] = 8,
        [RESULTS_UINT64] = 8, [RESULTS_FLOAT32] = 4, [RESULTS_FLOAT64] = 8, [RESULTS_ENUM] = 1};
    size_t count = 1;
    for (int d = 0; d < array.rank; d++)
        count *= (size_t)schema->results.dimensions[array.dimensions[d]].size;
    if (array.units[0] == '\0')
        snprintf(array.units, sizeof array.units, "1");
    array.data = &declared_only;
    *data = NULL;
    if (request->with_data) {
        TRY(schema_allocate(schema, count, array.type == RESULTS_TEXT ? array.text_bytes : sizes[array.type], data,
                            error));
        array.data = *data;
    }
    return schema_add_array(schema, &array, error);
}

enum status schema_add_fixed_arrays(struct schema *schema, const struct schema_request *request, const char *group,
                                    const struct fixed_array *table, struct error *error)
{
    for (const struct fixed_array *line = table; line->name != NULL; line++) {
        struct results_array array = {.type = line->type,
                                      .text_bytes = line->text_bytes,
                                      .rank = line->rank,
                                      .dimensions = {line->dimensions[0], line->dimensions[1]},
                                      .reproducible = true};
        snprintf(array.group, sizeof array.group, "%s", group);
        snprintf(array.name, sizeof array.name, "%s", line->name);
        snprintf(array.long_name, sizeof array.long_name, "%s", line->long_name);
        void *data = NULL;
        TRY(schema_add_fixed_array(schema, request, array, &data, error));
        memcpy(line->to, &data, sizeof data);
    }
    return STATUS_OK;
}

static enum status add_text(struct schema *schema, const struct schema_request *request, const char *group,
                            const char *name, const char *text, struct error *error)
{
    struct results_array array = {.type = RESULTS_TEXT, .text_bytes = strlen(text) + 1};
    snprintf(array.group, sizeof array.group, "%s", group);
    snprintf(array.name, sizeof array.name, "%s", name);
    array.reproducible = strcmp(group, "sweep") == 0;
    void *data = NULL;
    TRY(schema_add_fixed_array(schema, request, array, &data, error));
    if (data != NULL)
        memcpy(data, text, array.text_bytes);
    return STATUS_OK;
}

static enum status add_sweep(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct text resolved = {0}, sets = {0};
    for (int i = 0; i < request->set_count; i++)
        text_add(&sets, "%s\n", request->sets[i]);
    enum status status = plan_describe(request->plan, &resolved, error);
    if (status == STATUS_OK)
        status = text_status(&sets, error);
    if (status == STATUS_OK)
        status = add_text(schema, request, "sweep", "yaml", request->yaml, error);
    if (status == STATUS_OK)
        status = add_text(schema, request, "sweep", "resolved", resolved.data, error);
    if (status == STATUS_OK)
        status = add_text(schema, request, "sweep", "set", sets.data == NULL ? "" : sets.data, error);
    text_free(&resolved);
    text_free(&sets);
    for (int i = 0; status == STATUS_OK && i < request->provenance_count; i++)
        status =
            add_text(schema, request, "provenance", request->provenance[i].name, request->provenance[i].text, error);
    return status;
}

static enum status add_identities(struct schema *schema, const struct schema_request *request, struct error *error)
{
    char *identity = NULL;
    int32_t *variant = NULL, *model = NULL;
    int64_t *parameters = NULL;
    double *flops = NULL;
    const struct fixed_array table[] = {
        {"identity",
         RESULTS_TEXT,
         HASH_TEXT_BYTES,
         1,
         {DIM_TRIAL},
         "hash of the resolved configuration, the data and the numerics version",
         &identity},
        {"variant", RESULTS_INT32, 0, 1, {DIM_TRIAL}, "row of /dataset that the trial trains on", &variant},
        {"model_index", RESULTS_INT32, 0, 1, {DIM_TRIAL}, "the trial's network in /weights/layout_model", &model},
        {"parameters", RESULTS_INT64, 0, 1, {DIM_TRIAL}, "trained parameters", &parameters},
        {"predicted_flops",
         RESULTS_FLOAT64,
         0,
         1,
         {DIM_TRIAL},
         "predicted floating-point operations of the trial",
         &flops},
        {.name = NULL},
    };
    TRY(schema_add_fixed_arrays(schema, request, "trials", table, error));
    for (int64_t i = 0; request->with_data && i < plan_trial_count(request->plan); i++) {
        const struct plan_trial *trial = plan_trial(request->plan, i);
        hash_text(trial->identity, identity + i * HASH_TEXT_BYTES);
        variant[i] = trial->variant;
        model[i] = trial->model;
        parameters[i] = trial->parameters;
        flops[i] = trial->flops;
    }
    return STATUS_OK;
}

/* One axis as a column: the narrowest type that holds all its values, and room for the longest text. */
struct axis_column {
    enum results_type type;
    size_t text_bytes;
    void *data; /* where the file is made */
};

static void widen(struct axis_column *column, const char *value)
{
    char *end_integer = NULL, *end_real = NULL;
    errno = 0;
    strtoll(value, &end_integer, 10);
    const bool integer = *end_integer == '\0' && end_integer != value && errno == 0;
    strtod(value, &end_real);
    if (column->type == RESULTS_INT64 && !integer)
        column->type = RESULTS_FLOAT64;
    if (*end_real != '\0')
        column->type = RESULTS_TEXT;
    if (strlen(value) + 1 > column->text_bytes)
        column->text_bytes = strlen(value) + 1;
}

/* An absent value is NaN among numbers, empty among texts. */
static void put(const struct axis_column *column, int64_t trial, const char *value)
{
    if (column->type == RESULTS_INT64)
        ((int64_t *)column->data)[trial] = strtoll(value, NULL, 10);
    else if (column->type == RESULTS_FLOAT64)
        ((double *)column->data)[trial] = value[0] == '\0' ? (double)NAN : strtod(value, NULL);
    else
        memcpy((char *)column->data + (size_t)trial * column->text_bytes, value, strlen(value));
}

static enum status declare_axis(struct schema *schema, const struct schema_request *request, int axis,
                                struct axis_column *column, struct error *error)
{
    struct results_array array = {
        .group = "trials", .type = column->type, .text_bytes = column->text_bytes, .rank = 1, .reproducible = true};
    snprintf(array.name, sizeof array.name, "%s", plan_axis_name(request->plan, axis));
    snprintf(array.long_name, sizeof array.long_name, "axis %s", plan_axis_name(request->plan, axis));
    return schema_add_fixed_array(schema, request, array, &column->data, error);
}

static enum status add_axis_column(struct schema *schema, const struct schema_request *request, int axis,
                                   struct error *error)
{
    const struct plan *plan = request->plan;
    struct axis_column column = {.type = RESULTS_INT64, .text_bytes = 1};
    for (int64_t value = 0; value < plan_axis_value_count(plan, axis); value++)
        widen(&column, plan_axis_value(plan, axis, value));
    TRY(declare_axis(schema, request, axis, &column, error));
    for (int64_t trial = 0; request->with_data && trial < plan_trial_count(plan); trial++)
        put(&column, trial, plan_axis_text(plan, trial, axis));
    return STATUS_OK;
}

static enum status add_axes(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct text names = {0};
    for (int axis = 0; axis < plan_axis_count(request->plan); axis++)
        text_add(&names, "%s%s", axis == 0 ? "" : " ", plan_axis_name(request->plan, axis));
    void *memory = NULL;
    enum status status = text_status(&names, error);
    if (status == STATUS_OK)
        status = schema_allocate(schema, names.length + 1, 1, &memory, error);
    if (status == STATUS_OK && names.length > 0)
        memcpy(memory, names.data, names.length);
    text_free(&names);
    TRY(status);
    schema->attributes[0] = (struct results_attribute){.group = "/", .name = "axes", .text = memory};
    schema->attributes[1] =
        (struct results_attribute){.group = "/", .name = "sweep", .text = plan_sweep_config(request->plan)->name};
    schema->results.attributes = schema->attributes;
    schema->results.attribute_count = 2;
    for (int axis = 0; axis < plan_axis_count(request->plan); axis++)
        TRY(add_axis_column(schema, request, axis, error));
    return STATUS_OK;
}

enum status schema_add_fixed(struct schema *schema, const struct schema_request *request, struct error *error)
{
    TRY(add_sweep(schema, request, error));
    TRY(add_identities(schema, request, error));
    TRY(add_axes(schema, request, error));
    return schema_add_data(schema, request, error);
}
