/* report.c - counts from the state bytes; the ETA from a schedule of what is left, at the speed of what is committed.
 */
#include "sweep/report.h"

#include "base/memory.h"
#include "sweep/eta.h"

/* Columns of /trials or /pairs, owned. */
struct columns {
    struct results_units units;
    double *seconds, *flops; /* flops NULL: pairs of a file that does not have them */
    int32_t *first, *second; /* of pairs */
};

static void columns_free(struct columns *columns)
{
    results_units_free(&columns->units);
    memory_free(columns->seconds);
    memory_free(columns->flops);
    memory_free(columns->first);
    memory_free(columns->second);
}

static enum status read_trials(const struct results_reader *reader, struct columns *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read_units(reader, TABLE_TRIALS, &out->units, error));
    TRY(results_read(reader, "/trials/seconds", RESULTS_FLOAT64, &memory, &count, error));
    out->seconds = memory;
    TRY(results_read(reader, "/trials/predicted_flops", RESULTS_FLOAT64, &memory, &count, error));
    out->flops = memory;
    return STATUS_OK;
}

static enum status read_pairs(const struct results_reader *reader, struct columns *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read_units(reader, TABLE_PAIRS, &out->units, error));
    if (out->units.count == 0)
        return STATUS_OK;
    TRY(results_read(reader, "/pairs/first", RESULTS_INT32, &memory, &count, error));
    out->first = memory;
    TRY(results_read(reader, "/pairs/second", RESULTS_INT32, &memory, &count, error));
    out->second = memory;
    TRY(results_read(reader, "/pairs/seconds", RESULTS_FLOAT64, &memory, &count, error));
    out->seconds = memory;
    if (results_read(reader, "/pairs/predicted_flops", RESULTS_FLOAT64, &memory, &count, NULL) == STATUS_OK)
        out->flops = memory;
    return STATUS_OK;
}

static void count_states(const struct columns *columns, struct sweep_status *out)
{
    for (int64_t i = 0; i < columns->units.count; i++) {
        out->waiting += columns->units.state[i] == TRIAL_WAITING;
        out->running += columns->units.state[i] == TRIAL_RUNNING;
        out->crashes += columns->units.crashes[i];
        if (columns->units.state[i] != TRIAL_COMMITTED)
            continue;
        out->outcomes[columns->units.outcome[i] < OUTCOME_COUNT ? columns->units.outcome[i] : OUTCOME_FAILED]++;
        out->busy_seconds += columns->seconds[i];
    }
}

/* What is left, owned: units as the scheduler counts them. */
struct rest {
    double *cost, *left;
    bool *ended;
    int32_t (*needs)[2];
};

static enum status rest_create(int64_t trials, int64_t pairs, struct rest *out, struct error *error)
{
    const size_t units = (size_t)(trials + pairs);
    TRY(memory_allocate((void **)&out->cost, units, sizeof *out->cost, "costs", error));
    TRY(memory_allocate((void **)&out->left, units, sizeof *out->left, "costs", error));
    TRY(memory_allocate((void **)&out->ended, units, sizeof *out->ended, "trials", error));
    return memory_allocate((void **)&out->needs, (size_t)pairs, sizeof *out->needs, "pairs", error);
}

static void rest_free(struct rest *rest)
{
    memory_free(rest->cost);
    memory_free(rest->left);
    memory_free(rest->ended);
    memory_free(rest->needs);
}

/* Of a unit in training half is left, in the mean. Pairs of unknown cost are taken to be equal. */
static void add_units(const struct columns *columns, int64_t first, struct rest *rest, struct eta_speed *speed)
{
    for (int64_t i = 0; i < columns->units.count; i++) {
        const double cost = columns->flops == NULL ? 1 : columns->flops[i];
        const uint8_t state = columns->units.state[i];
        rest->cost[first + i] = cost;
        rest->left[first + i] = state == TRIAL_RUNNING ? 0.5 : 1;
        rest->ended[first + i] = state == TRIAL_COMMITTED;
        if (state == TRIAL_COMMITTED && columns->units.outcome[i] == OUTCOME_DONE && cost > 0)
            eta_note(speed, cost, columns->seconds[i]);
    }
}

static void add_needs(const struct columns *pairs, int64_t trials, bool known, struct rest *rest)
{
    for (int64_t i = 0; i < pairs->units.count; i++) {
        rest->needs[i][0] = pairs->first[i];
        rest->needs[i][1] = pairs->second[i];
        rest->ended[trials + i] = rest->ended[trials + i] || !known;
    }
}

static enum status estimate(const struct columns *trials, const struct columns *pairs, struct rest *rest,
                            struct sweep_status *out, struct error *error)
{
    const int64_t trial_count = trials->units.count, pair_count = pairs->units.count;
    struct eta eta;
    TRY(rest_create(trial_count, pair_count, rest, error));
    struct eta_request request = {.scheduler = {.trial_count = trial_count + pair_count,
                                                .free_count = trial_count,
                                                .needs = (const int32_t(*)[2])rest->needs,
                                                .worker_count = out->last.ranks > 0 ? out->last.ranks : 1,
                                                .cost = rest->cost,
                                                .ended = rest->ended},
                                  .left = rest->left};
    add_units(trials, 0, rest, &request.trials);
    add_units(pairs, trial_count, rest, &request.pairs);
    add_needs(pairs, trial_count, pairs->flops != NULL || request.pairs.count > 0, rest);
    TRY(eta_estimate(&request, &eta, error));
    out->eta_seconds = eta.seconds;
    out->eta_low = eta.low;
    out->eta_high = eta.high;
    return STATUS_OK;
}

static void count_pairs(const struct columns *pairs, struct sweep_status *out)
{
    out->pairs = pairs->units.count;
    for (int64_t i = 0; i < pairs->units.count; i++)
        out->pairs_ended += pairs->units.state[i] == TRIAL_COMMITTED;
}

enum status sweep_status_read(const char *path, struct sweep_status *out, struct error *error)
{
    struct results_reader *reader = NULL;
    struct columns trials = {0}, pairs = {0};
    struct rest rest = {0};
    TRY(results_reader_open(path, &reader, error));
    enum status status = read_trials(reader, &trials, error);
    *out = (struct sweep_status){.trials = trials.units.count};
    int last = -1;
    if (status == STATUS_OK)
        status = results_read_last_session(reader, &out->last, &last, error);
    out->sessions = last + 1;
    if (status == STATUS_OK)
        status = read_pairs(reader, &pairs, error);
    if (status == STATUS_OK) {
        count_states(&trials, out);
        count_pairs(&pairs, out);
        status = estimate(&trials, &pairs, &rest, out, error);
    }
    rest_free(&rest);
    columns_free(&trials);
    columns_free(&pairs);
    results_reader_close(&reader);
    return status;
}
