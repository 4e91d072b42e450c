/* plan_pairs.c - pairs of trials: within each entry of `pairs`, trials with equal values of the axes that must agree
 * form a group, and every two of a group a pair. A pair that several entries name is there once. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "config/names.h"
#include "sweep/axis.h"
#include "sweep/plan_parts.h"

/* What making the pairs takes. */
struct pairing {
    struct plan *plan;
    int32_t *group; /* [trials] of the entry at hand */
    int32_t *order; /* [trials] by group */
    struct hash_map seen;
    struct faults *faults;
};

/* Numbers the groups of an entry and sorts the trials by them, in their order. */
static enum status sort_by_group(struct pairing *pairing, const struct pairs_entry *entry, struct error *error)
{
    const int axes = plan_axis_count(pairing->plan);
    const int64_t trials = plan_trial_count(pairing->plan);
    struct hash_map groups = {0};
    enum status status = STATUS_OK;
    for (int64_t trial = 0; status == STATUS_OK && trial < trials; trial++) {
        const int32_t *values = (const int32_t *)pairing->plan->values.items + trial * axes;
        int32_t key[GRID_AXES_MAX] = {0};
        int64_t number = 0;
        for (int axis = 0; axis < axes; axis++)
            key[axis] = entry->agree[axis] ? values[axis] : 0;
        status = hash_map_number(&groups, hash_bytes128(key, sizeof key), &number, error);
        pairing->group[trial] = (int32_t)number;
    }
    int64_t *start = NULL;
    if (status == STATUS_OK)
        status = memory_allocate((void **)&start, (size_t)groups.count + 1, sizeof *start, "groups of trials", error);
    if (status == STATUS_OK) {
        for (int64_t trial = 0; trial < trials; trial++)
            start[pairing->group[trial] + 1]++;
        for (int64_t g = 0; g < groups.count; g++)
            start[g + 1] += start[g];
        for (int64_t trial = 0; trial < trials; trial++)
            pairing->order[start[pairing->group[trial]]++] = (int32_t)trial;
    }
    memory_free(start);
    hash_map_free(&groups);
    return status;
}

static enum status add_pair(struct pairing *pairing, const struct pairs_entry *entry, int32_t first, int32_t second,
                            struct error *error)
{
    struct plan *plan = pairing->plan;
    const int32_t both[] = {first, second};
    int64_t number = 0;
    TRY(hash_map_number(&pairing->seen, hash_bytes128(both, sizeof both), &number, error));
    if (number < plan->pairs.count)
        return STATUS_OK;
    const struct plan_trial *a = plan_trial(plan, first), *b = plan_trial(plan, second);
    if (a->variant != b->variant && pairing->faults->count == 0)
        axis_fault(pairing->faults, entry->node,
                   "pairs: trials %d and %d do not see the same samples with the same labels, so they cannot be "
                   "compared sample by sample; pin the streams `subset` and `noise`, and agree in all of `data`",
                   first, second);
    const uint64_t key[] = {a->identity.high, a->identity.low,       b->identity.high,
                            b->identity.low,  plan->comparison.high, plan->comparison.low};
    const struct plan_pair pair = {.first = first, .second = second, .identity = hash_bytes128(key, sizeof key)};
    return growing_add(&plan->pairs, &pair, error);
}

static enum status add_entry(struct pairing *pairing, const struct pairs_entry *entry, struct error *error)
{
    const int64_t trials = plan_trial_count(pairing->plan);
    bool any = false;
    TRY(sort_by_group(pairing, entry, error));
    for (int64_t i = 0; i < trials; i++)
        for (int64_t j = i + 1; j < trials && pairing->group[pairing->order[j]] == pairing->group[pairing->order[i]];
             j++) {
            if (pairing->plan->pairs.count == PLAN_PAIRS_MAX) {
                axis_fault(pairing->faults, entry->node, "pairs: more than %d pairs; agree in more axes",
                           PLAN_PAIRS_MAX);
                return STATUS_OK;
            }
            TRY(add_pair(pairing, entry, pairing->order[i], pairing->order[j], error));
            any = true;
        }
    if (!any)
        axis_fault(pairing->faults, entry->node, "pairs: no two trials agree so; correct or remove this entry");
    return STATUS_OK;
}

static bool records_end_weights(const struct plan *plan)
{
    const struct choices *metrics = &plan->first.metrics;
    for (int i = 0; i < metrics->count; i++) {
        const struct metric_when *when = (const void *)metrics->items[i].settings;
        if (strcmp(metrics->items[i].kind->name, "weights") != 0)
            continue;
        for (int m = 0; m < when->at.count; m++)
            if (strcmp(when->at.values[m]->name, "end") == 0)
                return true;
    }
    return false;
}

static enum status make(struct pairing *pairing, const struct pairs *pairs, struct error *error)
{
    struct plan *plan = pairing->plan;
    const size_t trials = (size_t)plan_trial_count(plan);
    TRY(memory_allocate((void **)&pairing->group, trials, sizeof *pairing->group, "pairs", error));
    TRY(memory_allocate((void **)&pairing->order, trials, sizeof *pairing->order, "pairs", error));
    for (int i = 0; i < pairs->count && pairing->faults->count == 0; i++)
        TRY(add_entry(pairing, &pairs->entries[i], error));
    return STATUS_OK;
}

enum status plan_make_pairs(struct plan *plan, struct faults *faults, struct error *error)
{
    const struct pairs *pairs = grid_pairs(plan->grid);
    if (pairs->count == 0)
        return STATUS_OK;
    if (!records_end_weights(plan)) {
        axis_fault(faults, pairs->entries[0].node,
                   "pairs: trials are compared by their weights at the end, which this sweep does not record; add "
                   "weights: {at: [end]} to 'metrics'");
        return STATUS_OK;
    }
    plan->canonical.length = 0;
    config_canonical(comparison_fields, &plan->first.comparison, &plan->canonical);
    TRY(text_status(&plan->canonical, error));
    plan->comparison = hash_bytes128(plan->canonical.data, plan->canonical.length);
    struct pairing pairing = {.plan = plan, .faults = faults};
    const enum status status = make(&pairing, pairs, error);
    memory_free(pairing.group);
    memory_free(pairing.order);
    hash_map_free(&pairing.seen);
    return status;
}

int64_t plan_pair_count(const struct plan *plan)
{
    return plan->pairs.count;
}

const struct plan_pair *plan_pair(const struct plan *plan, int64_t pair)
{
    return (const struct plan_pair *)plan->pairs.items + pair;
}

static double part_size(const struct plan *plan, const struct plan_trial *trial, int part)
{
    const struct dataset_shape *shape = &plan_source(plan, trial->source)->dataset->shape;
    int count = 0;
    return data_size(&plan_variant(plan, trial->variant)->config, shape, part, &count, NULL) == STATUS_OK ? count : 0;
}

/* Both ends once, and the line where both trials have the same network. */
double plan_pair_flops(const struct plan *plan, int64_t pair)
{
    const struct plan_pair *it = plan_pair(plan, pair);
    const struct plan_trial *first = plan_trial(plan, it->first), *second = plan_trial(plan, it->second);
    const double samples = part_size(plan, first, PART_TRAIN) + part_size(plan, first, PART_TEST);
    const double ends = plan_model(plan, first->model)->summary.flops_per_sample +
                        plan_model(plan, second->model)->summary.flops_per_sample;
    const double points = first->model == second->model ? (double)plan->first.comparison.points : 0;
    return samples * (ends + points * plan_model(plan, first->model)->summary.flops_per_sample);
}
