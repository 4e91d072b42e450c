/* tables.c - the root table of a sweep file, and the sections that no other folder owns. */
#include "config/config.h"

#define SEED_FIELD(stream_name, number, default_seed, sentence)                               \
    {                                                                                         \
        .name = stream_name, .type = FIELD_SEED,                                              \
        .offset = offsetof(struct seeds_config, stream) + sizeof(int64_t) * (size_t)(number), \
        .default_text = default_seed, .summary = sentence                                     \
    }

static const struct field seeds_fields[] = {
    SEED_FIELD("init", STREAM_INIT, "seed", "Initial weights."),
    SEED_FIELD("order", STREAM_ORDER, "seed", "Order of the samples in each epoch."),
    SEED_FIELD("noise", STREAM_NOISE, "0", "Which labels are noisy, and what they become."),
    SEED_FIELD("subset", STREAM_SUBSET, "0", "Which samples are used when train_size or test_size is below all."),
    SEED_FIELD("augment", STREAM_AUGMENT, "seed", "Random changes of the inputs."),
    SEED_FIELD("dropout", STREAM_DROPOUT, "seed", "Which outputs dropout leaves out."),
    SEED_FIELD("data", STREAM_DATA, "0", "The samples of synthetic sources."),
    SEED_FIELD("metric", STREAM_METRIC, "seed", "Samples drawn by metrics."),
    {.name = NULL}};

static const struct field limits_fields[] = {
    {.name = "trial",
     .type = FIELD_DURATION,
     .offset = offsetof(struct limits_config, trial),
     .default_text = "0",
     .unit = "seconds",
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "Time that one trial may take before it ends with the outcome timeout; 0 for no limit."},
    {.name = "checkpoint",
     .type = FIELD_DURATION,
     .offset = offsetof(struct limits_config, checkpoint),
     .default_text = "10m",
     .unit = "seconds",
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "Time between checkpoints of a trial, what a kill costs at most; 0: only where a run is stopped."},
    {.name = "memory",
     .type = FIELD_REAL,
     .offset = offsetof(struct limits_config, memory),
     .default_text = "0",
     .maximum = 1e9,
     .unit = "MB",
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary =
         "Memory that each rank may take: a trial that needs more fails before it starts; 0 for what the node has "
         "left, shared by its ranks."},
    {.name = "retries",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct limits_config, retries),
     .default_text = "1",
     .maximum = 1000,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "Further tries of a trial that took its process down."},
    {.name = "max_failures",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct limits_config, max_failures),
     .default_text = "0",
     .maximum = 1e15,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "Failed and timed-out trials after which the sweep stops; 0 for no limit."},
    {.name = NULL}};

static const struct kind rank0_auto = {.name = "auto", .summary = "serves from 512 ranks on, else trains"};
static const struct kind rank0_train = {.name = "train", .summary = "answers between its own mini-batches"};
static const struct kind rank0_serve = {.name = "serve",
                                        .summary = "trains nothing, and sleeps while it has nothing to do"};
static const struct kind *const rank0_kinds[] = {&rank0_auto, &rank0_train, &rank0_serve, NULL};
const struct kind_table rank0_table = {.what = "role of rank 0", .plural = "rank0", .kinds = rank0_kinds};

static const struct field schedule_fields[] = {
    {.name = "rank0",
     .type = FIELD_NAME,
     .offset = offsetof(struct schedule_config, rank0),
     .default_text = "auto",
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .kinds = &rank0_table,
     .summary = "Whether rank 0, which gives out the trials, trains too. With two ranks or more."},
    {.name = NULL}};

static const struct kind writer_auto = {
    .name = "auto", .summary = "every rank its own rows; rank 0 for all where the file system refuses that"};
static const struct kind writer_each = {.name = "each", .summary = "every rank its own rows"};
static const struct kind writer_root = {.name = "root", .summary = "rank 0 for all, between its own mini-batches"};

const struct kind_table writer_table = {
    .what = "writer",
    .plural = "writers",
    .kinds = (const struct kind *const[]){&writer_auto, &writer_each, &writer_root, NULL}};

