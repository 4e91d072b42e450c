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

/* The engine's columns of /trials or /pairs, owned. */
struct columns {
    uint8_t *state, *outcome;
    uint64_t *checksum;
    int64_t count;
};

static void columns_free(struct columns *columns)
{
    memory_free(columns->state);
    memory_free(columns->outcome);
    memory_free(columns->checksum);
}

static enum status columns_read(const struct results_reader *reader, bool pairs, struct columns *out,
                                struct error *error)
{
    void *memory = NULL;
    TRY(results_read(reader, pairs ? "/pairs/state" : "/trials/state", RESULTS_ENUM, &memory, &out->count, error));
    out->state = memory;
    TRY(results_read(reader, pairs ? "/pairs/outcome" : "/trials/outcome", RESULTS_ENUM, &memory, &out->count, error));
    out->outcome = memory;
    TRY(results_read(reader, pairs ? "/pairs/checksum" : "/trials/checksum", RESULTS_UINT64, &memory, &out->count,
                     error));
    out->checksum = memory;
    return STATUS_OK;
}

/* Whether a trial has a sound row and can be expected to end so again. */
static bool is_repeatable(const struct columns *columns, int64_t trial)
{
    return columns->state[trial] == TRIAL_COMMITTED &&
           (columns->outcome[trial] == OUTCOME_DONE || columns->outcome[trial] == OUTCOME_DIVERGED);
}

/* A damaged row is no longer repeatable: its outcome is forgotten. */
static enum status check_rows(const struct results_reader *reader, int64_t first_unit, struct columns *columns,
                              int64_t *committed, struct verify_result *result, struct error *error)
{
    for (int64_t row = 0; row < columns->count; row++) {
        uint64_t now = 0;
        if (columns->state[row] != TRIAL_COMMITTED)
            continue;
        ++*committed;
        TRY(results_checksum(reader, first_unit + row, &now, error));
        if (now == columns->checksum[row])
            continue;
        columns->outcome[row] = OUTCOME_NONE;
        if (result->damaged < VERIFY_LISTED_MAX)
            result->listed[result->damaged] = first_unit + row;
        result->damaged++;
    }
    return STATUS_OK;
}

static enum status check_trials(const struct results_reader *reader, struct columns *columns,
                                struct verify_result *result, struct error *error)
{
    TRY(columns_read(reader, false, columns, error));
    TRY(check_rows(reader, 0, columns, &result->committed, result, error));
    for (int64_t i = 0; i < result->trials; i++)
        result->repeatable += is_repeatable(columns, i);
    return STATUS_OK;
}

static enum status check_pairs(const struct results_reader *reader, struct verify_result *result, struct error *error)
{
    struct columns columns = {0};
    if (result->pairs == 0)
        return STATUS_OK;
    enum status status = columns_read(reader, true, &columns, error);
    if (status == STATUS_OK)
        status = check_rows(reader, result->trials, &columns, &result->pairs_committed, result, error);
    columns_free(&columns);
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
                                 const struct columns *columns, int64_t repeat, struct verify_result *result,
                                 struct error *error)
{
    struct trial_runner *runner = NULL;
    TRY(trial_runner_create(preview->plan, preview->schema, &runner, error));
    const int64_t count = repeat < result->repeatable ? repeat : result->repeatable;
    enum status status = STATUS_OK;
    int64_t seen = 0;
    for (int64_t trial = 0; status == STATUS_OK && trial < result->trials && result->repeated < count; trial++) {
        if (!is_repeatable(columns, trial))
            continue;
        const int64_t next = (2 * result->repeated + 1) * result->repeatable / (2 * count);
        if (seen++ == next)
            status = repeat_trial(reader, runner, preview->schema, trial, result, error);
    }
    trial_runner_destroy(&runner);
    return status;
}

static enum status repeat_sweep(const struct verify_request *request, const struct results_reader *reader,
                                const struct columns *columns, struct verify_result *result, struct error *error)
{
    struct stored_sweep stored;
    struct preview preview = {0};
    TRY(stored_sweep_read(reader, &stored, error));
    const struct plan_request sweep = stored_sweep_request(&stored, request->folder);
    enum status status = preview_plan(&sweep, &preview, &result->faults, error);
    if (status == STATUS_OK)
        status = resume_check(request->path, preview.plan, reader, error);
    if (status == STATUS_OK)
        status = repeat_trials(reader, &preview, columns, request->repeat, result, error);
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
    struct columns columns = {0};
    TRY(results_reader_open(request->path, &reader, error));
    *out = (struct verify_result){.trials = results_reader_trials(reader), .pairs = results_reader_pairs(reader)};
    enum status status = check_trials(reader, &columns, out, error);
    if (status == STATUS_OK)
        status = check_pairs(reader, out, error);
    if (status == STATUS_OK && request->repeat > 0 && out->repeatable > 0)
        status = repeat_sweep(request, reader, &columns, out, error);
    columns_free(&columns);
    results_reader_close(&reader);
    return status;
}

void verify_free(struct verify_result *result)
{
    text_free(&result->differences);
    text_free(&result->provenance);
    faults_free(&result->faults);
}
