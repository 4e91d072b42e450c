/* verify.c - checksums of all committed rows, then some trials and pairs once more, spread evenly over the repeatable
 * ones. Pairs are compared by the weights that the file holds, so that what differs in one is of the comparison. */
#include "sweep/verify.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/pair.h"
#include "sweep/preview.h"
#include "sweep/provenance.h"
#include "sweep/resume.h"
#include "sweep/stored.h"
#include "sweep/trial.h"

/* Whether a trial has a sound row and can be expected to end so again. */
static bool is_repeatable(const struct results_units *units, int64_t trial)
{
    return units->state[trial] == TRIAL_COMMITTED &&
           (units->outcome[trial] == OUTCOME_DONE || units->outcome[trial] == OUTCOME_DIVERGED);
}

/* A damaged row is no longer repeatable: its outcome is forgotten. */
static enum status check_rows(const struct results_reader *reader, int64_t first_unit, struct results_units *units,
                              int64_t *committed, struct verify_result *result, struct error *error)
{
    for (int64_t row = 0; row < units->count; row++) {
        uint64_t now = 0;
        if (units->state[row] != TRIAL_COMMITTED)
            continue;
        ++*committed;
        TRY(results_checksum(reader, first_unit + row, &now, error));
        if (now == units->checksum[row])
            continue;
        units->outcome[row] = OUTCOME_NONE;
        if (result->damaged < VERIFY_LISTED_MAX)
            result->listed[result->damaged] = first_unit + row;
        result->damaged++;
    }
    return STATUS_OK;
}

static enum status check_trials(const struct results_reader *reader, struct results_units *units,
                                struct verify_result *result, struct error *error)
{
    TRY(results_read_units(reader, TABLE_TRIALS, units, error));
    TRY(check_rows(reader, 0, units, &result->committed, result, error));
    for (int64_t i = 0; i < result->trials; i++)
        result->repeats[TABLE_TRIALS].repeatable += is_repeatable(units, i);
    return STATUS_OK;
}

static enum status check_pairs(const struct results_reader *reader, struct results_units *units,
                               struct verify_result *result, struct error *error)
{
    TRY(results_read_units(reader, TABLE_PAIRS, units, error));
    return check_rows(reader, result->trials, units, &result->pairs_committed, result, error);
}

/* The first lines; the rest only counted. */
static void add_some_lines(const char *lines, struct text *out)
{
    enum { LINES_MAX = 6 };
    int count = 0;
    for (const char *line = lines; *line != '\0'; count++) {
        const size_t length = strcspn(line, "\n") + 1;
        if (count < LINES_MAX)
            text_add(out, "  %.*s", (int)length, line);
        line += length;
    }
    if (count > LINES_MAX)
        text_add(out, "  and %d more datasets\n", count - LINES_MAX);
}

static enum status never_stop(void *context, struct error *error)
{
    (void)context, (void)error;
    return STATUS_OK;
}

/* What it takes to make some units again. */
struct repetition {
    const struct results_reader *reader;
    const struct preview *preview;
    const struct results_units *units; /* [TABLE_COUNT] */
    struct trial_runner *trials;
    struct pair_runner *pairs; /* NULL: there are none */
    struct verify_result *result;
};

/* Whether a pair has a sound row, and its trials too, which it is compared from. */
static bool is_repeatable_pair(const struct repetition *it, int64_t pair)
{
    const struct plan_pair *trials = plan_pair(it->preview->plan, pair);
    return it->units[TABLE_PAIRS].state[pair] == TRIAL_COMMITTED &&
           it->units[TABLE_PAIRS].outcome[pair] == OUTCOME_DONE &&
           is_repeatable(&it->units[TABLE_TRIALS], trials->first) &&
           is_repeatable(&it->units[TABLE_TRIALS], trials->second);
}

static void add_unit(const struct repetition *it, int64_t unit, struct text *out)
{
    const int64_t pair = unit - it->result->trials;
    if (pair < 0)
        text_add(out, "trial %" PRId64 ":\n", unit);
    else
        text_add(out, "pair %" PRId64 " of trials %d and %d:\n", pair, plan_pair(it->preview->plan, pair)->first,
                 plan_pair(it->preview->plan, pair)->second);
}

