/* plan.c - every point of the grid is bound once; what trials share (sources, variants, models) is numbered by hash.
 * Until plan_resolve a trial's identity is the hash of its configuration alone and its model the number of its
 * configuration. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/plan_parts.h"
#include "training/optimizers.h"

struct plan_trial *plan_trial_at(const struct plan *plan, int64_t trial)
{
    return (struct plan_trial *)plan->trials.items + trial;
}

struct plan_source *plan_source_at(const struct plan *plan, int source)
{
    return (struct plan_source *)plan->sources.items + source;
}

static enum status hash_section(struct plan *plan, const struct field *fields, const void *section, const void *more,
                                size_t more_bytes, struct hash128 *out, struct error *error)
{
    plan->canonical.length = 0;
    config_canonical(fields, section, &plan->canonical);
    text_add_bytes(&plan->canonical, more, more_bytes);
    TRY(text_status(&plan->canonical, error));
    *out = hash_bytes128(plan->canonical.data, plan->canonical.length);
    return STATUS_OK;
}

/* The configuration's part of the identity: seeds by what each stream will use, so that pinning a stream to the value
 * it has anyway changes nothing. */
static enum status hash_config(struct plan *plan, struct hash128 *out, struct error *error)
{
    struct trial_config *config = &plan->config;
    const struct seeds_config seeds = config->seeds;
    const int64_t seed = config->seed;
    for (int s = 0; s < STREAM_COUNT; s++)
        config->seeds.stream[s] = (int64_t)trial_stream_seed(config, (enum random_stream)s);
    config->seed = 0;
    const enum status status = hash_section(plan, trial_fields, config, "", 0, out, error);
    config->seeds = seeds;
    config->seed = seed;
    return status;
}

static enum status number_source(struct plan *plan, int64_t point, int32_t *number, struct error *error)
{
    const uint64_t seed = trial_stream_seed(&plan->config, STREAM_DATA);
    for (int i = 0; i < plan_source_count(plan); i++)
        if (data_same_source(&plan->config.data, seed, &plan_source_at(plan, i)->config,
                             plan_source_at(plan, i)->data_seed)) {
            *number = i;
            return STATUS_OK;
        }
    struct plan_source source = {.config = plan->config.data, .data_seed = seed};
    plan_find_place(plan, point, "data.path", source.place, sizeof source.place);
    *number = (int32_t)plan->sources.count;
    return growing_add(&plan->sources, &source, error);
}

static enum status number_variant(struct plan *plan, int32_t source, int32_t *number, struct error *error)
{
    const struct plan_variant variant = {
        .source = source,
        .config = plan->config.data,
        .seeds = {.data = trial_stream_seed(&plan->config, STREAM_DATA),
                  .subset = trial_stream_seed(&plan->config, STREAM_SUBSET),
                  .noise = trial_stream_seed(&plan->config, STREAM_NOISE)},
    };
    const uint64_t more[] = {(uint64_t)source, variant.seeds.subset, variant.seeds.noise};
    struct hash128 hash;
    int64_t found = 0;
    TRY(hash_section(plan, data_fields, &plan->config.data, more, sizeof more, &hash, error));
    TRY(hash_map_number(&plan->variant_numbers, hash, &found, error));
    *number = (int32_t)found;
    return found == plan->variants.count ? growing_add(&plan->variants, &variant, error) : STATUS_OK;
}

static enum status number_model(struct plan *plan, int32_t *number, struct error *error)
{
    struct hash128 hash;
    int64_t found = 0;
    TRY(hash_section(plan, model_fields, &plan->config.model, "", 0, &hash, error));
    TRY(hash_map_number(&plan->shapeless_numbers, hash, &found, error));
    *number = (int32_t)found;
    return found == plan->shapeless.count ? growing_add(&plan->shapeless, &plan->config.model, error) : STATUS_OK;
}

