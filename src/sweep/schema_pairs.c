/* schema_pairs.c - /pairs: which trials each pair compares, and what comes out. */
#include <stdio.h>

#include "sweep/schema_build.h"

/* What a column has beside `pair`. */
enum extent { EXTENT_NONE, EXTENT_ALPHA, EXTENT_SHARE };

struct pair_entry {
    enum extent extent;
    struct column column;
};

#define ENTRY(extent_, name_, long_name_) \
    {                                     \
        .extent = (extent_), .column = {  \
            .name = (name_),              \
            .type = COLUMN_FLOAT64,       \
            .units = "1",                 \
            .long_name = (long_name_)     \
        }                                 \
    }

static const struct pair_entry entries[PAIR_COLUMN_COUNT] = {
    [PAIR_PATH_TRAIN_LOSS] =
        ENTRY(EXTENT_ALPHA, "path_train_loss", "mean training loss at (1 - alpha) theta_first + alpha theta_second"),
    [PAIR_PATH_TRAIN_ERROR] = ENTRY(EXTENT_ALPHA, "path_train_error", "training error on that line"),
    [PAIR_PATH_TEST_LOSS] = ENTRY(EXTENT_ALPHA, "path_test_loss", "mean test loss on that line"),
    [PAIR_PATH_TEST_ERROR] = ENTRY(EXTENT_ALPHA, "path_test_error", "test error on that line"),
    [PAIR_BARRIER_TRAIN_LOSS] =
        ENTRY(EXTENT_NONE, "barrier_train_loss",
              "largest of path_train_loss - ((1 - alpha) its first + alpha its last value) over alpha"),
    [PAIR_BARRIER_TRAIN_ERROR] = ENTRY(EXTENT_NONE, "barrier_train_error", "the same of path_train_error"),
    [PAIR_BARRIER_TEST_LOSS] = ENTRY(EXTENT_NONE, "barrier_test_loss", "the same of path_test_loss"),
    [PAIR_BARRIER_TEST_ERROR] = ENTRY(EXTENT_NONE, "barrier_test_error", "the same of path_test_error"),
    [PAIR_DISAGREEMENT_TRAIN] =
        ENTRY(EXTENT_NONE, "disagreement_train", "share of training samples that the two predict differently"),
    [PAIR_DISAGREEMENT_TEST] =
        ENTRY(EXTENT_NONE, "disagreement_test", "share of test samples that the two predict differently"),
    [PAIR_RANK_CORRELATION] =
        ENTRY(EXTENT_NONE, "margin_rank_correlation", "Spearman correlation of the two trials' training margins"),
    [PAIR_OVERLAP_LOWEST] =
        ENTRY(EXTENT_SHARE, "overlap_lowest", "Jaccard overlap of the subsets of least training margin"),
    [PAIR_OVERLAP_HIGHEST] =
        ENTRY(EXTENT_SHARE, "overlap_highest", "Jaccard overlap of the subsets of largest training margin"),
    [PAIR_OVERLAP_CHANCE] =
        ENTRY(EXTENT_SHARE, "overlap_chance", "k / (2n - k): of random subsets of k of the n training samples"),
    [PAIR_DISTANCE] = ENTRY(EXTENT_NONE, "distance", "L2 distance of the two parameter vectors"),
    [PAIR_COSINE] = ENTRY(EXTENT_NONE, "cosine", "cosine of the two parameter vectors"),
};

static enum status add_dimension(struct schema *schema, struct results_dimension dimension, const char *name,
                                 const char *long_name, int *index, struct error *error)
{
    snprintf(dimension.name, sizeof dimension.name, "%s", name);
    snprintf(dimension.long_name, sizeof dimension.long_name, "%s", long_name);
    snprintf(dimension.units, sizeof dimension.units, "1");
    return schema_add_dimension(schema, &dimension, index, error);
}

/* Coordinates are owned by the schema. *index stays 0 for no items. */
static enum status add_numbers(struct schema *schema, int64_t count, double (*number)(const void *context, int64_t i),
                               const void *context, const char *name, const char *long_name, int *index,
                               struct error *error)
{
    void *memory = NULL;
    if (count == 0)
        return STATUS_OK;
    TRY(schema_allocate(schema, (size_t)count, sizeof(double), &memory, error));
    for (int64_t i = 0; i < count; i++)
        ((double *)memory)[i] = number(context, i);
    const struct results_dimension dimension = {.size = count, .type = RESULTS_FLOAT64, .coordinates = memory};
    return add_dimension(schema, dimension, name, long_name, index, error);
}

