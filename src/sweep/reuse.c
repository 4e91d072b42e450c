#include "sweep/reuse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "sweep/hash_map.h"
#include "sweep/provenance.h"

/* A table of the older file, owned. */
struct old_table {
    struct results_units units;
    int64_t first_unit; /* of the older file */
    char *identity;     /* [units.count, identity_bytes] */
    size_t identity_bytes;
    struct hash_map places; /* of each identity's text */
};

static void old_table_free(struct old_table *old)
{
    memory_free(old->identity);
    results_units_free(&old->units);
    hash_map_free(&old->places);
}

static enum status place_of(struct old_table *old, const char *identity, int64_t *place, struct error *error)
{
    return hash_map_number(&old->places, hash_bytes128(identity, strlen(identity)), place, error);
}

static enum status old_table_read(const struct results_reader *reader, enum results_table table, struct old_table *out,
                                  struct error *error)
{
    static const char *const paths[TABLE_COUNT] = {"/trials/identity", "/pairs/identity"};
    int64_t count = 0;
    *out = (struct old_table){.first_unit = table == TABLE_PAIRS ? results_reader_trials(reader) : 0};
    TRY(results_read_units(reader, table, &out->units, error));
    if (out->units.count == 0)
        return STATUS_OK;
    TRY(results_read_texts(reader, paths[table], &out->identity, &out->identity_bytes, &count, error));
    for (int64_t i = 0; i < count; i++) {
        int64_t place = 0;
        TRY(place_of(out, out->identity + (size_t)i * out->identity_bytes, &place, error));
        if (place != i)
            return fail(error, STATUS_BAD_RESULTS, "%s has the same value for rows %lld and %lld", paths[table],
                        (long long)place, (long long)i);
    }
    return STATUS_OK;
}

/* How many rows there were. */
struct reuse_counts {
    int64_t taken[TABLE_COUNT];
    int64_t damaged[TABLE_COUNT]; /* the same unit, but its row is not what its checksum says: not taken */
};

/* What it takes to take over the units of one table. */
struct takeover {
    const struct plan *plan;
    const struct results_source *source;
    enum results_table table;
    struct old_table *old;
    struct results_writer *writer;
    struct results_row *row;
    struct resume *resume;
    bool *taken; /* [trials] from this file */
    struct reuse_counts counts;
};

/* A row that counted until it was to be made again must not count while it is overwritten. */
static enum status make_way(struct takeover *to, int64_t unit, struct error *error)
{
    struct unit_standing standing;
    TRY(results_standing(to->writer, unit, &standing, error));
    return standing.state == TRIAL_COMMITTED ? results_revoke(to->writer, unit, error) : STATUS_OK;
}

/* unit: of this sweep; place: its row in the older file. A damaged row is counted, and left. */
static enum status take_unit(struct takeover *to, int64_t unit, int64_t place, bool *taken, struct error *error)
{
    uint64_t checksum = 0;
    struct trial_ending ending;
    const int64_t old_unit = to->old->first_unit + place;
    TRY(results_checksum(results_source_reader(to->source), old_unit, &checksum, error));
    *taken = checksum == to->old->units.checksum[place];
    if (!*taken) {
        to->counts.damaged[to->table]++;
        return STATUS_OK;
    }
    TRY(make_way(to, unit, error));
    TRY(results_source_read(to->source, old_unit, to->row, &ending, error));
    TRY(results_write(to->writer, unit, to->row, &ending, error));
    to->resume->ended[unit] = true;
    to->counts.taken[to->table]++;
    return STATUS_OK;
}

static enum status take_trial(struct takeover *to, int64_t trial, struct error *error)
{
    char identity[HASH_TEXT_BYTES];
    int64_t place = 0;
    hash_text(plan_trial(to->plan, trial)->identity, identity);
    TRY(place_of(to->old, identity, &place, error));
    if (place >= to->old->units.count || to->old->units.state[place] != TRIAL_COMMITTED)
        return STATUS_OK;
    const uint8_t outcome = to->old->units.outcome[place];
    if (outcome != OUTCOME_DONE && outcome != OUTCOME_DIVERGED)
        return STATUS_OK;
    TRY(take_unit(to, trial, place, &to->taken[trial], error));
    to->resume->outcomes[outcome] += to->taken[trial];
    return STATUS_OK;
}