/* Floats that an optimizer keeps, at most, of the training and the stages before it. */
static int32_t state_per_parameter(const struct train_config *train)
{
    int most = ((const struct optimizer_ops *)train->optimizer.kind)->state_per_parameter;
    for (int i = 0; i < train->stages.count; i++) {
        const int of_stage = state_per_parameter(&((const struct stage_config *)train->stages.items[i])->train);
        most = of_stage > most ? of_stage : most;
    }
    return most;
}

static enum status add_trial(struct plan *plan, int64_t point, struct error *error)
{
    const struct train_config *train = &plan->config.train;
    struct plan_trial trial = {.point = point,
                               .epochs = train->epochs,
                               .batch_size = train->batch_size,
                               .stop_steps = train->stop.steps,
                               .check_steps = train->stop.train_loss > 0 ? train->stop.every : 0,
                               .stages = train->stages,
                               .state_per_parameter = state_per_parameter(train),
                               .loss = (const struct loss_ops *)train->loss.kind,
                               .loss_classes = plan_loss_classes(&train->loss)};
    TRY(number_source(plan, point, &trial.source, error));
    TRY(number_variant(plan, trial.source, &trial.variant, error));
    TRY(number_model(plan, &trial.model, error));
    TRY(hash_config(plan, &trial.identity, error));
    if (plan->trials.count == 0)
        plan->first = plan->config;
    if (train->stages.count > plan->most_stages)
        plan->most_stages = train->stages.count;
    reduction_extend(&plan->reductions, &train->reduction, train->epochs);
    TRY(plan_axes_add(plan, point, error));
    return growing_add(&plan->trials, &trial, error);
}

/* Binds one point into plan->config; *kept: it is a trial without a fault. */
enum status plan_bind_point(struct plan *plan, int64_t point, bool *kept, struct faults *faults, struct error *error)
{
    const size_t mark = tree_arena_mark(plan->arena);
    const struct tree_node *root = grid_tree(plan->grid, plan->arena, point);
    const struct config_reading reading = {
        .base_directory = plan->base_directory, .lists = &plan->lists, .faults = faults};
    enum status status = STATUS_OK;
    *kept = false;
    if (root == NULL)
        status = fail(error, STATUS_NO_MEMORY, "no memory for point %" PRId64 " of the grid", point);
    else if (config_bind(root, trial_fields, &reading, &plan->config))
        *kept = !grid_excluded(plan->grid, &plan->config);
    tree_arena_rewind(plan->arena, mark);
    return status;
}

static enum status bind_points(struct plan *plan, struct faults *faults, struct error *error)
{
    for (int64_t point = 0; point < grid_points(plan->grid); point++) {
        bool kept = false;
        TRY(plan_bind_point(plan, point, &kept, faults, error));
        if (kept && faults->count == 0)
            TRY(add_trial(plan, point, error));
    }
    if (faults->count == 0 && plan->trials.count == 0)
        grid_refuse_empty(plan->grid, faults);
    if (faults->count == 0)
        grid_check_used(plan->grid, faults);
    return STATUS_OK;
}

static enum status copy_text(const char *text, char **out, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, strlen(text) + 1, 1, "path", error));
    memcpy(memory, text, strlen(text) + 1);
    *out = memory;
    return STATUS_OK;
}

enum status plan_refuse(const struct faults *faults, const char *name, struct error *error)
{
    return fail(error, STATUS_BAD_SWEEP, "%d fault%s in %s", faults->count, faults->count == 1 ? "" : "s", name);
}

static enum status fill(struct plan *plan, const struct plan_request *request, struct faults *faults,
                        struct error *error)
{
    plan->trials.size = sizeof(struct plan_trial);
    plan->sources.size = sizeof(struct plan_source);
    plan->variants.size = sizeof(struct plan_variant);
    plan->shapeless.size = sizeof(struct model_config);
    plan->models.size = sizeof(struct plan_model);
    plan->pairs.size = sizeof(struct plan_pair);
    TRY(copy_text(request->base_directory, &plan->base_directory, error));
    TRY(tree_arena_create(&plan->arena, error));
    TRY(grid_read(request, plan->arena, &plan->grid, faults, error));
    if (plan->grid != NULL) {
        TRY(plan_axes_create(plan, error));
        TRY(bind_points(plan, faults, error));
    }
    return faults->count == 0 ? STATUS_OK : plan_refuse(faults, request->name, error);
}

