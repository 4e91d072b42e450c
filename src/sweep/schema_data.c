/* schema_data.c - /dataset and the layout of /weights: which samples, labels and tensors the rows are about. */
#include <stdio.h>
#include <string.h>

#include "sweep/schema_build.h"

/* Arrays of /dataset, in the order of the table in add_dataset. */
struct part_columns {
    int32_t *count, *index;
    int16_t *label, *observed; /* observed NULL: the part has true labels only */
    int64_t length;            /* of a row */
};

struct dataset_columns {
    struct part_columns parts[PART_COUNT]; /* without a validation part its columns are NULL */
    double *noise_rate;
    float *mean, *deviation;
    uint8_t *unit_length;
    int64_t channels; /* length of a row */
};

static void fill_part(const struct part_columns *to, int64_t v, const struct samples *samples)
{
    if (to->count == NULL)
        return;
    to->count[v] = samples->count;
    for (int64_t i = 0; i < to->length; i++) {
        const bool present = i < samples->count;
        to->index[v * to->length + i] = present ? samples->index[i] : -1;
        to->label[v * to->length + i] = present ? samples->true_labels[i] : (int16_t)-1;
        if (to->observed != NULL)
            to->observed[v * to->length + i] = present ? samples->labels[i] : (int16_t)-1;
    }
}

static void fill_variant(struct dataset_columns *to, int64_t v, const struct data_view *view)
{
    const struct samples *train = &view->parts[PART_TRAIN];
    for (int part = 0; part < PART_COUNT; part++)
        fill_part(&to->parts[part], v, &view->parts[part]);
    to->noise_rate[v] = view->noise_rate;
    to->unit_length[v] = train->unit_length;
    for (int64_t c = 0; c < to->channels; c++) {
        to->mean[v * to->channels + c] = c < view->shape.channels ? train->mean[c] : 0;
        to->deviation[v * to->channels + c] = c < view->shape.channels ? train->deviation[c] : 1;
    }
}

static enum status fill_variants(struct plan *plan, struct dataset_columns *columns, struct error *error)
{
    for (int v = 0; v < plan_variant_count(plan); v++) {
        const struct plan_variant *variant = plan_variant(plan, v);
        struct data_view *view = NULL;
        TRY(data_view_create(plan_source(plan, variant->source)->dataset, &variant->config, &variant->seeds, &view,
                             error));
        fill_variant(columns, v, view);
        data_view_destroy(&view);
    }
    return STATUS_OK;
}

static enum status add_validation(struct schema *schema, const struct schema_request *request,
                                  struct part_columns *columns, struct error *error)
{
    const struct fixed_array table[] = {
        {"validation_index",
         RESULTS_INT32,
         0,
         2,
         {DIM_VARIANT, DIM_VALIDATION_SAMPLE},
         "position of each validation sample in its data set's training part; -1: none",
         &columns->index},
        {"validation_label", RESULTS_INT16, 0, 2, {DIM_VARIANT, DIM_VALIDATION_SAMPLE}, "true label", &columns->label},
        {"validation_observed_label",
         RESULTS_INT16,
         0,
         2,
         {DIM_VARIANT, DIM_VALIDATION_SAMPLE},
         "label evaluated on",
         &columns->observed},
        {"validation_count", RESULTS_INT32, 0, 1, {DIM_VARIANT}, "validation samples", &columns->count},
        {.name = NULL},
    };
    if (!schema->validation)
        return STATUS_OK;
    columns->length = schema->results.dimensions[DIM_VALIDATION_SAMPLE].size;
    return schema_add_fixed_arrays(schema, request, "dataset", table, error);
}

static enum status add_dataset(struct schema *schema, const struct schema_request *request, struct error *error)
{
    const struct results_dimension *const dimensions = schema->results.dimensions;
    struct dataset_columns columns = {.channels = dimensions[DIM_CHANNEL].size};
    struct part_columns *const train = &columns.parts[PART_TRAIN], *const test = &columns.parts[PART_TEST];
    train->length = dimensions[DIM_TRAIN_SAMPLE].size;
    test->length = dimensions[DIM_TEST_SAMPLE].size;
    const struct fixed_array table[] = {
        {"train_index",
         RESULTS_INT32,
         0,
         2,
         {DIM_VARIANT, DIM_TRAIN_SAMPLE},
         "position of each training sample in its data set; -1: none",
         &train->index},
        {"train_label", RESULTS_INT16, 0, 2, {DIM_VARIANT, DIM_TRAIN_SAMPLE}, "true label", &train->label},
        {"observed_label", RESULTS_INT16, 0, 2, {DIM_VARIANT, DIM_TRAIN_SAMPLE}, "label trained on", &train->observed},
        {"test_index",
         RESULTS_INT32,
         0,
         2,
         {DIM_VARIANT, DIM_TEST_SAMPLE},
         "position of each test sample in its data set; -1: none",
         &test->index},
        {"test_label", RESULTS_INT16, 0, 2, {DIM_VARIANT, DIM_TEST_SAMPLE}, "true label", &test->label},
        {"train_count", RESULTS_INT32, 0, 1, {DIM_VARIANT}, "training samples", &train->count},
        {"test_count", RESULTS_INT32, 0, 1, {DIM_VARIANT}, "test samples", &test->count},
        {"noise_rate",
         RESULTS_FLOAT64,
         0,
         1,
         {DIM_VARIANT},
         "share of training labels that differ from the true ones",
         &columns.noise_rate},
        {"mean", RESULTS_FLOAT32, 0, 2, {DIM_VARIANT, DIM_CHANNEL}, "input = (raw - mean) / deviation", &columns.mean},
        {"deviation",
         RESULTS_FLOAT32,
         0,
         2,
         {DIM_VARIANT, DIM_CHANNEL},
         "input = (raw - mean) / deviation",
         &columns.deviation},
        {"unit_length",
         RESULTS_UINT8,
         0,
         1,
         {DIM_VARIANT},
         "1: each input is then divided by its length; 0: not",
         &columns.unit_length},
        {.name = NULL},
    };
    TRY(schema_add_fixed_arrays(schema, request, "dataset", table, error));
    TRY(add_validation(schema, request, &columns.parts[PART_VALIDATION], error));
    return request->with_data ? fill_variants(request->plan, &columns, error) : STATUS_OK;
}

