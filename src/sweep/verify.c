/* verify.c - checksums of all committed rows, then some trials once more, spread evenly over the repeatable ones. */
#include "sweep/verify.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
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
        result->repeatable += is_repeatable(units, i);
    return STATUS_OK;
}

static enum status check_pairs(const struct results_reader *reader, struct verify_result *result, struct error *error)
{
    struct results_units units;
    TRY(results_read_units(reader, TABLE_PAIRS, &units, error));
    const enum status status = check_rows(reader, result->trials, &units, &result->pairs_committed, result, error);
    results_units_free(&units);
    return status;
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

static enum status repeat_trial(const struct results_reader *reader, struct trial_runner *runner,
                                const struct schema *schema, int64_t trial, struct verify_result *result,
                                struct error *error)
{
    const struct yield yield = {.call = never_stop};
    const struct results_row *row = NULL;
    struct trial_ending ending;
    struct text lines = {0};
    enum status status = trial_run(runner, trial, &yield, &ending, &row, error);
    if (status == STATUS_OK)
        status = results_compare(reader, schema_results(schema), trial, row, &ending, &lines, error);
    if (status == STATUS_OK)
        status = text_status(&lines, error);
    if (status == STATUS_OK && lines.length > 0) {
        text_add(&result->differences, "trial %" PRId64 ":\n", trial);
        add_some_lines(lines.data, &result->differences);
        result->different++;
    }
    result->repeated++;
    text_free(&lines);
    return status;
}

/* Trial number i of `repeat`, i + 1/2 shares along the repeatable ones. */
static enum status repeat_trials(const struct results_reader *reader, const struct preview *preview,
                                 const struct results_units *units, int64_t repeat, struct verify_result *result,
                                 struct error *error)
{
    struct trial_runner *runner = NULL;
    TRY(trial_runner_create(preview->plan, preview->schema, &runner, error));
    const int64_t count = repeat < result->repeatable ? repeat : result->repeatable;
    enum status status = STATUS_OK;
    int64_t seen = 0;
    for (int64_t trial = 0; status == STATUS_OK && trial < result->trials && result->repeated < count; trial++) {
        if (!is_repeatable(units, trial))
            continue;
        const int64_t next = (2 * result->repeated + 1) * result->repeatable / (2 * count);
        if (seen++ == next)
            status = repeat_trial(reader, runner, preview->schema, trial, result, error);
    }
    trial_runner_destroy(&runner);
    return status;
}

static enum status repeat_sweep(const struct verify_request *request, const struct results_reader *reader,
                                const struct results_units *units, struct verify_result *result, struct error *error)
{
    struct stored_sweep stored;
    struct preview preview = {0};
    TRY(stored_sweep_read(reader, &stored, error));
    const struct plan_request sweep = stored_sweep_request(&stored, request->folder);
    enum status status = preview_plan(&sweep, &preview, &result->faults, error);
    if (status == STATUS_OK)
        status = resume_check(request->path, preview.plan, reader, error);
    if (status == STATUS_OK)
        status = repeat_trials(reader, &preview, units, request->repeat, result, error);
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
    struct results_units units = {0};
    TRY(results_reader_open(request->path, &reader, error));
    *out = (struct verify_result){.trials = results_reader_trials(reader), .pairs = results_reader_pairs(reader)};
    enum status status = check_trials(reader, &units, out, error);
    if (status == STATUS_OK)
        status = check_pairs(reader, out, error);
    if (status == STATUS_OK && request->repeat > 0 && out->repeatable > 0)
        status = repeat_sweep(request, reader, &units, out, error);
    results_units_free(&units);
    results_reader_close(&reader);
    return status;
}

void verify_free(struct verify_result *result)
{
    text_free(&result->differences);
    text_free(&result->provenance);
    faults_free(&result->faults);
}
