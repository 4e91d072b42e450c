/* view.c - which samples a trial sees, with which labels and normalisation constants. */
#include "base/memory.h"
#include "data/kinds.h"
#include "data/normalisation.h"
#include "seedbed/random.h"

/* The first or the last `count` of a permutation of the whole part, in ascending order: smaller subsets lie in larger
 * ones, and what is taken from one end leaves the other as it is. */
static enum status subset_draw(uint64_t seed, const struct samples *samples, int whole, bool last, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)whole, sizeof(int32_t) + sizeof(bool), "subset", error));
    int32_t *permutation = memory;
    bool *chosen = (bool *)(permutation + whole);
    struct random random = random_start(STREAM_SUBSET, seed, (uint32_t)samples->part);
    random_permutation(&random, whole, permutation);
    const int first = last ? whole - samples->count : 0;
    for (int i = 0; i < samples->count; i++)
        chosen[permutation[first + i]] = true;
    for (int i = 0, next = 0; i < whole; i++)
        if (chosen[i])
            samples->index[next++] = i;
    memory_free(memory);
    return STATUS_OK;
}

static enum status samples_allocate(struct samples *samples, struct error *error)
{
    const size_t count = (size_t)samples->count;
    TRY(memory_allocate((void **)&samples->index, count, sizeof *samples->index, "subset", error));
    TRY(memory_allocate((void **)&samples->labels, count, sizeof *samples->labels, "labels", error));
    return memory_allocate((void **)&samples->true_labels, count, sizeof *samples->true_labels, "labels", error);
}

/* Subset and true labels of samples->count samples; labels are the true ones. */
static enum status samples_create(uint64_t subset_seed, bool last, struct samples *samples, struct error *error)
{
    const int whole = samples->dataset->shape.count[samples->part];
    if (samples->count == 0)
        return STATUS_OK;
    TRY(samples_allocate(samples, error));
    if (samples->count < whole)
        TRY(subset_draw(subset_seed, samples, whole, last, error));
    else
        for (int i = 0; i < whole; i++)
            samples->index[i] = i;
    const int16_t *labels = dataset_labels_const(samples->dataset, samples->part);
    for (int i = 0; i < samples->count; i++)
        samples->labels[i] = samples->true_labels[i] = labels[samples->index[i]];
    return STATUS_OK;
}

static enum status noise_draw(const struct choice *label_noise, uint64_t seed, uint32_t draw,
                              const struct samples *samples, int16_t *labels, struct error *error)
{
    const struct label_noise_ops *ops = (const struct label_noise_ops *)(const void *)label_noise->kind;
    const struct label_noise_request request = {.settings = label_noise->settings,
                                                .seed = seed,
                                                .substream = draw,
                                                .classes = samples->dataset->shape.classes,
                                                .n = samples->count,
                                                .index = samples->index,
                                                .true_labels = samples->true_labels,
                                                .observed_labels = samples->labels};
    TRY(data_noise_fits(label_noise, request.classes, error));
    return ops->draw(&request, labels, error);
}

static double wrong_share(const struct samples *samples)
{
    int wrong = 0;
    for (int i = 0; i < samples->count; i++)
        wrong += samples->labels[i] != samples->true_labels[i];
    return (double)wrong / samples->count;
}

static enum status noise_fill(const struct data_config *config, uint64_t seed, struct data_view *view,
                              struct error *error)
{
    const struct samples *const train = &view->parts[PART_TRAIN], *const validation = &view->parts[PART_VALIDATION];
    TRY(noise_draw(&config->label_noise, seed, 0, train, train->labels, error));
    view->noise_rate = wrong_share(train);
    if (validation->count == 0 || config->validation_labels == &validation_labels_true)
        return STATUS_OK;
    return noise_draw(&config->label_noise, seed, 0, validation, validation->labels, error);
}

static enum status view_fill(const struct dataset *dataset, const struct data_config *config,
                             const struct data_seeds *seeds, struct data_view *view, struct error *error)
{
    for (int part = 0; part < PART_COUNT; part++) {
        struct samples *samples = &view->parts[part];
        samples->dataset = dataset;
        samples->part = part == PART_VALIDATION ? PART_TRAIN : part;
        TRY(data_size(config, &dataset->shape, part, &samples->count, error));
    }
    for (int part = 0; part < PART_COUNT; part++)
        TRY(samples_create(seeds->subset, part == PART_VALIDATION, &view->parts[part], error));
    TRY(noise_fill(config, seeds->noise, view, error));
    return normalisation_fill(config->normalisation, view, error);
}

enum status data_view_create(const struct dataset *dataset, const struct data_config *config,
                             const struct data_seeds *seeds, struct data_view **out, struct error *error)
{
    struct data_view *view = NULL;
    TRY(memory_allocate((void **)&view, 1, sizeof *view, "view of the data", error));
    view->shape = dataset->shape.sample;
    view->classes = dataset->shape.classes;
    const enum status status = view_fill(dataset, config, seeds, view, error);
    if (status == STATUS_OK)
        *out = view;
    else
        data_view_destroy(&view);
    return status;
}

enum status data_view_draw(const struct data_view *view, const struct choice *label_noise, uint64_t noise_seed,
                           uint32_t draw, int16_t *labels, struct error *error)
{
    return noise_draw(label_noise, noise_seed, draw, &view->parts[PART_TRAIN], labels, error);
}

void data_view_destroy(struct data_view **view)
{
    if (view == NULL || *view == NULL)
        return;
    for (int part = 0; part < PART_COUNT; part++) {
        memory_free((*view)->parts[part].index);
        memory_free((*view)->parts[part].labels);
        memory_free((*view)->parts[part].true_labels);
    }
    memory_free(*view);
    *view = NULL;
}
