/* view.c - which samples a trial sees, with which labels and normalisation constants. */
#include "base/memory.h"
#include "data/kinds.h"
#include "data/normalisation.h"
#include "seedbed/random.h"

/* The first `count` of a permutation of the whole part, in ascending order: smaller subsets lie in larger ones. */
static enum status subset_draw(uint64_t seed, int part, int whole, int count, int32_t *index, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)whole, sizeof(int32_t) + sizeof(bool), "subset", error));
    int32_t *permutation = memory;
    bool *chosen = (bool *)(permutation + whole);
    struct random random = random_start(STREAM_SUBSET, seed, (uint32_t)part);
    random_permutation(&random, whole, permutation);
    for (int i = 0; i < count; i++)
        chosen[permutation[i]] = true;
    for (int i = 0, next = 0; i < whole; i++)
        if (chosen[i])
            index[next++] = i;
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

/* Subset and true labels; labels are the true ones. */
static enum status samples_create(const struct data_config *config, uint64_t subset_seed, struct samples *samples,
                                  struct error *error)
{
    const struct dataset_shape *shape = &samples->dataset->shape;
    const int whole = shape->count[samples->part];
    TRY(data_size(config, shape, samples->part, &samples->count, error));
    TRY(samples_allocate(samples, error));
    if (samples->count < whole)
        TRY(subset_draw(subset_seed, samples->part, whole, samples->count, samples->index, error));
    else
        for (int i = 0; i < whole; i++)
            samples->index[i] = i;
    const int16_t *labels = dataset_labels_const(samples->dataset, samples->part);
    for (int i = 0; i < samples->count; i++)
        samples->labels[i] = samples->true_labels[i] = labels[samples->index[i]];
    return STATUS_OK;
}

static enum status noise_draw(const struct data_config *config, uint64_t seed, struct data_view *view,
                              struct error *error)
{
    const struct label_noise_ops *ops = (const struct label_noise_ops *)(const void *)config->label_noise.kind;
    struct samples *train = &view->parts[PART_TRAIN];
    const struct label_noise_request request = {.settings = config->label_noise.settings,
                                                .seed = seed,
                                                .classes = view->classes,
                                                .n = train->count,
                                                .index = train->index,
                                                .true_labels = train->true_labels};
    TRY(data_noise_fits(config, view->classes, error));
    TRY(ops->draw(&request, train->labels, error));
    int wrong = 0;
    for (int i = 0; i < train->count; i++)
        wrong += train->labels[i] != train->true_labels[i];
    view->noise_rate = (double)wrong / train->count;
    return STATUS_OK;
}

static enum status view_fill(const struct dataset *dataset, const struct data_config *config,
                             const struct data_seeds *seeds, struct data_view *view, struct error *error)
{
    for (int part = 0; part < PART_COUNT; part++) {
        view->parts[part].dataset = dataset;
        view->parts[part].part = part;
        TRY(samples_create(config, seeds->subset, &view->parts[part], error));
    }
    TRY(noise_draw(config, seeds->noise, view, error));
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
