/* report.c - counts from the state bytes; the ETA from predicted work and the speed of what is committed. */
#include "sweep/report.h"

#include <math.h>

#include "base/memory.h"

/* Columns of /trials, owned. */
struct columns {
    struct results_units units;
    double *seconds, *flops;
};

static void columns_free(struct columns *columns)
{
    results_units_free(&columns->units);
    memory_free(columns->seconds);
    memory_free(columns->flops);
}

static enum status columns_read(const struct results_reader *reader, struct columns *out, struct error *error)
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

static enum status count_pairs(const struct results_reader *reader, struct sweep_status *out, struct error *error)
{
    struct results_units units;
    TRY(results_read_units(reader, TABLE_PAIRS, &units, error));
    out->pairs = units.count;
    for (int64_t i = 0; i < units.count; i++)
        out->pairs_ended += units.state[i] == TRIAL_COMMITTED;
    results_units_free(&units);
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

/* Time left = (work left) x (mean seconds per predicted operation) / ranks; its error from the spread between trials.
 */
static void estimate(const struct columns *columns, struct sweep_status *out)
{
    double left = 0, left_squared = 0, rate = 0, rate_squared = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < columns->units.count; i++)
        if (columns->units.state[i] != TRIAL_COMMITTED) {
            left += columns->flops[i];
            left_squared += columns->flops[i] * columns->flops[i];
        } else if (columns->units.outcome[i] == OUTCOME_DONE && columns->flops[i] > 0) {
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
    *out = (struct sweep_status){.trials = columns.units.count};
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
