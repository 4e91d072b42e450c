/* schema_data.c - /dataset and the layout of /weights: which samples, labels and tensors the rows are about. */
#include <stdio.h>
#include <string.h>

#include "sweep/schema_build.h"

/* Arrays of /dataset, in the order of the table in add_dataset. */
struct dataset_columns {
    int32_t *train_index, *test_index, *train_count, *test_count;
    int16_t *train_label, *observed_label, *test_label;
    double *noise_rate;
    float *mean, *deviation;
    uint8_t *unit_length;
    int64_t train, test, channels; /* row lengths */
};

static void fill_part(const struct samples *samples, int32_t *index, int16_t *true_label, int64_t length)
{
    for (int64_t i = 0; i < length; i++) {
        index[i] = i < samples->count ? samples->index[i] : -1;
        true_label[i] = i < samples->count ? samples->true_labels[i] : (int16_t)-1;
    }
}

static void fill_variant(struct dataset_columns *to, int64_t v, const struct data_view *view)
{
    const struct samples *train = &view->parts[PART_TRAIN], *test = &view->parts[PART_TEST];
    fill_part(train, to->train_index + v * to->train, to->train_label + v * to->train, to->train);
    fill_part(test, to->test_index + v * to->test, to->test_label + v * to->test, to->test);
    for (int64_t i = 0; i < to->train; i++)
        to->observed_label[v * to->train + i] = i < train->count ? train->labels[i] : (int16_t)-1;
    to->train_count[v] = train->count;
    to->test_count[v] = test->count;
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

static enum status add_dataset(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct dataset_columns columns = {.train = schema->results.dimensions[DIM_TRAIN_SAMPLE].size,
                                      .test = schema->results.dimensions[DIM_TEST_SAMPLE].size,
                                      .channels = schema->results.dimensions[DIM_CHANNEL].size};
    const struct {
        const char *name;
        enum results_type type;
        int dimension; /* after `variant`; 0: none */
        const char *long_name;
        void *to;
    } table[] = {
        {"train_index", RESULTS_INT32, DIM_TRAIN_SAMPLE, "position of each training sample in its data set; -1: none",
         &columns.train_index},
        {"train_label", RESULTS_INT16, DIM_TRAIN_SAMPLE, "true label", &columns.train_label},
        {"observed_label", RESULTS_INT16, DIM_TRAIN_SAMPLE, "label trained on", &columns.observed_label},
        {"test_index", RESULTS_INT32, DIM_TEST_SAMPLE, "position of each test sample in its data set; -1: none",
         &columns.test_index},
        {"test_label", RESULTS_INT16, DIM_TEST_SAMPLE, "true label", &columns.test_label},
        {"train_count", RESULTS_INT32, 0, "training samples", &columns.train_count},
        {"test_count", RESULTS_INT32, 0, "test samples", &columns.test_count},
        {"noise_rate", RESULTS_FLOAT64, 0, "share of training labels that differ from the true ones",
         &columns.noise_rate},
        {"mean", RESULTS_FLOAT32, DIM_CHANNEL, "input = (raw - mean) / deviation", &columns.mean},
        {"deviation", RESULTS_FLOAT32, DIM_CHANNEL, "input = (raw - mean) / deviation", &columns.deviation},
        {"unit_length", RESULTS_UINT8, 0, "1: each input is then divided by its length; 0: not", &columns.unit_length},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct results_array array = {.group = "dataset",
                                      .type = table[i].type,
                                      .rank = table[i].dimension == 0 ? 1 : 2,
                                      .dimensions = {DIM_VARIANT, table[i].dimension},
                                      .reproducible = true};
        snprintf(array.name, sizeof array.name, "%s", table[i].name);
        snprintf(array.long_name, sizeof array.long_name, "%s", table[i].long_name);
        void *data = NULL;
        TRY(schema_add_fixed_array(schema, request, array, &data, error));
        memcpy(table[i].to, &data, sizeof data);
    }
    return request->with_data ? fill_variants(request->plan, &columns, error) : STATUS_OK;
}

static enum status add_sources(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct plan *plan = request->plan;
    void *names = NULL, *digests = NULL, *of_variant = NULL;
    TRY(schema_add_fixed_array(schema, request,
                               (struct results_array){.group = "dataset",
                                                      .name = "source",
                                                      .type = RESULTS_TEXT,
                                                      .text_bytes = 64,
                                                      .rank = 1,
                                                      .dimensions = {DIM_SOURCE},
                                                      .reproducible = true,
                                                      .long_name = "kind of data source"},
                               &names, error));
    TRY(schema_add_fixed_array(schema, request,
                               (struct results_array){.group = "dataset",
                                                      .name = "digest",
                                                      .type = RESULTS_TEXT,
                                                      .text_bytes = HASH_TEXT_BYTES,
                                                      .rank = 1,
                                                      .dimensions = {DIM_SOURCE},
                                                      .reproducible = true,
                                                      .long_name = "XXH3-128 of shape, values and labels"},
                               &digests, error));
    TRY(schema_add_fixed_array(schema, request,
                               (struct results_array){.group = "dataset",
                                                      .name = "variant_source",
                                                      .type = RESULTS_INT32,
                                                      .rank = 1,
                                                      .dimensions = {DIM_VARIANT},
                                                      .reproducible = true,
                                                      .long_name = "data set of each variant"},
                               &of_variant, error));
    for (int i = 0; request->with_data && i < plan_source_count(plan); i++) {
        const struct plan_source *source = plan_source(plan, i);
        const struct hash128 digest = {.high = source->dataset->digest[0], .low = source->dataset->digest[1]};
        snprintf((char *)names + i * 64, 64, "%s", source->config.source.kind->name);
        hash_text(digest, (char *)digests + i * HASH_TEXT_BYTES);
    }
    for (int i = 0; request->with_data && i < plan_variant_count(plan); i++)
        ((int32_t *)of_variant)[i] = plan_variant(plan, i)->source;
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
    const struct {
        const char *name;
        enum results_type type;
        int rank;
        const char *long_name;
        void *to;
    } table[] = {
        {"layout_model", RESULTS_INT32, 1, "network that the tensor belongs to, as in /trials/model_index",
         &columns.model},
        {"layout_name", RESULTS_TEXT, 1, "name of the tensor", &columns.name},
        {"layout_offset", RESULTS_INT64, 1, "first position in the flat parameter block", &columns.offset},
        {"layout_rank", RESULTS_INT32, 1, "number of dimensions", &columns.rank},
        {"layout_dimensions", RESULTS_INT32, 2, "dimensions, row-major; 1 beyond the rank", &columns.dimensions},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct results_array array = {.group = "weights",
                                      .type = table[i].type,
                                      .text_bytes = TENSOR_NAME_BYTES,
                                      .rank = table[i].rank,
                                      .dimensions = {DIM_TENSOR, DIM_TENSOR_AXIS},
                                      .reproducible = true};
        snprintf(array.name, sizeof array.name, "%s", table[i].name);
        snprintf(array.long_name, sizeof array.long_name, "%s", table[i].long_name);
        void *data = NULL;
        TRY(schema_add_fixed_array(schema, request, array, &data, error));
        memcpy(table[i].to, &data, sizeof data);
    }
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