static double alpha_at(const void *context, int64_t i)
{
    const struct comparison_config *comparison = context;
    return (double)i / (double)(comparison->points - 1);
}

static double share_at(const void *context, int64_t i)
{
    const struct comparison_config *comparison = context;
    return comparison->shares.values[i];
}

static enum status add_fixed(struct schema *schema, const struct schema_request *request, int pair, struct error *error)
{
    int32_t *first = NULL, *second = NULL;
    char *identity = NULL;
    const struct fixed_array table[] = {
        {"first", RESULTS_INT32, 0, 1, {pair}, "the first trial", &first},
        {"second", RESULTS_INT32, 0, 1, {pair}, "the second trial", &second},
        {"identity",
         RESULTS_TEXT,
         HASH_TEXT_BYTES,
         1,
         {pair},
         "hash of both trials' identities and the settings of the comparison",
         &identity},
        {.name = NULL},
    };
    TRY(schema_add_fixed_arrays(schema, request, "pairs", table, error));
    for (int64_t i = 0; request->with_data && i < plan_pair_count(request->plan); i++) {
        first[i] = plan_pair(request->plan, i)->first;
        second[i] = plan_pair(request->plan, i)->second;
        hash_text(plan_pair(request->plan, i)->identity, identity + i * HASH_TEXT_BYTES);
    }
    return STATUS_OK;
}

/* Came later: files without it can be resumed, so it does not count as reproducible. */
static enum status add_flops(struct schema *schema, const struct schema_request *request, int pair, struct error *error)
{
    const struct results_array array = {.group = "pairs",
                                        .name = "predicted_flops",
                                        .type = RESULTS_FLOAT64,
                                        .rank = 1,
                                        .dimensions = {pair},
                                        .long_name = "floating-point operations, predicted"};
    void *data = NULL;
    TRY(schema_add_fixed_array(schema, request, array, &data, error));
    for (int64_t i = 0; data != NULL && i < plan_pair_count(request->plan); i++)
        ((double *)data)[i] = plan_pair_flops(request->plan, i);
    return STATUS_OK;
}

enum status schema_add_pairs(struct schema *schema, const struct schema_request *request, struct error *error)
{
    const struct comparison_config *comparison = &plan_sweep_config(request->plan)->comparison;
    int pair = 0, extents[] = {[EXTENT_NONE] = 0, [EXTENT_ALPHA] = 0, [EXTENT_SHARE] = 0};
    for (int c = 0; c < PAIR_COLUMN_COUNT; c++)
        schema->pairs[c] = -1;
    if (plan_pair_count(request->plan) == 0)
        return STATUS_OK;
    const struct results_dimension pairs = {.size = plan_pair_count(request->plan), .type = RESULTS_INT64};
    TRY(add_dimension(schema, pairs, "pair", "pair: two trials that are compared", &pair, error));
    TRY(add_numbers(schema, comparison->points, alpha_at, comparison, "pair_alpha",
                    "place on the line from the first trial's parameters (0) to the second's (1)",
                    &extents[EXTENT_ALPHA], error));
    TRY(add_numbers(schema, comparison->shares.count, share_at, comparison, "pair_share",
                    "share of the training samples in a subset of extreme margins", &extents[EXTENT_SHARE], error));
    schema->results.pair_dimension = pair;
    TRY(add_fixed(schema, request, pair, error));
    TRY(add_flops(schema, request, pair, error));
    for (int c = 0; c < PAIR_COLUMN_COUNT; c++) {
        const int dimensions[] = {pair, extents[entries[c].extent]};
        if (entries[c].extent != EXTENT_NONE && dimensions[1] == 0)
            continue;
        schema->pairs[c] = schema->results.array_count;
        TRY(schema_add_column(schema, "pairs", &entries[c].column, entries[c].extent == EXTENT_NONE ? 1 : 2, dimensions,
                              error));
    }
    return STATUS_OK;
}
