/* resume.c - the file and the plan must agree trial by trial: by identity, never by name or time. */
#include "sweep/resume.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/provenance.h"

static bool is_name(const char *line)
{
    return strncmp(line, "name:", 5) == 0;
}

/* Adds lines of `a` that `b` does not have, each after mark, at most `most`. The sweep's name makes no difference. */
static void add_missing_lines(struct text *out, const char *mark, const char *a, const char *b, int most)
{
    while (*a != '\0' && most > 0) {
        const size_t length = strcspn(a, "\n");
        const char *found = b;
        while (*found != '\0') {
            const size_t other = strcspn(found, "\n");
            if (other == length && memcmp(found, a, length) == 0)
                break;
            found += other + (found[other] == '\n');
        }
        if (*found == '\0' && length > 0 && !is_name(a)) {
            text_add(out, "\n  %s %.*s", mark, (int)(length < 200 ? length : 200), a);
            most--;
        }
        a += length + (a[length] == '\n');
    }
}

static enum status refuse_other_sweep(const char *path, struct plan *plan, const struct results_reader *reader,
                                      struct error *error)
{
    char *then = NULL;
    size_t bytes = 0;
    int64_t count = 0;
    struct text now = {0}, difference = {0};
    enum status status = results_read_texts(reader, "/sweep/resolved", &then, &bytes, &count, error);
    if (status == STATUS_OK)
        status = plan_describe(plan, &now, error);
    if (status == STATUS_OK) {
        add_missing_lines(&difference, "file: ", then, now.data, 5);
        add_missing_lines(&difference, "sweep:", now.data, then, 5);
        status = fail(error, STATUS_BAD_RESULTS,
                      "%s was made from another sweep; use the sweep and data it was made from, or another file. The "
                      "difference:%s",
                      path,
                      difference.length > 0
                          ? difference.data
                          : " same keys and values, but the pairs, the data set or the engine's numerics changed");
    }
    text_free(&now);
    text_free(&difference);
    memory_free(then);
    return status;
}

/* One table's identities in the file against the plan's. */
static enum status same_identities(const struct results_reader *reader, const struct plan *plan, bool pairs, bool *same,
                                   struct error *error)
{
    char *identities = NULL;
    size_t bytes = 0;
    const int64_t wanted = pairs ? plan_pair_count(plan) : plan_trial_count(plan);
    int64_t count = pairs ? results_reader_pairs(reader) : results_reader_trials(reader);
    *same = count == wanted;
    if (!*same || count == 0)
        return STATUS_OK;
    TRY(results_read_texts(reader, pairs ? "/pairs/identity" : "/trials/identity", &identities, &bytes, &count, error));
    *same = count == wanted;
    for (int64_t i = 0; *same && i < count; i++) {
        char identity[HASH_TEXT_BYTES];
        hash_text(pairs ? plan_pair(plan, i)->identity : plan_trial(plan, i)->identity, identity);
        *same = strncmp(identity, identities + (size_t)i * bytes, bytes) == 0;
    }
    memory_free(identities);
    return STATUS_OK;
}

enum status resume_check(const char *path, struct plan *plan, const struct results_reader *reader, struct error *error)
{
    bool same = false;
    TRY(same_identities(reader, plan, false, &same, error));
    if (same)
        TRY(same_identities(reader, plan, true, &same, error));
    return same ? STATUS_OK : refuse_other_sweep(path, plan, reader, error);
}

enum status resume_none(const struct plan *plan, struct resume *out, struct error *error)
{
    void *ended = NULL, *poisoned = NULL, *damaged = NULL;
    const size_t count = (size_t)(plan_trial_count(plan) + plan_pair_count(plan));
    TRY(memory_allocate(&ended, count, sizeof(bool), "resume map", error));
    enum status status = memory_allocate(&poisoned, count, sizeof(int64_t), "resume map", error);
    if (status == STATUS_OK)
        status = memory_allocate(&damaged, count, sizeof(int64_t), "resume map", error);
    if (status != STATUS_OK) {
        memory_free(ended);
        memory_free(poisoned);
        return status;
    }
    *out = (struct resume){.ended = ended, .poisoned = poisoned, .damaged = damaged};
    return STATUS_OK;
}

/* One table's units: trials from 0 on, pairs behind them. */
struct table {
    const struct results_reader *reader;
    struct results_units units;
    int64_t first_unit;
    unsigned retry;
    int64_t retries;
    bool *orderly; /* [sessions] */
    int64_t sessions;
};

static bool is_retried(const struct table *table, int64_t row)
{
    const uint8_t outcome = table->units.outcome[row];
    return (outcome == OUTCOME_FAILED && (table->retry & RETRY_FAILED) != 0) ||
           (outcome == OUTCOME_TIMEOUT && (table->retry & RETRY_TIMEOUT) != 0);
}

/* A row that no session committed in order may be anything. */
static bool is_doubtful(const struct table *table, int64_t row)
{
    const int32_t session = table->units.session[row];
    const uint8_t outcome = table->units.outcome[row];
    return session < 0 || session >= table->sessions || !table->orderly[session] || outcome == OUTCOME_NONE ||
           outcome >= OUTCOME_COUNT;
}

