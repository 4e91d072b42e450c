/* resume.c - the file and the plan must agree trial by trial: by identity, never by name or time. */
#include "sweep/resume.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

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
        status =
            fail(error, STATUS_BAD_RESULTS,
                 "%s was made from another sweep; use the sweep and data it was made from, or another file. The "
                 "difference:%s",
                 path,
                 difference.length > 0 ? difference.data
                                       : " same keys and values, but the data set or the engine's numerics changed");
    }
    text_free(&now);
    text_free(&difference);
    memory_free(then);
    return status;
}

enum status resume_check(const char *path, struct plan *plan, const struct results_reader *reader, struct error *error)
{
    char *identities = NULL;
    size_t bytes = 0;
    int64_t count = 0;
    TRY(results_read_texts(reader, "/trials/identity", &identities, &bytes, &count, error));
    bool same = count == plan_trial_count(plan);
    for (int64_t i = 0; same && i < count; i++) {
        char identity[HASH_TEXT_BYTES];
        hash_text(plan_trial(plan, i)->identity, identity);
        same = strncmp(identity, identities + (size_t)i * bytes, bytes) == 0;
    }
    memory_free(identities);
    return same ? STATUS_OK : refuse_other_sweep(path, plan, reader, error);
}

enum status resume_none(const struct plan *plan, struct resume *out, struct error *error)
{
    void *ended = NULL, *poisoned = NULL;
    const size_t count = (size_t)plan_trial_count(plan);
    TRY(memory_allocate(&ended, count, sizeof(bool), "resume map", error));
    const enum status status = memory_allocate(&poisoned, count, sizeof(int64_t), "resume map", error);
    if (status != STATUS_OK) {
        memory_free(ended);
        return status;
    }
    *out = (struct resume){.ended = ended, .poisoned = poisoned};
    return STATUS_OK;
}

/* Columns of /trials, owned. */
struct columns {
    uint8_t *state, *outcome;
    int32_t *crashes;
    uint64_t *checksum;
};

static void columns_free(struct columns *columns)
{
    memory_free(columns->state);
    memory_free(columns->outcome);
    memory_free(columns->crashes);
    memory_free(columns->checksum);
}

static enum status columns_read(const struct results_reader *reader, struct columns *out, struct error *error)
{
    void *memory = NULL;
    int64_t count = 0;
    TRY(results_read(reader, "/trials/state", RESULTS_ENUM, &memory, &count, error));
    out->state = memory;
    TRY(results_read(reader, "/trials/outcome", RESULTS_ENUM, &memory, &count, error));
    out->outcome = memory;
    TRY(results_read(reader, "/trials/crashes", RESULTS_INT32, &memory, &count, error));
    out->crashes = memory;
    TRY(results_read(reader, "/trials/checksum", RESULTS_UINT64, &memory, &count, error));
    out->checksum = memory;
    return STATUS_OK;
}

/* Whether a committed trial is to be trained again. */
static enum status is_retried(const struct results_reader *reader, const struct columns *columns, int64_t trial,
                              unsigned retry, bool *out, struct error *error)
{
    *out = (columns->outcome[trial] == OUTCOME_FAILED && (retry & RETRY_FAILED) != 0) ||
           (columns->outcome[trial] == OUTCOME_TIMEOUT && (retry & RETRY_TIMEOUT) != 0);
    if (*out || (retry & RETRY_DAMAGED) == 0)
        return STATUS_OK;
    uint64_t checksum = 0;
    TRY(results_checksum(reader, trial, &checksum, error));
    *out = checksum != columns->checksum[trial];
    return STATUS_OK;
}

static enum status sort_trials(const struct results_reader *reader, const struct columns *columns, unsigned retry,
                               int64_t retries, struct resume *out, struct error *error)
{
    for (int64_t i = 0; i < results_reader_trials(reader); i++) {
        bool retried = false;
        if (columns->state[i] != TRIAL_COMMITTED) {
            if (columns->crashes[i] > retries)
                out->poisoned[out->poisoned_count++] = i;
            continue;
        }
        TRY(is_retried(reader, columns, i, retry, &retried, error));
        out->ended[i] = !retried;
        if (out->ended[i])
            out->outcomes[columns->outcome[i] < OUTCOME_COUNT ? columns->outcome[i] : OUTCOME_FAILED]++;
    }
    return STATUS_OK;
}

static enum status read_trials(struct plan *plan, const struct results_reader *reader, unsigned retry,
                               struct resume *out, struct error *error)
{
    struct columns columns = {0};
    enum status status = columns_read(reader, &columns, error);
    if (status == STATUS_OK)
        status = sort_trials(reader, &columns, retry, plan_sweep_config(plan)->limits.retries, out, error);
    columns_free(&columns);
    return status;
}

enum status resume_read(const char *path, struct plan *plan, unsigned retry, struct resume *out, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(results_reader_open(path, &reader, error));
    struct resume resume = {0};
    enum status status = resume_check(path, plan, reader, error);
    if (status == STATUS_OK)
        status = resume_none(plan, &resume, error);
    if (status == STATUS_OK)
        status = read_trials(plan, reader, retry, &resume, error);
    results_reader_close(&reader);
    if (status != STATUS_OK) {
        resume_free(&resume);
        return status;
    }
    *out = resume;
    return STATUS_OK;
}

void resume_free(struct resume *resume)
{
    memory_free(resume->ended);
    memory_free(resume->poisoned);
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
