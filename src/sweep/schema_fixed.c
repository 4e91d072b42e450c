/* schema_fixed.c - what is known before anything runs. Arrays are declared on every rank; their data is made where the
 * file is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/schema_build.h"

enum { AXIS_TEXT_BYTES = 256 };

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
        *parameters = largest(*parameters, plan_model(plan, i)->summary.parameter_count);
    }
}

static void measure_samples(struct plan *plan, struct results_dimension *dimensions)
{
    for (int i = 0; i < plan_variant_count(plan); i++) {
        const struct plan_variant *variant = plan_variant(plan, i);
        const struct dataset_shape *shape = &plan_source(plan, variant->source)->dataset->shape;
        const int64_t sizes[PART_COUNT] = {variant->config.train_size, variant->config.test_size};
        for (int part = 0; part < PART_COUNT; part++) {
            int64_t *size = &dimensions[part == PART_TRAIN ? DIM_TRAIN_SAMPLE : DIM_TEST_SAMPLE].size;
            *size = largest(*size, sizes[part] == 0 ? shape->count[part] : sizes[part]);
        }
        dimensions[DIM_CLASS].size = largest(dimensions[DIM_CLASS].size, shape->classes);
        dimensions[DIM_CHANNEL].size = largest(dimensions[DIM_CHANNEL].size, shape->sample.channels);
    }
}

enum status schema_add_dimensions(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct plan *plan = request->plan;
    struct results_dimension dimensions[DIM_COUNT] = {
        [DIM_TRIAL] = {.name = "trial", .long_name = "trial: one point of the grid"},
        [DIM_EPOCH] = {.name = "epoch", .units = "epoch", .long_name = "epochs finished; 0 is before training"},
        [DIM_VARIANT] = {.name = "variant",
                         .long_name = "a data set under one choice of subset, normalisation and label noise"},
        [DIM_TRAIN_SAMPLE] = {.name = "train_sample", .long_name = "position in the training subset"},
        [DIM_TEST_SAMPLE] = {.name = "test_sample", .long_name = "position in the test subset"},
        [DIM_CLASS] = {.name = "class", .long_name = "class"},
        [DIM_CHANNEL] = {.name = "channel", .long_name = "input channel"},
        [DIM_SOURCE] = {.name = "source", .long_name = "data set"},
        [DIM_MODEL] = {.name = "model", .long_name = "a network on one shape of input"},
        [DIM_TENSOR] = {.name = "tensor", .long_name = "parameter tensor, model by model"},
        [DIM_TENSOR_AXIS] = {.name = "tensor_axis", .long_name = "axis of a parameter tensor"},
        [DIM_PARAMETER] = {.name = "parameter", .long_name = "position in the flat parameter block"},
    };
    measure_samples(plan, dimensions);
    dimensions[DIM_TRIAL].size = plan_trial_count(plan);
    dimensions[DIM_EPOCH].size = schema->longest_epochs + 1;
    dimensions[DIM_VARIANT].size = plan_variant_count(plan);
    dimensions[DIM_SOURCE].size = plan_source_count(plan);
    dimensions[DIM_MODEL].size = plan_model_count(plan);
    dimensions[DIM_TENSOR_AXIS].size = TENSOR_RANK_MAX;
    count_tensors(plan, &dimensions[DIM_TENSOR].size, &dimensions[DIM_PARAMETER].size);
    for (int i = 0; i < DIM_COUNT; i++) {
        int index = 0;
        dimensions[i].type = RESULTS_INT64;
        if (dimensions[i].units[0] == '\0')
            snprintf(dimensions[i].units, sizeof dimensions[i].units, "1");
        TRY(schema_add_dimension(schema, &dimensions[i], &index, error));
    }
    return STATUS_OK;
}

/* A fixed array of rank 0 to 2; *data (when wanted) is its zeroed memory, filled by the caller. */
static enum status add_fixed(struct schema *schema, const struct schema_request *request, struct results_array array,
                             void **data, struct error *error)
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

static enum status add_text(struct schema *schema, const struct schema_request *request, const char *group,
                            const char *name, const char *text, struct error *error)
{
    struct results_array array = {.type = RESULTS_TEXT, .text_bytes = strlen(text) + 1};
    snprintf(array.group, sizeof array.group, "%s", group);
    snprintf(array.name, sizeof array.name, "%s", name);
    array.reproducible = strcmp(group, "sweep") == 0;
    void *data = NULL;
    TRY(add_fixed(schema, request, array, &data, error));
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
    void *identity = NULL, *variant = NULL, *model = NULL, *parameters = NULL, *flops = NULL;
    TRY(add_fixed(
        schema, request,
        (struct results_array){.group = "trials",
                               .name = "identity",
                               .type = RESULTS_TEXT,
                               .text_bytes = HASH_TEXT_BYTES,
                               .rank = 1,
                               .reproducible = true,
                               .long_name = "hash of the resolved configuration, the data and the numerics version"},
        &identity, error));
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "trials",
                                         .name = "variant",
                                         .type = RESULTS_INT32,
                                         .rank = 1,
                                         .reproducible = true,
                                         .long_name = "row of /dataset that the trial trains on"},
                  &variant, error));
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "trials",
                                         .name = "model",
                                         .type = RESULTS_INT32,
                                         .rank = 1,
                                         .reproducible = true,
                                         .long_name = "the trial's network in /weights/layout_model"},
                  &model, error));
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "trials",
                                         .name = "parameters",
                                         .type = RESULTS_INT64,
                                         .rank = 1,
                                         .reproducible = true,
                                         .long_name = "trained parameters"},
                  &parameters, error));
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "trials",
                                         .name = "predicted_flops",
                                         .type = RESULTS_FLOAT64,
                                         .rank = 1,
                                         .reproducible = true,
                                         .long_name = "predicted floating-point operations of the trial"},
                  &flops, error));
    for (int64_t i = 0; request->with_data && i < plan_trial_count(request->plan); i++) {
        const struct plan_trial *trial = plan_trial(request->plan, i);
        hash_text(trial->identity, (char *)identity + i * HASH_TEXT_BYTES);
        ((int32_t *)variant)[i] = trial->variant;
        ((int32_t *)model)[i] = trial->model;
        ((int64_t *)parameters)[i] = trial->parameters;
        ((double *)flops)[i] = trial->flops;
    }
    return STATUS_OK;
}

