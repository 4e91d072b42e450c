#include "sweep/reuse.h"

#include <string.h>

#include "base/memory.h"
#include "sweep/hash_map.h"
#include "sweep/provenance.h"

/* An older file's trials, owned. */
struct old_trials {
    struct results_units units;
    char *identity; /* [units.count, identity_bytes] */
    size_t identity_bytes;
    struct hash_map places; /* of each identity's text */
};

static void old_trials_free(struct old_trials *old)
{
    memory_free(old->identity);
    results_units_free(&old->units);
    hash_map_free(&old->places);
}

static enum status place_of(struct old_trials *old, const char *identity, int64_t *place, struct error *error)
{
    return hash_map_number(&old->places, hash_bytes128(identity, strlen(identity)), place, error);
}

static enum status old_trials_read(const struct results_reader *reader, struct old_trials *out, struct error *error)
{
    int64_t count = 0;
    TRY(results_read_units(reader, TABLE_TRIALS, &out->units, error));
    TRY(results_read_texts(reader, "/trials/identity", &out->identity, &out->identity_bytes, &count, error));
    for (int64_t i = 0; i < count; i++) {
        int64_t place = 0;
        TRY(place_of(out, out->identity + (size_t)i * out->identity_bytes, &place, error));
        if (place != i)
            return fail(error, STATUS_BAD_RESULTS, "/trials/identity has the same value for trials %lld and %lld",
                        (long long)place, (long long)i);
    }
    return STATUS_OK;
}

/* What it takes to take over one trial. */
struct takeover {
    const struct results_source *source;
    struct old_trials *old;
    struct results_writer *writer;
    struct results_row *row;
    struct resume *resume;
    struct reuse_result *result;
};

static enum status take_trial(struct takeover *to, int64_t trial, int64_t place, struct error *error)
{
    const uint8_t outcome = to->old->units.outcome[place];
    if (to->old->units.state[place] != TRIAL_COMMITTED || (outcome != OUTCOME_DONE && outcome != OUTCOME_DIVERGED))
        return STATUS_OK;
    uint64_t checksum = 0;
    struct trial_ending ending;
    TRY(results_checksum(results_source_reader(to->source), place, &checksum, error));
    if (checksum != to->old->units.checksum[place]) {
        to->result->damaged++;
        return STATUS_OK;
    }
    TRY(results_source_read(to->source, place, to->row, &ending, error));
    TRY(results_write(to->writer, trial, to->row, &ending, error));
    to->resume->ended[trial] = true;
    to->resume->outcomes[outcome]++;
    to->result->taken++;
    return STATUS_OK;
}

static enum status take_trials(struct takeover *to, const struct plan *plan, struct error *error)
{
    for (int64_t i = 0; i < plan_trial_count(plan); i++) {
        char identity[HASH_TEXT_BYTES];
        int64_t place = 0;
        if (to->resume->ended[i])
            continue;
        hash_text(plan_trial(plan, i)->identity, identity);
        TRY(place_of(to->old, identity, &place, error));
        if (place < to->old->units.count)
            TRY(take_trial(to, i, place, error));
    }
    return results_settle(to->writer, error);
}

enum status reuse_file(const char *path, const struct plan *plan, const struct schema *schema,
                       struct results_writer *writer, struct resume *resume, struct reuse_result *out,
                       struct error *error)
{
    struct results_source *source = NULL;
    struct results_row *row = NULL;
    struct old_trials old = {0};
    *out = (struct reuse_result){0};
    TRY(results_source_open(path, schema_results(schema), &source, error));
    enum status status = old_trials_read(results_source_reader(source), &old, error);
    if (status == STATUS_OK)
        status = results_row_create(schema_results(schema), TABLE_TRIALS, &row, error);
    struct takeover to = {.source = source, .old = &old, .writer = writer, .row = row, .resume = resume, .result = out};
    if (status == STATUS_OK)
        status = take_trials(&to, plan, error);
    if (status == STATUS_OK && out->taken > 0)
        status = provenance_compare(results_source_reader(source), &out->provenance, error);
    results_row_destroy(&row);
    old_trials_free(&old);
    results_source_close(&source);
    return status == STATUS_OK ? status : fail_within(error, "--reuse %s", path);
}
