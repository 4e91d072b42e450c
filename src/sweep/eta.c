#include "sweep/eta.h"

#include <math.h>

#include "base/memory.h"
#include "sweep/simulator.h"

enum { SIMULATED_MAX = 50000 }; /* units and ranks: takes less than a tenth of a second */

void eta_note(struct eta_speed *speed, double cost, double seconds)
{
    const double ratio = seconds / cost;
    speed->count++;
    speed->seconds += seconds;
    speed->cost += cost;
    speed->cost_squared += cost * cost;
    speed->ratio += ratio;
    speed->ratio_squared += ratio * ratio;
}

/* Seconds per cost. */
static double rate_of(const struct eta_speed *speed)
{
    return speed->cost > 0 ? speed->seconds / speed->cost : (double)NAN;
}

/* Of a unit's seconds per cost, as a share of the rate; at least two have ended. */
static double variance_of(const struct eta_speed *speed)
{
    const double rate = rate_of(speed), n = speed->count;
    if (n < 2 || !(rate > 0))
        return 0;
    return fmax(0, (speed->ratio_squared / (rate * rate) - 2 * speed->ratio / rate + n) / (n - 1));
}

/* What is left of trials or of pairs, in seconds. */
struct rest {
    double rate, sum, squares, longest;
};

static void add_unit(struct rest *rest, double seconds)
{
    rest->sum += seconds;
    rest->squares += seconds * seconds;
    rest->longest = fmax(rest->longest, seconds);
}

/* Every unit's own deviation, and that of the rate, which all share. */
static double variance_of_rest(const struct rest *rest, const struct eta_speed *speed)
{
    const double shared = speed->cost > 0 ? speed->cost_squared / (speed->cost * speed->cost) : 0;
    return variance_of(speed) * (rest->squares + rest->sum * rest->sum * shared);
}

/* Returns how many units are left; their seconds in `seconds`. */
static int64_t predict(const struct eta_request *request, struct rest rests[2], double *seconds)
{
    const struct scheduler_config *config = &request->scheduler;
    const int64_t trials = config->needs == NULL ? config->trial_count : config->free_count;
    int64_t count = 0;
    for (int64_t i = 0; i < config->trial_count; i++) {
        struct rest *rest = &rests[i >= trials];
        if (config->ended[i])
            continue;
        seconds[i] = config->cost[i] * rest->rate * (request->left == NULL ? 1 : request->left[i]);
        add_unit(rest, seconds[i]);
        count++;
    }
    return count;
}

static enum status makespan_of(const struct eta_request *request, const struct rest rests[2], int64_t count,
                               const double *seconds, double *out, struct error *error)
{
    const double even = (rests[0].sum + rests[1].sum) / (request->scheduler.worker_count - request->root_serves);
    *out = fmax(even, fmax(rests[0].longest, rests[1].longest));
    if (count + request->scheduler.worker_count > SIMULATED_MAX)
        return STATUS_OK;
    struct simulated simulated;
    const struct simulation simulation = {.scheduler = request->scheduler,
                                          .seconds = seconds,
                                          .root_serves = request->root_serves,
                                          .costs = simulator_costs_measured};
    TRY(simulate(&simulation, &simulated, error));
    *out = simulated.makespan;
    return STATUS_OK;
}

static enum status estimate(const struct eta_request *request, double *seconds, struct eta *out, struct error *error)
{
    const struct eta_speed *pairs = request->pairs.count > 0 ? &request->pairs : &request->trials;
    struct rest rests[2] = {{.rate = rate_of(&request->trials)}, {.rate = rate_of(pairs)}};
    const int64_t count = predict(request, rests, seconds);
    *out = (struct eta){0};
    if (count == 0)
        return STATUS_OK;
    if (isnan(rests[0].sum + rests[1].sum)) {
        *out = (struct eta){(double)NAN, (double)NAN, (double)NAN};
        return STATUS_OK;
    }
    TRY(makespan_of(request, rests, count, seconds, &out->seconds, error));
    const double variance = variance_of_rest(&rests[0], &request->trials) + variance_of_rest(&rests[1], pairs);
    const double within = 2 * sqrt(variance) / (request->scheduler.worker_count - request->root_serves);
    out->low = fmax(0, out->seconds - within);
    out->high = out->seconds + within;
    return STATUS_OK;
}

enum status eta_estimate(const struct eta_request *request, struct eta *out, struct error *error)
{
    void *seconds = NULL;
    TRY(memory_allocate(&seconds, (size_t)request->scheduler.trial_count, sizeof(double), "times of trials", error));
    const enum status status = estimate(request, seconds, out, error);
    memory_free(seconds);
    return status;
}