/* All values as text [trials, AXIS_TEXT_BYTES]; *type = the narrowest type that holds them all. */
static enum status read_axis(struct schema *schema, struct plan *plan, int axis, char **values, enum results_type *type,
                             struct error *error)
{
    void *memory = NULL;
    TRY(schema_allocate(schema, (size_t)plan_trial_count(plan), AXIS_TEXT_BYTES, &memory, error));
    *values = memory;
    *type = RESULTS_INT64;
    struct text text = {0};
    enum status status = STATUS_OK;
    for (int64_t i = 0; status == STATUS_OK && i < plan_trial_count(plan); i++) {
        text.length = 0;
        status = plan_axis_text(plan, i, axis, &text, error);
        if (status != STATUS_OK)
            break;
        char *value = *values + i * AXIS_TEXT_BYTES;
        snprintf(value, AXIS_TEXT_BYTES, "%s", text.data);
        char *end_integer = NULL, *end_real = NULL;
        errno = 0;
        strtoll(value, &end_integer, 10);
        if (*type == RESULTS_INT64 && (*end_integer != '\0' || end_integer == value || errno != 0))
            *type = RESULTS_FLOAT64;
        strtod(value, &end_real);
        if (*end_real != '\0' || end_real == value)
            *type = RESULTS_TEXT;
    }
    text_free(&text);
    return status;
}

static enum status add_axis(struct schema *schema, const struct schema_request *request, int axis, struct error *error)
{
    char *values = NULL;
    struct results_array array = {.group = "trials", .rank = 1, .reproducible = true};
    snprintf(array.name, sizeof array.name, "%s", plan_axis_name(request->plan, axis));
    snprintf(array.long_name, sizeof array.long_name, "axis %s", plan_axis_name(request->plan, axis));
    TRY(read_axis(schema, request->plan, axis, &values, &array.type, error));
    array.text_bytes = AXIS_TEXT_BYTES;
    void *data = NULL;
    TRY(add_fixed(schema, request, array, &data, error));
    for (int64_t i = 0; data != NULL && i < plan_trial_count(request->plan); i++) {
        const char *value = values + i * AXIS_TEXT_BYTES;
        if (array.type == RESULTS_INT64)
            ((int64_t *)data)[i] = strtoll(value, NULL, 10);
        else if (array.type == RESULTS_FLOAT64)
            ((double *)data)[i] = strtod(value, NULL);
        else
            memcpy((char *)data + i * AXIS_TEXT_BYTES, value, AXIS_TEXT_BYTES);
    }
    return STATUS_OK;
}

/* Arrays of /dataset, in the order of the table in add_dataset. */
struct dataset_columns {
    int32_t *train_index, *test_index, *train_count, *test_count;
    int16_t *train_label, *observed_label, *test_label;
    double *noise_rate;
    float *mean, *deviation;
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
        TRY(add_fixed(schema, request, array, &data, error));
        memcpy(table[i].to, &data, sizeof data);
    }
    return request->with_data ? fill_variants(request->plan, &columns, error) : STATUS_OK;
}

static enum status add_sources(struct schema *schema, const struct schema_request *request, struct error *error)
{
    struct plan *plan = request->plan;
    void *names = NULL, *digests = NULL, *of_variant = NULL;
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "dataset",
                                         .name = "source",
                                         .type = RESULTS_TEXT,
                                         .text_bytes = 64,
                                         .rank = 1,
                                         .dimensions = {DIM_SOURCE},
                                         .reproducible = true,
                                         .long_name = "kind of data source"},
                  &names, error));
    TRY(add_fixed(schema, request,
                  (struct results_array){.group = "dataset",
                                         .name = "digest",
                                         .type = RESULTS_TEXT,
                                         .text_bytes = HASH_TEXT_BYTES,
                                         .rank = 1,
                                         .dimensions = {DIM_SOURCE},
                                         .reproducible = true,
                                         .long_name = "XXH3-128 of shape, values and labels"},
                  &digests, error));
    TRY(add_fixed(schema, request,
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
    for (int i = 0; i < network_tensor_count(network); i++, (*row)++) {
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
        {"layout_model", RESULTS_INT32, 1, "network that the tensor belongs to, as in /trials/model", &columns.model},
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
        TRY(add_fixed(schema, request, array, &data, error));
        memcpy(table[i].to, &data, sizeof data);
    }
    int64_t row = 0;
    for (int i = 0; request->with_data && i < plan_model_count(request->plan); i++)
        TRY(fill_layout(plan_model(request->plan, i), i, &row, &columns, error));
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
        TRY(add_axis(schema, request, axis, error));
    return STATUS_OK;
}

enum status schema_add_fixed(struct schema *schema, const struct schema_request *request, struct error *error)
{
    TRY(add_sweep(schema, request, error));
    TRY(add_identities(schema, request, error));
    TRY(add_axes(schema, request, error));
    TRY(add_dataset(schema, request, error));
    TRY(add_sources(schema, request, error));
    return add_layout(schema, request, error);
}
