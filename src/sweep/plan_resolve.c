/* plan_resolve.c - what a plan needs the data for: sizes, shapes, costs, identities, duplicates. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seedbed/version.h"
#include "sweep/metric_costs.h"
#include "sweep/plan_parts.h"

/* Fills how many samples of each part the trial sees. */
static void check_sizes(struct plan *plan, const struct plan_trial *trial, int count[PART_COUNT], struct faults *faults)
{
    static const char *const keys[PART_COUNT] = {"data.train_size", "data.test_size", "data.validation_size"};
    const struct dataset_shape *shape = &plan_source_at(plan, trial->source)->dataset->shape;
    for (int part = 0; part < PART_COUNT; part++) {
        struct error why = {0};
        char place[256] = "";
        count[part] = 0;
        if (data_size(&plan_variant(plan, trial->variant)->config, shape, part, &count[part], &why) == STATUS_OK)
            continue;
        plan_find_place(plan, trial->point, keys[part], place, sizeof place);
        faults_add(faults, place, "%s", why.text);
    }
}

static void check_pixels(struct plan *plan, const struct plan_trial *trial, const char *key, int64_t pixels, int most,
                         struct faults *faults)
{
    const struct shape *sample = &plan_source_at(plan, trial->source)->dataset->shape.sample;
    char place[256] = "";
    if (pixels <= most)
        return;
    plan_find_place(plan, trial->point, key, place, sizeof place);
    faults_add(faults, place, "%s: %" PRId64 " pixels, but samples are of %d x %d; allowed: 0 to %d", key, pixels,
               sample->height, sample->width, most);
}

/* What of an image would be left. */
static void check_augment(struct plan *plan, const struct plan_trial *trial, struct faults *faults)
{
    const struct shape *sample = &plan_source_at(plan, trial->source)->dataset->shape.sample;
    const struct augment_config *augment = &plan_variant(plan, trial->variant)->config.augment;
    const int shorter = sample->height < sample->width ? sample->height : sample->width;
    check_pixels(plan, trial, "data.augment.shift", augment->shift, shorter - 1, faults);
    check_pixels(plan, trial, "data.augment.cutout", augment->cutout, shorter, faults);
}

static void check_noise(struct plan *plan, const struct plan_trial *trial, const char *key,
                        const struct choice *label_noise, struct faults *faults)
{
    const struct dataset_shape *shape = &plan_source_at(plan, trial->source)->dataset->shape;
    struct error why = {0};
    char place[256] = "";
    if (data_noise_fits(label_noise, shape->classes, &why) == STATUS_OK)
        return;
    plan_find_place(plan, trial->point, key, place, sizeof place);
    faults_add(faults, place, "%s: %s", key, why.text);
}

static void check_noises(struct plan *plan, const struct plan_trial *trial, struct faults *faults)
{
    check_noise(plan, trial, "data.label_noise", &plan_variant(plan, trial->variant)->config.label_noise, faults);
    for (int i = 0; i < trial->stages.count; i++) {
        const struct stage_config *stage = trial->stages.items[i];
        char key[64];
        snprintf(key, sizeof key, "train.stages.%d.label_noise", i);
        check_noise(plan, trial, key, &stage->label_noise, faults);
    }
}

int plan_loss_classes(const struct choice *loss)
{
    const struct loss_ops *ops = (const struct loss_ops *)loss->kind;
    return ops->classes == NULL ? 0 : ops->classes(loss->settings);
}

static void check_loss(struct plan *plan, const struct plan_trial *trial, const char *key, int made_for,
                       struct faults *faults)
{
    const int classes = plan_source_at(plan, trial->source)->dataset->shape.classes;
    char place[256] = "";
    if (made_for == 0 || made_for == classes)
        return;
    plan_find_place(plan, trial->point, key, place, sizeof place);
    faults_add(faults, place, "%s: it is made for %d classes, but the data has %d; give %d x %d numbers", key, made_for,
               classes, classes, classes);
}

static void check_losses(struct plan *plan, const struct plan_trial *trial, struct faults *faults)
{
    check_loss(plan, trial, "train.loss", trial->loss_classes, faults);
    for (int i = 0; i < trial->stages.count; i++) {
        const struct stage_config *stage = trial->stages.items[i];
        char key[64];
        snprintf(key, sizeof key, "train.stages.%d.loss", i);
        check_loss(plan, trial, key, plan_loss_classes(&stage->train.loss), faults);
    }
}

