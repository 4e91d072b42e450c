#include "sweep/units.h"

#include "base/memory.h"

static void fill(const struct plan *plan, struct units *units)
{
    for (int64_t i = 0; i < units->trials; i++) {
        units->cost[i] = plan_trial(plan, i)->flops;
        units->samples[i] = plan_trial(plan, i)->samples;
    }
    for (int64_t i = 0; i < units->count - units->trials; i++) {
        units->cost[units->trials + i] = plan_pair_flops(plan, i);
        units->needs[i][0] = plan_pair(plan, i)->first;
        units->needs[i][1] = plan_pair(plan, i)->second;
    }
}

enum status units_create(const struct plan *plan, struct units *out, struct error *error)
{
    void *cost = NULL, *samples = NULL, *needs = NULL;
    const int64_t trials = plan_trial_count(plan), pairs = plan_pair_count(plan);
    enum status status = memory_allocate(&cost, (size_t)(trials + pairs), sizeof(double), "costs", error);
    if (status == STATUS_OK)
        status = memory_allocate(&samples, (size_t)(trials + pairs), sizeof(double), "costs", error);
    if (status == STATUS_OK)
        status = memory_allocate(&needs, (size_t)pairs, sizeof *out->needs, "pairs", error);
    *out = (struct units){.count = trials + pairs, .trials = trials, .cost = cost, .samples = samples, .needs = needs};
    if (status == STATUS_OK)
        fill(plan, out);
    else
        units_free(out);
    return status;
}

void units_free(struct units *units)
{
    memory_free(units->cost);
    memory_free(units->samples);
    memory_free(units->needs);
    *units = (struct units){0};
}

struct scheduler_config units_schedule(const struct units *units)
{
    return (struct scheduler_config){.trial_count = units->count,
                                     .free_count = units->trials,
                                     .needs = (const int32_t(*)[2])units->needs,
                                     .cost = units->cost};
}
