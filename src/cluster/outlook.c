#include "cluster/outlook.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* Between two estimates at least, and so many times what the last one took. */
static const double least_interval = 0.5, interval_per_cost = 200;

struct outlook {
    struct eta_request request;
    bool *ended;   /* [units] */
    double *left;  /* [units] */
    double *since; /* [ranks] when each began what it trains */
    double next;
};

static enum status allocate(struct outlook *outlook, const struct scheduler_config *config, int ranks,
                            struct error *error)
{
    const size_t units = (size_t)config->trial_count;
    TRY(memory_allocate((void **)&outlook->ended, units, sizeof *outlook->ended, "trials", error));
    TRY(memory_allocate((void **)&outlook->left, units, sizeof *outlook->left, "trials", error));
    return memory_allocate((void **)&outlook->since, (size_t)ranks, sizeof *outlook->since, "ranks", error);
}

enum status outlook_create(const struct cluster_plan *plan, int ranks, struct outlook **out, struct error *error)
{
    struct outlook *outlook = NULL;
    const struct scheduler_config *config = &plan->scheduler;
    TRY(memory_allocate((void **)&outlook, 1, sizeof *outlook, "outlook", error));
    const enum status status = allocate(outlook, config, ranks, error);
    if (status != STATUS_OK) {
        outlook_destroy(&outlook);
        return status;
    }
    if (config->ended != NULL)
        memcpy(outlook->ended, config->ended, (size_t)config->trial_count * sizeof *outlook->ended);
    for (int64_t unit = 0; unit < config->trial_count; unit++)
        outlook->left[unit] = 1;
    outlook->request = (struct eta_request){
        .scheduler = *config, .left = outlook->left, .root_serves = plan->root_serves && ranks > 1};
    outlook->request.scheduler.worker_count = ranks;
    outlook->request.scheduler.ended = outlook->ended;
    *out = outlook;
    return STATUS_OK;
}

void outlook_destroy(struct outlook **outlook)
{
    if (*outlook == NULL)
        return;
    memory_free((*outlook)->ended);
    memory_free((*outlook)->left);
    memory_free((*outlook)->since);
    memory_free(*outlook);
    *outlook = NULL;
}

void outlook_ended(struct outlook *outlook, int worker, int64_t unit, bool done, double seconds)
{
    struct eta_request *request = &outlook->request;
    const struct scheduler_config *config = &request->scheduler;
    const bool pair = config->needs != NULL && unit >= config->free_count;
    outlook->ended[unit] = true;
    outlook->since[worker] = clock_monotonic();
    if (done && config->cost[unit] > 0)
        eta_note(pair ? &request->pairs : &request->trials, config->cost[unit], seconds);
}

void outlook_begun(struct outlook *outlook, int worker)
{
    outlook->since[worker] = clock_monotonic();
}

/* What is left of the units in training; the others are whole. */
static void set_left(struct outlook *outlook, const struct scheduler *scheduler, double now, bool whole)
{
    const struct scheduler_config *config = &outlook->request.scheduler;
    for (int worker = 0; worker < config->worker_count; worker++) {
        const int64_t unit = scheduler_first_held(scheduler, worker);
        if (unit < 0)
            continue;
        const bool pair = config->needs != NULL && unit >= config->free_count;
        const struct eta_speed *speed = pair ? &outlook->request.pairs : &outlook->request.trials;
        const double takes = config->cost[unit] * speed->seconds / speed->cost;
        outlook->left[unit] = whole || !(takes > 0) ? 1 : fmax(0, 1 - (now - outlook->since[worker]) / takes);
    }
}

void outlook_look(struct outlook *outlook, const struct scheduler *scheduler, struct eta *eta)
{
    const double start = clock_monotonic();
    if (start < outlook->next)
        return;
    set_left(outlook, scheduler, start, false);
    eta_estimate(&outlook->request, eta, NULL);
    set_left(outlook, scheduler, start, true);
    const double end = clock_monotonic();
    outlook->next = end + fmax(least_interval, interval_per_cost * (end - start));
}
