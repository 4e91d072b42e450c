/* session.c - every rank walks the same steps; what one rank alone can see is agreed before the next collective step.
 */
#include "cluster/session.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/memory_left.h"
#include "cluster/bits.h"
#include "cluster/communicator.h"
#include "cluster/crash.h"
#include "cluster/delivery.h"
#include "cluster/time_limit.h"
#include "sweep/forecast.h"
#include "sweep/pair.h"
#include "sweep/preview.h"
#include "sweep/provenance.h"
#include "sweep/resume.h"
#include "sweep/reuse.h"
#include "sweep/sweep_file.h"
#include "sweep/trial.h"
#include "sweep/units.h"

struct session {
    struct cluster *cluster;
    const struct session_request *request;
    struct sweep_file file;
    struct plan *plan;
    const struct dataset **datasets; /* [shared] */
    int shared;
    struct schema *schema;
    struct resume resume;      /* rank 0 */
    struct units units;        /* rank 0 */
    struct delivery *delivery; /* of rows to rank 0; NULL where every rank writes */
    struct results_writer *writer;
    struct checkpoint_store store;
    bool *begun;             /* rank 0: [units] that have a checkpoint */
    int64_t begun_count;     /* rank 0 */
    bool made;               /* rank 0: the file is new */
    struct time_limit limit; /* rank 0 */
    double deadline;         /* monotonic, less what is kept back; 0: none */
    struct trial_runner *runner;
    struct pair_runner *pairs; /* NULL: the plan has none */
};

static bool is_root(const struct session *session)
{
    return cluster_rank(session->cluster) == 0;
}

static enum status read_sweep(struct session *session, struct faults *faults, struct error *error)
{
    enum status status = STATUS_OK;
    if (is_root(session))
        status = sweep_file_read(session->request->sweep_path, &session->file, error);
    TRY(cluster_agree(session->cluster, status, error));
    void *block = session->file.block;
    status = cluster_broadcast(session->cluster, &block, &session->file.bytes, error);
    session->file.block = block;
    TRY(cluster_agree(session->cluster, status, error));
    const struct plan_request request =
        sweep_file_request(&session->file, session->request->sets, session->request->set_count);
    return cluster_agree(session->cluster, plan_create(&request, &session->plan, faults, error), error);
}

static enum status load_source(void *context, struct dataset **out, struct error *error)
{
    return preview_load_source(context, out, error);
}

static enum status share_data(struct session *session, struct faults *faults, struct error *error)
{
    const int count = plan_source_count(session->plan);
    void *memory = NULL;
    TRY(cluster_agree(session->cluster,
                      memory_allocate(&memory, (size_t)count, sizeof *session->datasets, "data sets", error), error));
    session->datasets = memory;
    for (int i = 0; i < count; i++) {
        struct plan_source source = *plan_source(session->plan, i);
        TRY(cluster_share_dataset(session->cluster, load_source, &source, &session->datasets[i], error));
        session->shared = i + 1;
    }
    return cluster_agree(session->cluster, plan_resolve(session->plan, session->datasets, faults, error), error);
}

static enum status refuse_existing(const struct session *session, struct error *error)
{
    const char *path = session->request->output_path;
    struct text holds = {0};
    enum status status = resume_describe(path, &holds, error);
    if (status == STATUS_OK)
        status = fail(error, STATUS_BAD_RESULTS,
                      "%s exists: %s. Give --resume to go on with the same sweep, or another -o", path, holds.data);
    text_free(&holds);
    return status;
}

/* Rank 0: before anything is made. */
static enum status check_reused(const struct session_request *request, struct error *error)
{
    for (int i = 0; i < request->reuse_count; i++) {
        struct results_reader *reader = NULL;
        if (results_reader_open(request->reuse[i], &reader, error) != STATUS_OK)
            return fail_within(error, "--reuse");
        results_reader_close(&reader);
    }
    return STATUS_OK;
}