/* One that diverged says which trial did so, by a number that may be another one here, and is soon made again. */
static enum status take_pair(struct takeover *to, int64_t pair, struct error *error)
{
    const struct plan_pair *it = plan_pair(to->plan, pair);
    char identity[HASH_TEXT_BYTES];
    int64_t place = 0;
    bool taken = false;
    if (!to->taken[it->first] || !to->taken[it->second])
        return STATUS_OK;
    hash_text(it->identity, identity);
    TRY(place_of(to->old, identity, &place, error));
    if (place >= to->old->units.count || to->old->units.state[place] != TRIAL_COMMITTED ||
        to->old->units.outcome[place] != OUTCOME_DONE)
        return STATUS_OK;
    TRY(take_unit(to, plan_trial_count(to->plan) + pair, place, &taken, error));
    to->resume->pairs_ended += taken;
    return STATUS_OK;
}

static enum status take_units(struct takeover *to, struct error *error)
{
    const int64_t trials = plan_trial_count(to->plan);
    const int64_t count = to->table == TABLE_PAIRS ? plan_pair_count(to->plan) : trials;
    const bool *ended = to->resume->ended + (to->table == TABLE_PAIRS ? trials : 0);
    for (int64_t i = 0; i < count; i++)
        if (!ended[i])
            TRY(to->table == TABLE_PAIRS ? take_pair(to, i, error) : take_trial(to, i, error));
    return results_settle(to->writer, error);
}

/* A file without pairs has none to give. */
static enum status take_table(struct takeover *to, const struct schema *schema, enum results_table table,
                              struct error *error)
{
    struct old_table old;
    to->table = table;
    to->old = &old;
    enum status status = old_table_read(results_source_reader(to->source), table, &old, error);
    if (status == STATUS_OK && old.units.count > 0)
        status = results_row_create(schema_results(schema), table, &to->row, error);
    if (status == STATUS_OK && old.units.count > 0)
        status = take_units(to, error);
    results_row_destroy(&to->row);
    old_table_free(&old);
    return status;
}

static enum status tell(const struct takeover *to, const char *path, struct error *error)
{
    const struct reuse_counts *counts = &to->counts;
    struct text provenance = {0};
    char pairs[64] = "";
    if (plan_pair_count(to->plan) > 0)
        snprintf(pairs, sizeof pairs, ", and %" PRId64 " pairs of them", counts->taken[TABLE_PAIRS]);
    log_line("%s: %" PRId64 " trials taken over%s", path, counts->taken[TABLE_TRIALS], pairs);
    if (counts->damaged[TABLE_TRIALS] > 0)
        log_warning("%s: %" PRId64 " trials have damaged rows and are trained again", path,
                    counts->damaged[TABLE_TRIALS]);
    if (counts->damaged[TABLE_PAIRS] > 0)
        log_warning("%s: %" PRId64 " pairs have damaged rows and are compared again", path,
                    counts->damaged[TABLE_PAIRS]);
    if (counts->taken[TABLE_TRIALS] == 0)
        return STATUS_OK;
    const enum status status = provenance_compare(results_source_reader(to->source), &provenance, error);
    if (status == STATUS_OK)
        provenance_warn(path, &provenance);
    text_free(&provenance);
    return status;
}

enum status reuse_file(const char *path, const struct plan *plan, const struct schema *schema,
                       struct results_writer *writer, struct resume *resume, struct error *error)
{
    struct results_source *source = NULL;
    void *taken = NULL;
    TRY(results_source_open(path, schema_results(schema), &source, error));
    enum status status = memory_allocate(&taken, (size_t)plan_trial_count(plan), sizeof(bool), "trials", error);
    struct takeover to = {.plan = plan, .source = source, .writer = writer, .resume = resume, .taken = taken};
    if (status == STATUS_OK)
        status = take_table(&to, schema, TABLE_TRIALS, error);
    if (status == STATUS_OK && plan_pair_count(plan) > 0)
        status = take_table(&to, schema, TABLE_PAIRS, error);
    if (status == STATUS_OK)
        status = tell(&to, path, error);
    memory_free(taken);
    results_source_close(&source);
    return status == STATUS_OK ? status : fail_within(error, "--reuse %s", path);
}
