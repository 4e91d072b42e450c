/* report.c - counts from the state bytes; the ETA from predicted work and the speed of what is committed. */
#include "sweep/report.h"

#include <math.h>

#include "base/memory.h"

/* Columns of /trials, owned. */
struct columns {
    uint8_t *state, *outcome;
    int32_t *crashes;
    double *seconds, *flops;
    int64_t count;
};

static void columns_free(struct columns *columns)
{
    memory_free(columns->state);
    memory_free(columns->outcome);
    memory_free(columns->crashes);
    memory_free(columns->seconds);
    memory_free(columns->flops);
}

static enum status columns_read(const struct results_reader *reader, struct columns *out, struct error *error)
{
    void *memory = NULL;
    TRY(results_read(reader, "/trials/state", RESULTS_ENUM, &memory, &out->count, error));
    out->state = memory;
    TRY(results_read(reader, "/trials/outcome", RESULTS_ENUM, &memory, &out->count, error));
    out->outcome = memory;
    TRY(results_read(reader, "/trials/crashes", RESULTS_INT32, &memory, &out->count, error));
    out->crashes = memory;
    TRY(results_read(reader, "/trials/seconds", RESULTS_FLOAT64, &memory, &out->count, error));
    out->seconds = memory;
    TRY(results_read(reader, "/trials/predicted_flops", RESULTS_FLOAT64, &memory, &out->count, error));
    out->flops = memory;
    return STATUS_OK;
}

static enum status count_pairs(const struct results_reader *reader, struct sweep_status *out, struct error *error)
{
    void *memory = NULL;
    out->pairs = results_reader_pairs(reader);
    if (out->pairs == 0)
        return STATUS_OK;
    TRY(results_read(reader, "/pairs/state", RESULTS_ENUM, &memory, &out->pairs, error));
    for (int64_t i = 0; i < out->pairs; i++)
        out->pairs_ended += ((const uint8_t *)memory)[i] == TRIAL_COMMITTED;
    memory_free(memory);
    return STATUS_OK;
}

static void count_states(const struct columns *columns, struct sweep_status *out)
{
    for (int64_t i = 0; i < columns->count; i++) {
        out->waiting += columns->state[i] == TRIAL_WAITING;
        out->running += columns->state[i] == TRIAL_RUNNING;
        out->crashes += columns->crashes[i];
        if (columns->state[i] != TRIAL_COMMITTED)
            continue;
        out->outcomes[columns->outcome[i] < OUTCOME_COUNT ? columns->outcome[i] : OUTCOME_FAILED]++;
        out->busy_seconds += columns->seconds[i];
    }
}

/* Time left = (work left) x (mean seconds per predicted operation) / ranks; its error from the spread between trials.
 */
static void estimate(const struct columns *columns, struct sweep_status *out)
{
    double left = 0, left_squared = 0, rate = 0, rate_squared = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < columns->count; i++)
        if (columns->state[i] != TRIAL_COMMITTED) {
            left += columns->flops[i];
            left_squared += columns->flops[i] * columns->flops[i];
        } else if (columns->outcome[i] == OUTCOME_DONE && columns->flops[i] > 0) {
            const double r = columns->seconds[i] / columns->flops[i];
            rate += r;
            rate_squared += r * r;
            n++;
        }
    const double ranks = out->last.ranks > 0 ? out->last.ranks : 1;
    const double mean = n > 0 ? rate / (double)n : (double)NAN;
    const double variance = n > 1 ? (rate_squared - rate * mean) / (double)(n - 1) : 0;
    const double error = 2 * sqrt(fmax(variance, 0) * (left_squared + left * left / (n > 0 ? (double)n : 1))) / ranks;
    out->eta_seconds = left > 0 ? left * mean / ranks : 0;
    out->eta_low = fmax(out->eta_seconds - error, 0);
    out->eta_high = out->eta_seconds + error;
    if (isnan(out->eta_seconds))
        out->eta_low = out->eta_high = (double)NAN;
}

enum status sweep_status_read(const char *path, struct sweep_status *out, struct error *error)
{
    struct results_reader *reader = NULL;
    struct columns columns = {0};
    TRY(results_reader_open(path, &reader, error));
    enum status status = columns_read(reader, &columns, error);
    *out = (struct sweep_status){.trials = columns.count};
    int last = -1;
    if (status == STATUS_OK)
        status = results_read_last_session(reader, &out->last, &last, error);
    out->sessions = last + 1;
    if (status == STATUS_OK)
        status = count_pairs(reader, out, error);
    if (status == STATUS_OK) {
        count_states(&columns, out);
        estimate(&columns, out);
    }
    columns_free(&columns);
    results_reader_close(&reader);
    return status;
}