static enum status is_damaged(const struct table *table, int64_t row, bool *out, struct error *error)
{
    uint64_t checksum = 0;
    *out = false;
    if ((table->retry & RETRY_DAMAGED) == 0 && !is_doubtful(table, row))
        return STATUS_OK;
    TRY(results_checksum(table->reader, table->first_unit + row, &checksum, error));
    *out = checksum != table->units.checksum[row];
    return STATUS_OK;
}

static enum status sort_units(const struct table *table, struct resume *out, struct error *error)
{
    for (int64_t row = 0; row < table->units.count; row++) {
        bool damaged = false;
        if (table->units.state[row] != TRIAL_COMMITTED) {
            if (table->units.crashes[row] > table->retries)
                out->poisoned[out->poisoned_count++] = table->first_unit + row;
            continue;
        }
        TRY(is_damaged(table, row, &damaged, error));
        if (damaged)
            out->damaged[out->damaged_count++] = table->first_unit + row;
        out->ended[table->first_unit + row] = !damaged && !is_retried(table, row);
    }
    return STATUS_OK;
}

/* A comparison holds only for the rows that it was made from. */
static void forget_stale_pairs(const struct plan *plan, struct resume *out)
{
    for (int64_t pair = 0; pair < plan_pair_count(plan); pair++) {
        const struct plan_pair *trials = plan_pair(plan, pair);
        bool *ended = &out->ended[plan_trial_count(plan) + pair];
        *ended = *ended && out->ended[trials->first] && out->ended[trials->second];
        out->pairs_ended += *ended;
    }
}

static enum status read_table(struct plan *plan, const struct results_reader *reader, unsigned retry, bool pairs,
                              struct resume *out, struct error *error)
{
    struct table table = {.reader = reader,
                          .first_unit = pairs ? plan_trial_count(plan) : 0,
                          .retry = retry,
                          .retries = plan_sweep_config(plan)->limits.retries};
    enum status status = results_read_units(reader, pairs ? TABLE_PAIRS : TABLE_TRIALS, &table.units, error);
    if (status == STATUS_OK)
        status = results_read_orderly(reader, &table.orderly, &table.sessions, error);
    if (status == STATUS_OK)
        status = sort_units(&table, out, error);
    for (int64_t i = 0; status == STATUS_OK && !pairs && i < table.units.count; i++)
        if (out->ended[i])
            out->outcomes[table.units.outcome[i] < OUTCOME_COUNT ? table.units.outcome[i] : OUTCOME_FAILED]++;
    memory_free(table.orderly);
    results_units_free(&table.units);
    return status;
}

static enum status read_units(struct plan *plan, const struct results_reader *reader, unsigned retry,
                              struct resume *out, struct error *error)
{
    TRY(read_table(plan, reader, retry, false, out, error));
    if (plan_pair_count(plan) == 0)
        return STATUS_OK;
    TRY(read_table(plan, reader, retry, true, out, error));
    forget_stale_pairs(plan, out);
    return STATUS_OK;
}

enum status resume_read(const char *path, struct plan *plan, unsigned retry, struct resume *out, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(results_reader_open(path, &reader, error));
    struct resume resume = {0};
    int index = -1;
    enum status status = resume_check(path, plan, reader, error);
    if (status == STATUS_OK)
        status = resume_none(plan, &resume, error);
    if (status == STATUS_OK) /* before what it may still write */
        status = results_read_last_session(reader, &resume.before, &index, error);
    if (status == STATUS_OK)
        status = read_units(plan, reader, retry, &resume, error);
    if (status == STATUS_OK)
        status = provenance_compare(reader, &resume.provenance, error);
    results_reader_close(&reader);
    if (status != STATUS_OK) {
        resume_free(&resume);
        return status;
    }
    *out = resume;
    return STATUS_OK;
}

enum status resume_recheck(const char *path, const struct resume *resume, const struct results_writer *writer,
                           struct error *error)
{
    const struct results_session *now = results_session_before(writer), *then = &resume->before;
    /* A run that failed before it began has an ending and no beginning. */
    const bool same_start = now->started == then->started || (isnan(now->started) && isnan(then->started));
    if (same_start && strcmp(now->ending, then->ending) == 0)
        return STATUS_OK;
    return fail(error, STATUS_BUSY, "%s: another run wrote to this file while it was being read: start again", path);
}

void resume_free(struct resume *resume)
{
    memory_free(resume->ended);
    memory_free(resume->poisoned);
    memory_free(resume->damaged);
    text_free(&resume->provenance);
    *resume = (struct resume){0};
}

enum status resume_describe(const char *path, struct text *out, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(results_reader_open(path, &reader, error));
    void *memory = NULL;
    int64_t count = 0, committed = 0;
    const enum status status = results_read(reader, "/trials/state", RESULTS_ENUM, &memory, &count, error);
    const uint8_t *state = memory;
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        committed += state[i] == TRIAL_COMMITTED;
    if (status == STATUS_OK)
        text_add(out, "%" PRId64 " of its %" PRId64 " trials have an outcome", committed, count);
    memory_free(memory);
    results_reader_close(&reader);
    return status;
}