static const struct field results_fields[] = {
    {.name = "writer",
     .type = FIELD_NAME,
     .offset = offsetof(struct results_config, writer),
     .default_text = "auto",
     .kinds = &writer_table,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "Who writes to the results file; makes no difference to what is in it."},
    {.name = NULL}};

const struct field comparison_fields[] = {
    {.name = "points",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct comparison_config, points),
     .default_text = "21",
     .minimum = 2,
     .maximum = 1000,
     .summary = "Points on the line from one trial's parameters to the other's, both ends in."},
    {.name = "shares",
     .type = FIELD_REALS,
     .offset = offsetof(struct comparison_config, shares),
     .default_text = "[0.01, 0.05, 0.1]",
     .maximum = 1,
     .flags = FIELD_ABOVE_MINIMUM,
     .summary =
         "Shares of the training samples: the subsets of the least and of the largest margins that are compared."},
    {.name = NULL}};

const struct field trial_fields[] = {
    {.name = "name",
     .type = FIELD_TEXT,
     .offset = offsetof(struct trial_config, name),
     .default_text = "sweep",
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "The sweep's name; the sweep file's own name when absent."},
    {.name = "seed",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct trial_config, seed),
     .default_text = "0",
     .maximum = (double)INT64_MAX,
     .summary = "Seed of every random stream that 'seeds' does not pin."},
    {.name = "seeds",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, seeds),
     .section = seeds_fields,
     .summary = "Seed of each random stream: a number pins it, the word seed follows the trial's seed."},
    {.name = "data",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, data),
     .section = data_fields,
     .check = data_check,
     .summary = "What is learned from."},
    {.name = "model",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, model),
     .section = model_fields,
     .summary = "The network."},
    {.name = "train",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, train),
     .section = train_fields,
     .summary = "How the network is trained."},
    {.name = "metrics",
     .type = FIELD_CHOICES,
     .offset = offsetof(struct trial_config, metrics),
     .default_text = "{}",
     .kinds = &metric_table,
     .flags = FIELD_NO_GRID,
     .summary = "What is measured, and when: a map from metrics to their settings."},
    {.name = "comparison",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, comparison),
     .section = comparison_fields,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "How the trials of a pair are compared, where 'pairs' asks for it."},
    {.name = "limits",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, limits),
     .section = limits_fields,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "What the sweep may take."},
    {.name = "schedule",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, schedule),
     .section = schedule_fields,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "How the ranks share the trials."},
    {.name = "results",
     .type = FIELD_SECTION,
     .offset = offsetof(struct trial_config, results),
     .section = results_fields,
     .flags = FIELD_NO_IDENTITY | FIELD_NO_GRID,
     .summary = "How the results file is written."},
    {.name = NULL}};

const struct kind_table *const config_tables[] = {&loss_table,
                                                  &model_table,
                                                  &layer_item_table,
                                                  &metric_table,
                                                  &dataset_table,
                                                  &optimizer_table,
                                                  &schedule_table,
                                                  &label_noise_table,
                                                  &stage_label_noise_table,
                                                  &normalisation_table,
                                                  &validation_label_table,
                                                  &activation_table,
                                                  &initialisation_table,
                                                  &moment_table,
                                                  &part_table,
                                                  &interpolation_mode_table,
                                                  &margin_scale_table,
                                                  &reduction_table,
                                                  &decay_table,
                                                  &rank0_table,
                                                  &writer_table,
                                                  NULL};

uint64_t trial_stream_seed(const struct trial_config *config, enum random_stream stream)
{
    const int64_t pinned = config->seeds.stream[stream];
    return (uint64_t)(pinned < 0 ? config->seed : pinned);
}

bool schedule_rank0_serves(const struct schedule_config *config, int ranks)
{
    enum { MANY_RANKS = 512 }; /* where rank 0's share of the work is 0.2 % */
    return ranks > 1 && (config->rank0 == &rank0_serve || (config->rank0 == &rank0_auto && ranks >= MANY_RANKS));
}