static enum status add_sources(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct plan *plan = request->plan;
    enum { SOURCE_BYTES = 64 };
    char *names = NULL, *digests = NULL;
    int32_t *of_variant = NULL;
    const struct fixed_array table[] = {
        {"source", RESULTS_TEXT, SOURCE_BYTES, 1, {DIM_SOURCE}, "kind of data source", &names},
        {"digest", RESULTS_TEXT, HASH_TEXT_BYTES, 1, {DIM_SOURCE}, "XXH3-128 of shape, values and labels", &digests},
        {"variant_source", RESULTS_INT32, 0, 1, {DIM_VARIANT}, "data set of each variant", &of_variant},
        {.name = NULL},
    };
    TRY(schema_add_fixed_arrays(schema, request, "dataset", table, error));
    for (int i = 0; request->with_data && i < plan_source_count(plan); i++) {
        const struct plan_source *source = plan_source(plan, i);
        const struct hash128 digest = {.high = source->dataset->digest[0], .low = source->dataset->digest[1]};
        snprintf(names + (size_t)i * SOURCE_BYTES, SOURCE_BYTES, "%s", source->config.source.kind->name);
        hash_text(digest, digests + (size_t)i * HASH_TEXT_BYTES);
    }
    for (int i = 0; request->with_data && i < plan_variant_count(plan); i++)
        of_variant[i] = plan_variant(plan, i)->source;
    return STATUS_OK;
}

struct layout_columns {
    int32_t *model, *rank, *dimensions;
    int64_t *offset;
    char *name;
};

static enum status fill_layout(const struct plan_model *model, int number, int64_t *row, struct layout_columns *to,
                               struct error *error)
{
    struct network *network = NULL;
    TRY(network_create(&model->config, model->input, model->classes, 1, &network, error));
    const struct tensor_spec *tensors = network_tensors(network);
    int64_t offset = 0;
    const int tensors_and_states = network_tensor_count(network) + network_state_tensor_count(network);
    for (int i = 0; i < tensors_and_states; i++, (*row)++) {
        int64_t count = 1;
        for (int d = 0; d < TENSOR_RANK_MAX; d++) {
            to->dimensions[*row * TENSOR_RANK_MAX + d] = d < tensors[i].rank ? tensors[i].dimensions[d] : 1;
            count *= to->dimensions[*row * TENSOR_RANK_MAX + d];
        }
        to->model[*row] = number;
        to->rank[*row] = tensors[i].rank;
        to->offset[*row] = offset;
        memcpy(to->name + *row * TENSOR_NAME_BYTES, tensors[i].name, TENSOR_NAME_BYTES);
        offset += count;
    }
    network_destroy(&network);
    return STATUS_OK;
}

static enum status add_layout(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct layout_columns columns;
    const struct fixed_array table[] = {
        {"layout_model",
         RESULTS_INT32,
         0,
         1,
         {DIM_TENSOR},
         "network that the tensor belongs to, as in /trials/model_index",
         &columns.model},
        {"layout_name", RESULTS_TEXT, TENSOR_NAME_BYTES, 1, {DIM_TENSOR}, "name of the tensor", &columns.name},
        {"layout_offset",
         RESULTS_INT64,
         0,
         1,
         {DIM_TENSOR},
         "first position in the flat parameter block",
         &columns.offset},
        {"layout_rank", RESULTS_INT32, 0, 1, {DIM_TENSOR}, "number of dimensions", &columns.rank},
        {"layout_dimensions",
         RESULTS_INT32,
         0,
         2,
         {DIM_TENSOR, DIM_TENSOR_AXIS},
         "dimensions, row-major; 1 beyond the rank",
         &columns.dimensions},
        {.name = NULL},
    };
    TRY(schema_add_fixed_arrays(schema, request, "weights", table, error));
    int64_t row = 0;
    for (int i = 0; request->with_data && i < plan_model_count(request->plan); i++)
        TRY(fill_layout(plan_model(request->plan, i), i, &row, &columns, error));
    return STATUS_OK;
}

enum status schema_add_data(struct schema *schema, const struct schema_request *request, struct error *error)
{
    TRY(add_dataset(schema, request, error));
    TRY(add_sources(schema, request, error));
    return add_layout(schema, request, error);
}