static enum status repeat_unit(struct repetition *it, int64_t unit, struct verify_repeats *repeats, struct error *error)
{
    const int64_t pair = unit - it->result->trials;
    const struct yield yield = {.call = never_stop};
    const struct results_row *row = NULL;
    struct trial_ending ending;
    struct text lines = {0};
    enum status status = pair < 0 ? trial_run(it->trials, unit, &yield, &ending, &row, error)
                                  : pair_run(it->pairs, pair, &yield, &ending, &row, error);
    if (status == STATUS_OK)
        status = results_compare(it->reader, schema_results(it->preview->schema), unit, row, &ending, &lines, error);
    if (status == STATUS_OK)
        status = text_status(&lines, error);
    if (status == STATUS_OK && lines.length > 0) {
        add_unit(it, unit, &it->result->differences);
        add_some_lines(lines.data, &it->result->differences);
        repeats->different++;
    }
    repeats->repeated++;
    text_free(&lines);
    return status;
}

/* Unit number i of `repeat`, i + 1/2 shares along the repeatable ones of the table. */
static enum status repeat_units(struct repetition *it, enum results_table table, int64_t repeat, struct error *error)
{
    struct verify_repeats *repeats = &it->result->repeats[table];
    const bool pairs = table == TABLE_PAIRS;
    const int64_t count = repeat < repeats->repeatable ? repeat : repeats->repeatable;
    int64_t seen = 0;
    for (int64_t row = 0; row < it->units[table].count && repeats->repeated < count; row++) {
        if (!(pairs ? is_repeatable_pair(it, row) : is_repeatable(&it->units[table], row)))
            continue;
        const int64_t next = (2 * repeats->repeated + 1) * repeats->repeatable / (2 * count);
        if (seen++ == next)
            TRY(repeat_unit(it, pairs ? it->result->trials + row : row, repeats, error));
    }
    return STATUS_OK;
}

static enum status repeat_pairs(struct repetition *it, int64_t repeat, struct error *error)
{
    struct plan *plan = it->preview->plan;
    for (int64_t pair = 0; pair < plan_pair_count(plan); pair++)
        it->result->repeats[TABLE_PAIRS].repeatable += is_repeatable_pair(it, pair);
    if (it->result->repeats[TABLE_PAIRS].repeatable == 0)
        return STATUS_OK;
    TRY(pair_runner_create(plan, it->preview->schema, it->trials, (struct pair_rows){.reader = it->reader}, &it->pairs,
                           error));
    const enum status status = repeat_units(it, TABLE_PAIRS, repeat, error);
    pair_runner_destroy(&it->pairs);
    return status;
}

static enum status repeat_all(struct repetition *it, int64_t repeat, struct error *error)
{
    TRY(trial_runner_create(it->preview->plan, it->preview->schema, &it->trials, error));
    enum status status = repeat_units(it, TABLE_TRIALS, repeat, error);
    if (status == STATUS_OK)
        status = repeat_pairs(it, repeat, error);
    trial_runner_destroy(&it->trials);
    return status;
}

static enum status repeat_sweep(const struct verify_request *request, const struct results_reader *reader,
                                const struct results_units *units, struct verify_result *result, struct error *error)
{
    struct stored_sweep stored;
    struct preview preview = {0};
    struct repetition repetition = {.reader = reader, .preview = &preview, .units = units, .result = result};
    TRY(stored_sweep_read(reader, &stored, error));
    const struct plan_request sweep = stored_sweep_request(&stored, request->folder);
    enum status status = preview_plan(&sweep, &preview, &result->faults, error);
    if (status == STATUS_OK)
        status = resume_check(request->path, preview.plan, reader, error);
    if (status == STATUS_OK)
        status = repeat_all(&repetition, request->repeat, error);
    if (status == STATUS_OK)
        status = text_status(&result->differences, error);
    if (status == STATUS_OK)
        status = provenance_compare(reader, &result->provenance, error);
    preview_close(&preview);
    stored_sweep_free(&stored);
    return status;
}

enum status sweep_verify(const struct verify_request *request, struct verify_result *out, struct error *error)
{
    struct results_reader *reader = NULL;
    struct results_units units[TABLE_COUNT] = {{0}};
    TRY(results_reader_open(request->path, &reader, error));
    *out = (struct verify_result){.trials = results_reader_trials(reader), .pairs = results_reader_pairs(reader)};
    enum status status = check_trials(reader, &units[TABLE_TRIALS], out, error);
    if (status == STATUS_OK)
        status = check_pairs(reader, &units[TABLE_PAIRS], out, error);
    if (status == STATUS_OK && request->repeat > 0 && out->repeats[TABLE_TRIALS].repeatable > 0)
        status = repeat_sweep(request, reader, units, out, error);
    for (int table = 0; table < TABLE_COUNT; table++)
        results_units_free(&units[table]);
    results_reader_close(&reader);
    return status;
}

void verify_free(struct verify_result *result)
{
    text_free(&result->differences);
    text_free(&result->provenance);
    faults_free(&result->faults);
}