/* Rank 0: an existing file is read, a new one is made. */
static enum status prepare_file(struct session *session, const struct schema_request *request, struct error *error)
{
    const char *path = session->request->output_path;
    const bool exists = access(path, F_OK) == 0;
    TRY(check_reused(session->request, error));
    if (exists && !session->request->resume)
        return refuse_existing(session, error);
    if (exists)
        return resume_read(path, session->plan, session->request->retry, &session->resume, error);
    session->made = true;
    TRY(resume_none(session->plan, &session->resume, error));
    struct schema_request with_data = *request;
    with_data.with_data = true;
    struct schema *schema = NULL;
    TRY(schema_create(&with_data, &schema, error));
    const enum status status = results_create(path, schema_results(schema), error);
    schema_destroy(&schema);
    return status;
}

static enum status open_file(struct session *session, struct error *error)
{
    struct provenance_item provenance[PROVENANCE_ITEMS];
    provenance_fill(cluster_mpi_version(), provenance);
    const struct plan_request sweep = sweep_file_request(&session->file, NULL, 0);
    const struct schema_request request = {
        .plan = session->plan,
        .yaml = sweep.text,
        .sets = session->request->sets,
        .set_count = session->request->set_count,
        .provenance = provenance,
        .provenance_count = PROVENANCE_ITEMS,
    };
    enum status status = STATUS_OK;
    if (is_root(session))
        status = prepare_file(session, &request, error);
    TRY(cluster_agree(session->cluster, status, error));
    TRY(cluster_agree(session->cluster, schema_create(&request, &session->schema, error), error));
    TRY(delivery_open(session->cluster, session->request->output_path, schema_results(session->schema),
                      plan_sweep_config(session->plan)->results.writer->name, &session->delivery, &session->writer,
                      error));
    if (is_root(session) && !session->made)
        status = resume_recheck(session->request->output_path, &session->resume, session->writer, error);
    return cluster_agree(session->cluster, status, error);
}

static enum status commit_as_failed(struct session *session, int64_t unit, struct error *error)
{
    const bool pair = unit >= plan_trial_count(session->plan);
    struct trial_ending ending = {.outcome = OUTCOME_FAILED};
    struct unit_standing standing;
    struct results_row *row = NULL;
    TRY(results_standing(session->writer, unit, &standing, error));
    snprintf(ending.message, sizeof ending.message,
             "took its process down %d times, by a fault or by more memory than there was: limits.retries allows %lld "
             "further "
             "tries after the first",
             standing.crashes, (long long)plan_sweep_config(session->plan)->limits.retries);
    TRY(results_row_create(schema_results(session->schema), pair ? TABLE_PAIRS : TABLE_TRIALS, &row, error));
    const enum status status = results_commit(session->writer, unit, row, &ending, error);
    results_row_destroy(&row);
    return status;
}

/* Rank 0: a unit that took its process down too often gets its row. */
static enum status commit_poisoned(struct session *session, struct error *error)
{
    struct resume *resume = &session->resume;
    for (int64_t i = 0; i < resume->poisoned_count; i++) {
        const int64_t unit = resume->poisoned[i];
        TRY(commit_as_failed(session, unit, error));
        resume->ended[unit] = true;
        if (unit >= plan_trial_count(session->plan))
            resume->pairs_ended++;
        else
            resume->outcomes[OUTCOME_FAILED]++;
    }
    return STATUS_OK;
}

/* Rank 0: rows that are no longer what was committed must not count, whatever becomes of this session. */
static enum status revoke_damaged(struct session *session, struct error *error)
{
    const struct resume *resume = &session->resume;
    for (int64_t i = 0; i < resume->damaged_count; i++)
        TRY(results_revoke(session->writer, resume->damaged[i], error));
    if (resume->damaged_count > 0)
        log_warning("%s: %lld committed rows are damaged: their values are not those of their checksum; they are made "
                    "again",
                    session->request->output_path, (long long)resume->damaged_count);
    return STATUS_OK;
}

/* Rank 0: rows of older files for trials that have none, and for pairs of them. */
static enum status take_over(struct session *session, struct error *error)
{
    for (int i = 0; i < session->request->reuse_count; i++)
        TRY(reuse_file(session->request->reuse[i], session->plan, session->schema, session->writer, &session->resume,
                       error));
    return STATUS_OK;
}

