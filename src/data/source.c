/* source.c - the section `data`: its tables, and which data set a configuration names. */
#include <inttypes.h>
#include <string.h>

#include "data/kinds.h"

static const struct kind *const dataset_kinds[] = {&dataset_glyphs.kind,
                                                   &dataset_gaussians.kind,
                                                   &dataset_mnist.kind,
                                                   &dataset_cifar10.kind,
                                                   &dataset_cifar100.kind,
                                                   &dataset_hdf5.kind,
                                                   NULL};
const struct kind_table dataset_table = {.what = "data source", .plural = "datasets", .kinds = dataset_kinds};

#define LABEL_NOISES                                                                                        \
    &label_noise_none.kind, &label_noise_symmetric.kind, &label_noise_uniform.kind, &label_noise_pair.kind, \
        &label_noise_permute.kind, &label_noise_class_conditional.kind, NULL

static const struct kind *const label_noise_kinds[] = {LABEL_NOISES};
const struct kind_table label_noise_table = {
    .what = "label noise", .plural = "label_noises", .kinds = label_noise_kinds};

static const struct kind *const stage_label_noise_kinds[] = {&label_noise_observed.kind, LABEL_NOISES};
const struct kind_table stage_label_noise_table = {
    .what = "label noise", .plural = "stage_label_noises", .kinds = stage_label_noise_kinds};

static const struct kind *const normalisation_kinds[] = {&normalisation_none, &normalisation_unit,
                                                         &normalisation_standard, &normalisation_sphere, NULL};
const struct kind_table normalisation_table = {
    .what = "normalisation", .plural = "normalisations", .kinds = normalisation_kinds};

const struct kind validation_labels_observed = {.name = "observed",
                                                .summary = "with label noise, drawn as for the samples trained on"};
const struct kind validation_labels_true = {.name = "true", .summary = "as in the data set"};
static const struct kind *const validation_label_kinds[] = {&validation_labels_observed, &validation_labels_true, NULL};
const struct kind_table validation_label_table = {
    .what = "choice of validation labels", .plural = "validation_labels", .kinds = validation_label_kinds};

const struct field data_fields[] = {
    {.name = "source",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct data_config, source),
     .default_text = "glyphs",
     .flags = FIELD_INLINE,
     .kinds = &dataset_table,
     .summary = "Where samples come from; the source's settings stand beside this key."},
    {.name = "normalisation",
     .type = FIELD_NAME,
     .offset = offsetof(struct data_config, normalisation),
     .default_text = "standard",
     .kinds = &normalisation_table,
     .summary =
         "How values become inputs: x = (raw - mean) / deviation, with constants by channel; sphere adds x / |x|."},
    {.name = "train_size",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct data_config, train_size),
     .default_text = "0",
     .maximum = INT32_MAX,
     .unit = "samples",
     .summary =
         "Training samples, a subset drawn by the `subset` stream in which smaller ones are nested; 0 for all that "
         "validation_size leaves."},
    {.name = "validation_size",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct data_config, validation_size),
     .default_text = "0",
     .maximum = INT32_MAX,
     .unit = "samples",
     .flags = FIELD_LATER,
     .summary = "Samples of the source's training part that are set aside to watch training; 0 for none. For one "
                "train_size the training samples are the same whatever this is, and the other way round."},
    {.name = "validation_labels",
     .type = FIELD_NAME,
     .offset = offsetof(struct data_config, validation_labels),
     .default_text = "observed",
     .flags = FIELD_LATER,
     .kinds = &validation_label_table,
     .summary = "Labels of the validation part: observed has label noise as the training part has it, true has none."},
    {.name = "test_size",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct data_config, test_size),
     .default_text = "0",
     .maximum = INT32_MAX,
     .unit = "samples",
     .summary = "Test samples, a subset drawn by the `subset` stream in which smaller ones are nested; 0 for all."},
    {.name = "label_noise",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct data_config, label_noise),
     .default_text = "none",
     .kinds = &label_noise_table,
     .summary = "Wrong labels in the training part, and in the validation part unless validation_labels is true; test "
                "labels stay clean."},
    {.name = "augment",
     .type = FIELD_SECTION,
     .offset = offsetof(struct data_config, augment),
     .section = augment_fields,
     .summary = "Random changes of the inputs trained on, other ones each epoch; evaluation sees inputs as they are."},
    {0}};

enum status data_check(const void *settings, struct error *error)
{
    const struct data_config *const config = settings;
    if (config->validation_size > 0 || config->validation_labels != &validation_labels_true)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP,
                "validation_labels is true and validation_size is 0: there is no validation part; give "
                "validation_size, or leave out validation_labels");
}

static const struct dataset_ops *source_ops(const struct data_config *config)
{
    return (const struct dataset_ops *)(const void *)config->source.kind;
}

enum status data_load(const struct data_config *config, uint64_t data_seed, struct dataset **out, struct error *error)
{
    const struct dataset_request request = {.settings = config->source.settings, .data_seed = data_seed};
    return source_ops(config)->load(&request, out, error);
}