/* The network that trial->model's configuration makes on this input. */
static enum status number_shaped_model(struct plan *plan, struct hash_map *numbers, const struct plan_trial *trial,
                                       int32_t *number, struct faults *faults, struct error *error)
{
    const struct dataset_shape *shape = &plan_source_at(plan, trial->source)->dataset->shape;
    const int32_t key[] = {trial->model, shape->sample.height, shape->sample.width, shape->sample.channels,
                           shape->classes};
    int64_t found = 0;
    TRY(hash_map_number(numbers, hash_bytes128(key, sizeof key), &found, error));
    *number = (int32_t)found;
    if (found < plan->models.count)
        return STATUS_OK;
    struct plan_model model = {.config = ((struct model_config *)plan->shapeless.items)[trial->model],
                               .input = shape->sample,
                               .classes = shape->classes};
    struct error why = {0};
    if (network_summarise(&model.config, model.input, model.classes, 1, &model.summary, &why) != STATUS_OK) {
        char place[256] = "", path[LAYER_PATH_BYTES + sizeof "model."];
        const char *const layer = model.summary.layer_path;
        snprintf(path, sizeof path, "model%s%s", layer[0] == '\0' ? "" : ".", layer);
        plan_find_place(plan, trial->point, path, place, sizeof place);
        faults_add(faults, place, "%s: %s", path, why.text);
    }
    return growing_add(&plan->models, &model, error);
}

/* The metrics are the same for every trial; what they are measured on need not be. */
static void check_metrics(struct plan *plan, const struct plan_trial *trial, const int *count, struct faults *faults)
{
    const struct choices *metrics = &plan->first.metrics;
    const struct metric_trial measured =
        metric_trial_of(plan_model(plan, trial->model), trial->loss, count, (int)trial->batch_size);
    for (int i = 0; i < metrics->count; i++) {
        const struct metric_ops *ops = (const struct metric_ops *)metrics->items[i].kind;
        struct error why = {0};
        char place[256] = "", key[128];
        if (ops->fit == NULL || ops->fit(metrics->items[i].settings, &measured, &why) == STATUS_OK)
            continue;
        snprintf(key, sizeof key, "%.*s", (int)strcspn(why.text, ":"), why.text);
        plan_find_place(plan, trial->point, key, place, sizeof place);
        faults_add(faults, place, "%s", why.text);
    }
}

/* Steps of all epochs, cut where stop.steps says. */
static int64_t predict_steps(struct plan_trial *trial, int64_t train)
{
    const int64_t epoch_steps = (train + trial->batch_size - 1) / trial->batch_size;
    int64_t steps = trial->epochs * epoch_steps;
    if (trial->stop_steps > 0 && trial->stop_steps < steps) {
        steps = trial->stop_steps;
        trial->epochs = (steps + epoch_steps - 1) / epoch_steps;
    }
    return steps;
}

/* Samples evaluated within epochs: the training part for rules and points at a training loss, all at points at steps.
 */
static double predict_looks(const struct plan *plan, const struct plan_trial *trial, double steps, double train,
                            double all)
{
    const struct choices *metrics = &plan->first.metrics;
    double samples = trial->check_steps > 0 ? floor(steps / (double)trial->check_steps) * train : 0;
    for (int i = 0; i < metrics->count; i++) {
        const struct metric_when *when = (const void *)metrics->items[i].settings;
        samples += when->loss_every > 0 ? floor(steps / (double)when->loss_every) * train : 0;
        for (int j = 0; j < when->steps.count; j++)
            samples += (double)when->steps.values[j] <= steps ? all : 0;
    }
    return samples;
}

/* Adds a stage: its training, and its evaluations of the training part: at the end, or where rules look. */
static void add_stage_cost(const struct stage_config *stage, double train, double flops_per_sample,
                           struct plan_trial *trial)
{
    const struct stop_config *stop = &stage->train.stop;
    const double epochs = (double)stage->train.epochs;
    const double steps = (double)training_steps(&stage->train, (int64_t)train);
    const double samples = fmin(epochs * train, steps * (double)stage->train.batch_size);
    const double ends = stop->separated || stop->train_loss > 0 ? ceil(samples / train) + 1 : 1;
    const double checks = stop->train_loss > 0 && stop->every > 0 ? floor(steps / (double)stop->every) : 0;
    trial->samples += samples;
    trial->flops += flops_per_sample * (3 * samples + (ends + checks) * train);
}