static enum status begin_session(struct session *session, struct error *error)
{
    struct results_session row = {
        .started = clock_wall(),
        .process = getpid(),
        .ranks = cluster_size(session->cluster),
        .ending = "running",
    };
    snprintf(row.host, sizeof row.host, "%.*s", HOST_BYTES - 1, cluster_host(session->cluster));
    snprintf(row.engine, sizeof row.engine, "%s", provenance_engine());
    return results_session_begin(session->writer, &row, error);
}

/* Rank 0: which trials have been begun. What a file of the same name left is not this one's. */
static enum status find_checkpoints(struct session *session, struct error *error)
{
    void *memory = NULL;
    const size_t units = (size_t)(plan_trial_count(session->plan) + plan_pair_count(session->plan));
    TRY(memory_allocate(&memory, units, sizeof(bool), "checkpoints", error));
    session->begun = memory;
    return checkpoint_sweep(&session->store, session->plan, session->made ? NULL : session->resume.ended,
                            session->begun, &session->begun_count, error);
}

static enum status prepare_work(struct session *session, struct error *error)
{
    TRY(trial_runner_create(session->plan, session->schema, &session->runner, error));
    TRY(checkpoint_store_of(session->request->output_path, cluster_rank(session->cluster),
                            plan_sweep_config(session->plan)->limits.checkpoint, &session->store, error));
    trial_runner_keep_checkpoints(session->runner, &session->store);
    if (plan_pair_count(session->plan) > 0)
        TRY(pair_runner_create(session->plan, session->schema, session->runner,
                               (struct pair_rows){.writer = session->writer}, &session->pairs, error));
    if (!is_root(session))
        return STATUS_OK;
    provenance_warn(session->request->output_path, &session->resume.provenance);
    TRY(revoke_damaged(session, error));
    TRY(commit_poisoned(session, error));
    TRY(take_over(session, error));
    TRY(find_checkpoints(session, error));
    TRY(begin_session(session, error));
    return units_create(session->plan, &session->units, error);
}

/* In recovery mode: whether a unit has ended already, with the rank that had it before. */
static enum status has_ended(struct session *session, int64_t unit, struct trial_ending *ending, bool *ended,
                             struct error *error)
{
    struct unit_standing standing;
    TRY(results_standing(session->writer, unit, &standing, error));
    const bool committed = standing.state == TRIAL_COMMITTED;
    const bool poisoned = !committed && standing.crashes > plan_sweep_config(session->plan)->limits.retries;
    *ended = poisoned || (committed && standing.this_session);
    ending->outcome = poisoned ? OUTCOME_FAILED : standing.outcome;
    return poisoned ? commit_as_failed(session, unit, error) : STATUS_OK;
}

static enum status run_unit(void *context, int64_t unit, const struct yield *yield, struct trial_ending *ending,
                            struct error *error)
{
    struct session *session = context;
    const int64_t trials = plan_trial_count(session->plan);
    const struct results_row *row = NULL;
    bool ended = false;
    cluster_assure(session->cluster);
    if (cluster_recovers(session->cluster))
        TRY(has_ended(session, unit, ending, &ended, error));
    if (ended)
        return STATUS_OK;
    TRY(results_begin(session->writer, unit, error));
    if (unit < trials)
        TRY(trial_run(session->runner, unit, yield, ending, &row, error));
    else
        TRY(pair_run(session->pairs, unit - trials, yield, ending, &row, error));
    ending->rank = cluster_rank(session->cluster);
    snprintf(ending->host, sizeof ending->host, "%.*s", HOST_BYTES - 1, cluster_host(session->cluster));
    cluster_assure(session->cluster);
    TRY(results_write(session->writer, unit, row, ending, error));
    if (unit >= trials || !trial_runner_has_checkpoint(session->runner))
        return STATUS_OK;
    TRY(results_settle(session->writer, error)); /* the row counts before what the trial could go on from is gone */
    trial_runner_drop_checkpoint(session->runner);
    return STATUS_OK;
}