enum status plan_create(const struct plan_request *request, struct plan **out, struct faults *faults,
                        struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, 1, sizeof(struct plan), "plan", error));
    struct plan *plan = memory;
    const enum status status = fill(plan, request, faults, error);
    if (status != STATUS_OK) {
        plan_destroy(&plan);
        return status;
    }
    *out = plan;
    return STATUS_OK;
}

void plan_destroy(struct plan **plan)
{
    if (*plan == NULL)
        return;
    plan_axes_free(*plan);
    growing_free(&(*plan)->trials);
    growing_free(&(*plan)->sources);
    growing_free(&(*plan)->variants);
    growing_free(&(*plan)->shapeless);
    growing_free(&(*plan)->models);
    growing_free(&(*plan)->pairs);
    hash_map_free(&(*plan)->variant_numbers);
    hash_map_free(&(*plan)->shapeless_numbers);
    text_free(&(*plan)->canonical);
    grid_destroy(&(*plan)->grid);
    config_lists_free(&(*plan)->lists);
    tree_arena_destroy(&(*plan)->arena);
    memory_free((*plan)->base_directory);
    memory_free(*plan);
    *plan = NULL;
}

int plan_source_count(const struct plan *plan)
{
    return (int)plan->sources.count;
}

const struct plan_source *plan_source(const struct plan *plan, int source)
{
    return plan_source_at(plan, source);
}

int64_t plan_trial_count(const struct plan *plan)
{
    return plan->trials.count;
}

const struct plan_trial *plan_trial(const struct plan *plan, int64_t trial)
{
    return plan_trial_at(plan, trial);
}

int plan_variant_count(const struct plan *plan)
{
    return (int)plan->variants.count;
}

const struct plan_variant *plan_variant(const struct plan *plan, int variant)
{
    return (const struct plan_variant *)plan->variants.items + variant;
}

int plan_model_count(const struct plan *plan)
{
    return (int)plan->models.count;
}

const struct plan_model *plan_model(const struct plan *plan, int model)
{
    return (const struct plan_model *)plan->models.items + model;
}

const struct trial_config *plan_sweep_config(const struct plan *plan)
{
    return &plan->first;
}

int64_t plan_longest_epochs(const struct plan *plan)
{
    return plan->longest_epochs;
}

int64_t plan_longest_steps(const struct plan *plan)
{
    return plan->longest_steps;
}

int plan_most_stages(const struct plan *plan)
{
    return plan->most_stages;
}

const struct reduction_extent *plan_reductions(const struct plan *plan)
{
    return &plan->reductions;
}

enum status plan_trial_config(struct plan *plan, int64_t trial, struct trial_config *out, struct error *error)
{
    struct faults faults = {0};
    bool kept = false;
    const enum status status = plan_bind_point(plan, plan_trial_at(plan, trial)->point, &kept, &faults, error);
    faults_free(&faults);
    TRY(status);
    if (!kept)
        return fail(error, STATUS_INTERNAL, "trial %" PRId64 " no longer reads as it did", trial);
    *out = plan->config;
    return STATUS_OK;
}

/* The value at the longest part of the path that the tree has. */
static const struct tree_node *find_nearest(const struct tree_node *root, const char *key)
{
    char path[256];
    const struct tree_node *node = NULL;
    snprintf(path, sizeof path, "%s", key);
    while ((node = tree_find(root, path)) == NULL) {
        char *dot = strrchr(path, '.');
        *(dot == NULL ? path : dot) = '\0';
    }
    return node;
}

void plan_find_place(struct plan *plan, int64_t point, const char *key, char *place, size_t bytes)
{
    const size_t mark = tree_arena_mark(plan->arena);
    const struct tree_node *root = grid_tree(plan->grid, plan->arena, point);
    if (root != NULL)
        tree_place(find_nearest(root, key), place, bytes);
    tree_arena_rewind(plan->arena, mark);
}