/* Training costs three forward passes; after every epoch every part is evaluated; metrics say what they take. Rules
 * that depend on how training goes may end it sooner, and moments may coincide: this is the most. */
static void predict_cost(struct plan *plan, struct plan_trial *trial, const int count[PART_COUNT])
{
    const double train = count[PART_TRAIN];
    const double evaluated = train + count[PART_TEST] + count[PART_VALIDATION];
    const struct plan_model *model = plan_model(plan, trial->model);
    const struct network_summary *summary = &model->summary;
    const struct metric_trial sizes = metric_trial_of(model, trial->loss, count, (int)trial->batch_size);
    const int64_t steps = predict_steps(trial, count[PART_TRAIN]);
    const double epochs = (double)trial->epochs;
    const double looks = predict_looks(plan, trial, (double)steps, train, evaluated);
    trial->steps = steps;
    trial->samples = fmin(epochs * train, (double)steps * (double)trial->batch_size);
    trial->flops = summary->flops_per_sample * (3 * trial->samples + (epochs + 1) * evaluated + looks) +
                   metric_costs(&plan->first.metrics, &sizes, trial->epochs, steps).flops;
    for (int i = 0; i < trial->stages.count; i++)
        add_stage_cost(trial->stages.items[i], train, summary->flops_per_sample, trial);
    trial->parameters = summary->parameter_count;
    if (trial->epochs > plan->longest_epochs)
        plan->longest_epochs = trial->epochs;
    if (steps > plan->longest_steps)
        plan->longest_steps = steps;
}

static void finish_identity(const struct plan *plan, struct plan_trial *trial)
{
    const struct dataset *dataset = plan_source_at(plan, trial->source)->dataset;
    const uint64_t parts[] = {trial->identity.high, trial->identity.low, dataset->digest[0], dataset->digest[1],
                              SEEDBED_NUMERICS_VERSION};
    trial->identity = hash_bytes128(parts, sizeof parts);
}

static enum status check_duplicate(struct plan *plan, struct hash_map *seen, int64_t trial, struct faults *faults,
                                   struct error *error)
{
    int64_t first = 0;
    const int64_t before = seen->count;
    TRY(hash_map_number(seen, plan_trial_at(plan, trial)->identity, &first, error));
    if (seen->count > before || faults->count > 0)
        return STATUS_OK;
    char place[256] = "";
    plan_find_place(plan, plan_trial_at(plan, trial)->point, "", place, sizeof place);
    faults_add(faults, place,
               "trial %" PRId64 " is the same as trial %" PRId64
               ": every key that results depend on is equal; drop one from the grid, or exclude it",
               trial, first);
    return STATUS_OK;
}

static enum status resolve_trial(struct plan *plan, struct hash_map maps[2], int64_t trial_number,
                                 struct faults *faults, struct error *error)
{
    struct plan_trial *trial = plan_trial_at(plan, trial_number);
    int count[PART_COUNT];
    check_sizes(plan, trial, count, faults);
    check_augment(plan, trial, faults);
    check_noises(plan, trial, faults);
    check_losses(plan, trial, faults);
    TRY(number_shaped_model(plan, &maps[0], trial, &trial->model, faults, error));
    check_metrics(plan, trial, count, faults);
    predict_cost(plan, trial, count);
    finish_identity(plan, trial);
    return check_duplicate(plan, &maps[1], trial_number, faults, error);
}

enum status plan_resolve(struct plan *plan, const struct dataset *const *datasets, struct faults *faults,
                         struct error *error)
{
    struct hash_map maps[2] = {{0}, {0}}; /* models by input, trials by identity */
    for (int i = 0; i < plan_source_count(plan); i++)
        plan_source_at(plan, i)->dataset = datasets[i];
    plan->longest_epochs = plan->longest_steps = 0;
    enum status status = STATUS_OK;
    for (int64_t i = 0; status == STATUS_OK && i < plan->trials.count; i++)
        status = resolve_trial(plan, maps, i, faults, error);
    hash_map_free(&maps[0]);
    hash_map_free(&maps[1]);
    TRY(status);
    if (faults->count == 0)
        TRY(plan_make_pairs(plan, faults, error));
    return faults->count == 0 ? STATUS_OK : plan_refuse(faults, plan->first.name, error);
}