/* At least one sample must be left to train on. */
static enum status validation_size(const struct data_config *config, const struct dataset_shape *shape, int *out,
                                   struct error *error)
{
    const int64_t asked = config->validation_size, whole = shape->count[PART_TRAIN];
    const int64_t train = config->train_size > 0 ? config->train_size : 1;
    if (asked > 0 && asked + train > whole)
        return fail(error, STATUS_BAD_SWEEP,
                    "data.validation_size: %" PRId64 " samples beside %s%" PRId64
                    " to train on, but the source '%s' has %" PRId64 "; allowed: 0 for none, and at most %" PRId64,
                    asked, config->train_size > 0 ? "" : "at least ", train, config->source.kind->name, whole,
                    whole > train ? whole - train : 0);
    *out = (int)asked;
    return STATUS_OK;
}

enum status data_size(const struct data_config *config, const struct dataset_shape *shape, int part, int *out,
                      struct error *error)
{
    static const char *const words[DATASET_PARTS] = {"train", "test"};
    if (part == PART_VALIDATION)
        return validation_size(config, shape, out, error);
    const int64_t asked = part == PART_TRAIN ? config->train_size : config->test_size;
    const int whole = shape->count[part];
    if (asked > whole)
        return fail(error, STATUS_BAD_SWEEP,
                    "data.%s_size: %" PRId64 " samples, but the source '%s' has %d; allowed: 0 for all, or 1 to %d",
                    words[part], asked, config->source.kind->name, whole, whole);
    const int64_t all = part == PART_TRAIN ? whole - config->validation_size : whole;
    *out = (int)(asked == 0 ? all : asked);
    return STATUS_OK;
}

enum status data_noise_fits(const struct choice *label_noise, int classes, struct error *error)
{
    const struct label_noise_ops *const ops = (const struct label_noise_ops *)(const void *)label_noise->kind;
    return ops->fit == NULL ? STATUS_OK : ops->fit(label_noise->settings, classes, error);
}

static bool settings_equal(const struct field *fields, const void *a, const void *b);

static bool choice_equal(const struct choice *a, const struct choice *b)
{
    return a->kind == b->kind && settings_equal(a->kind->fields, a->settings, b->settings);
}

static bool choices_equal(const struct choices *a, const struct choices *b)
{
    bool equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++)
        equal = choice_equal(&a->items[i], &b->items[i]);
    return equal;
}

/* Lists start with their count, an int; items follow at `items`. */
static bool list_equal(const void *a, const void *b, size_t items, size_t item_bytes)
{
    int count_a, count_b;
    memcpy(&count_a, a, sizeof count_a);
    memcpy(&count_b, b, sizeof count_b);
    return count_a == count_b &&
           memcmp((const char *)a + items, (const char *)b + items, (size_t)count_a * item_bytes) == 0;
}

static bool value_equal(const struct field *field, const void *a, const void *b);

static bool items_equal(const struct field *item, const struct item_list *a, const struct item_list *b)
{
    bool equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++)
        equal = value_equal(item, a->items[i], b->items[i]);
    return equal;
}

static bool matrices_equal(const struct real_matrix *a, const struct real_matrix *b)
{
    const size_t count = (size_t)a->rows * (size_t)a->columns;
    return a->rows == b->rows && a->columns == b->columns &&
           (count == 0 || memcmp(a->values, b->values, count * sizeof *a->values) == 0);
}

static bool value_equal(const struct field *field, const void *a, const void *b)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_SEED:
        return memcmp(a, b, sizeof(int64_t)) == 0;
    case FIELD_REAL:
    case FIELD_DURATION:
        return memcmp(a, b, sizeof(double)) == 0;
    case FIELD_FLAG:
        return *(const bool *)a == *(const bool *)b;
    case FIELD_TEXT:
    case FIELD_PATH:
        return strcmp(a, b) == 0;
    case FIELD_INTEGERS:
        return list_equal(a, b, offsetof(struct integer_list, values), sizeof(int64_t));
    case FIELD_REALS:
        return list_equal(a, b, offsetof(struct real_list, values), sizeof(double));
    case FIELD_NAME:
        return memcmp(a, b, sizeof(struct kind *)) == 0;
    case FIELD_NAMES:
        return list_equal(a, b, offsetof(struct name_list, values), sizeof(struct kind *));
    case FIELD_CHOICE:
        return choice_equal(a, b);
    case FIELD_CHOICES:
        return choices_equal(a, b);
    case FIELD_SECTION:
        return settings_equal(field->section, a, b);
    case FIELD_LIST:
        return items_equal(field->item, a, b);
    case FIELD_MATRIX:
        return matrices_equal(a, b);
    }
    return false;
}

/* Value by value: the bytes between and behind values are nobody's. */
static bool settings_equal(const struct field *fields, const void *a, const void *b)
{
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++)
        if (!value_equal(field, (const char *)a + field->offset, (const char *)b + field->offset))
            return false;
    return true;
}

bool data_same_source(const struct data_config *a, uint64_t seed_a, const struct data_config *b, uint64_t seed_b)
{
    return choice_equal(&a->source, &b->source) && (!source_ops(a)->synthetic || seed_a == seed_b);
}