static enum status settle_units(void *context, struct error *error)
{
    const struct session *session = context;
    cluster_assure(session->cluster);
    return results_settle(session->writer, error);
}

static enum status serve_others(void *context, struct error *error)
{
    const struct session *session = context;
    return session->delivery == NULL ? STATUS_OK : delivery_serve(session->delivery, session->writer, error);
}

static void report(void *context, const struct progress *progress)
{
    struct session *session = context;
    results_session_beat(session->writer);
    if (session->request->report != NULL)
        session->request->report(session->request->context, progress);
}

/* Before anybody trains. Collective. */
static enum status agree_on_memory(struct session *session, struct error *error)
{
    const int ranks = session->cluster->node_size;
    const double asked = plan_sweep_config(session->plan)->limits.memory * 1e6;
    double share = memory_left() / ranks;
    TRY(mpi_broadcast(session->cluster->node, &share, sizeof share, error));
    share += (double)memory_in_use() + FORECAST_LIBRARY_BYTES;
    trial_runner_limit_memory(session->runner, asked > 0 ? asked : isfinite(share) ? share : 0, ranks);
    return STATUS_OK;
}

/* All ranks stop at the moment that rank 0 has found, by their own clocks. Collective. */
static enum status agree_on_deadline(struct session *session, struct error *error)
{
    const struct session_request *request = session->request;
    double left = 0;
    if (is_root(session)) {
        session->limit = time_limit_find(request->time_limit, request->started);
        const double whole = session->limit.end - request->started;
        if (session->limit.end > 0)
            left = fmax(session->limit.end - clock_wall() - time_limit_margin(whole), DBL_MIN);
    }
    TRY(mpi_broadcast(session->cluster->world, &left, sizeof left, error));
    session->deadline = left > 0 ? clock_monotonic() + left : 0;
    return STATUS_OK;
}

/* A checkpoint has to be written in it too, which may take twice as long as any did so far. */
static double time_left(void *context)
{
    const struct session *session = context;
    return session->deadline - clock_monotonic() - 2 * session->store.slowest;
}

static enum status run_units(struct session *session, struct session_result *result, struct error *error)
{
    const struct session_request *request = session->request;
    const struct limits_config *limits = &plan_sweep_config(session->plan)->limits;
    struct cluster_plan plan = {
        .scheduler = units_schedule(&session->units),
        .pairs_ended = session->resume.pairs_ended,
        .root_serves =
            schedule_rank0_serves(&plan_sweep_config(session->plan)->schedule, cluster_size(session->cluster)),
        .samples = session->units.samples,
        .report = report,
        .report_context = session,
    };
    plan.scheduler.order = request->order;
    plan.scheduler.ended = session->resume.ended;
    plan.scheduler.begun = session->begun;
    plan.scheduler.max_failures = request->max_failures >= 0 ? request->max_failures : limits->max_failures;
    plan.scheduler.fail_fast = request->fail_fast;
    memcpy(plan.ended, session->resume.outcomes, sizeof plan.ended);
    const struct work work = {.context = session,
                              .run = run_unit,
                              .settle = settle_units,
                              .serve = serve_others,
                              .time_left = session->deadline > 0 ? time_left : NULL};
    const enum status status = cluster_run(session->cluster, &plan, &work, &result->progress, error);
    int64_t ended = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        ended += result->progress.ended[i];
    const bool all = ended == result->progress.trials && result->progress.pairs_ended == result->progress.pairs;
    result->gave_up = status == STATUS_OK && is_root(session) && !all;
    return status;
}

static void describe_start(const struct session *session)
{
    int64_t ended = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        ended += session->resume.outcomes[i];
    const int64_t trials = plan_trial_count(session->plan), pairs = plan_pair_count(session->plan);
    char what[FIELD_TEXT_BYTES + 512], compared[64] = "", begun[64] = "", until[64] = "";
    if (session->begun_count > 0)
        snprintf(begun, sizeof begun, " (%lld begun)", (long long)session->begun_count);
    if (pairs > 0)
        snprintf(compared, sizeof compared, ", %lld pairs, %lld to do", (long long)pairs,
                 (long long)(pairs - session->resume.pairs_ended));
    if (session->limit.end > 0) {
        const time_t end = (time_t)session->limit.end;
        struct tm local;
        strftime(until, sizeof until, ", until %Y-%m-%d %H:%M:%S", localtime_r(&end, &local));
    }
    snprintf(what, sizeof what, "%s: %lld trials, %lld to do%s%s, on %d %s, into %s%s%s%s%s",
             plan_sweep_config(session->plan)->name, (long long)trials, (long long)(trials - ended), begun, compared,
             cluster_size(session->cluster), cluster_size(session->cluster) == 1 ? "rank" : "ranks",
             session->request->output_path, until, until[0] == '\0' ? "" : " (",
             until[0] == '\0' ? "" : session->limit.source, until[0] == '\0' ? "" : ")");
    session->request->start(session->request->context, what);
}

static const char *ending_word(enum status status, bool gave_up)
{
    if (status == STATUS_OK)
        return gave_up ? "gave up" : "complete";
    return status == STATUS_STOPPED ? "stopped" : "failed";
}

/* From here on the file is open: whatever happens, the session's row says how it ended and the file is closed. */
static enum status run_on_file(struct session *session, struct session_result *result, struct error *error)
{
    struct error closing = {0};
    cluster_forget_code(session->cluster, session->request->output_path);
    enum status status = cluster_agree(session->cluster, prepare_work(session, error), error);
    if (status == STATUS_OK)
        status = cluster_agree(session->cluster, agree_on_memory(session, error), error);
    if (status == STATUS_OK)
        status = cluster_agree(session->cluster, agree_on_deadline(session, error), error);
    if (status == STATUS_OK) {
        if (is_root(session))
            describe_start(session);
        crash_watch(session->writer);
        status = run_units(session, result, error);
        crash_unwatch(session->writer);
    }
    int64_t left = 0;
    const bool all = status == STATUS_OK && is_root(session) && !result->gave_up;
    if (all && checkpoint_sweep(&session->store, session->plan, NULL, NULL, &left, &closing) != STATUS_OK)
        log_warning("%s", closing.text);
    /* Where the run itself failed, this most likely fails for the same reason, which is told already. */
    if (is_root(session) &&
        results_session_end(session->writer, ending_word(status, result->gave_up), &closing) != STATUS_OK &&
        (status == STATUS_OK || status == STATUS_STOPPED))
        log_warning("%s", closing.text);
    const enum status closed = cluster_recovers(session->cluster) ? results_close_alone(&session->writer, &closing)
                                                                  : results_close(&session->writer, &closing);
    if (is_root(session))
        checkpoint_store_leave(&session->store);
    if (status == STATUS_OK && closed != STATUS_OK)
        return fail(error, closed, "%s", closing.text);
    return status;
}

static void release(struct session *session)
{
    pair_runner_destroy(&session->pairs);
    trial_runner_destroy(&session->runner);
    delivery_destroy(&session->delivery);
    memory_free(session->begun);
    units_free(&session->units);
    resume_free(&session->resume);
    schema_destroy(&session->schema);
    for (int i = 0; i < session->shared; i++)
        cluster_unshare_dataset(session->cluster, &session->datasets[i]);
    memory_free(session->datasets);
    plan_destroy(&session->plan);
    sweep_file_free(&session->file);
}

enum status session_run(struct cluster *cluster, const struct session_request *request, struct session_result *result,
                        struct error *error)
{
    struct session session = {.cluster = cluster, .request = request};
    enum status status = bits_agree(cluster, error);
    if (status == STATUS_OK)
        status = read_sweep(&session, &result->faults, error);
    if (status == STATUS_OK)
        status = share_data(&session, &result->faults, error);
    if (status == STATUS_OK)
        status = open_file(&session, error);
    result->opened = session.writer != NULL;
    if (status == STATUS_OK)
        status = run_on_file(&session, result, error);
    release(&session);
    return status;
}
