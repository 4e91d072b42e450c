#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "cluster/crash.h"
#include "cluster/session.h"
#include "sweep/resume.h"

enum {
    OPTION_OUTPUT,
    OPTION_RESUME,
    OPTION_RETRY,
    OPTION_REUSE,
    OPTION_SET,
    OPTION_ORDER,
    OPTION_MAX_FAILURES,
    OPTION_FAIL_FAST,
    OPTION_TIME_LIMIT
};

static const struct option_spec options[] = {
    [OPTION_OUTPUT] = {"-o", "FILE", false, "The results file to make, or with --resume to go on with. Required."},
    [OPTION_RESUME] = {"--resume", NULL, false, "Go on with FILE: train what has no committed row."},
    [OPTION_RETRY] = {"--retry", "WHICH,...", false, "With --resume, train these again too: failed, timeout, damaged."},
    [OPTION_REUSE] = {"--reuse", "OLD.h5", true,
                      "Take over what OLD.h5 has of the same trials, such as a smaller grid's."},
    [OPTION_SET] = {"--set", "KEY=VALUE", true, "Set a key of the sweep file, such as train.epochs=5."},
    [OPTION_ORDER] = {"--order", "lpt|fifo|random", false,
                      "Longest predicted trial first (the default), as listed, or shuffled."},
    [OPTION_MAX_FAILURES] = {"--max-failures", "N", false, "Stop after N failed or timed-out trials; 0 for never."},
    [OPTION_FAIL_FAST] = {"--fail-fast", NULL, false, "Stop at the first failed or timed-out trial."},
    [OPTION_TIME_LIMIT] =
        {"--time-limit", "D-HH:MM:SS", false,
         "Stop in good order before so much time is over; also as 90m, 2h. Slurm's and PBS's own are known."},
    {0},
};

static enum status read_order(const char *word, enum schedule_order *out, struct error *error)
{
    static const char *const names[] = {[ORDER_LPT] = "lpt", [ORDER_FIFO] = "fifo", [ORDER_RANDOM] = "random"};
    *out = ORDER_LPT;
    if (word == NULL)
        return STATUS_OK;
    for (int i = 0; i < 3; i++)
        if (strcmp(word, names[i]) == 0) {
            *out = (enum schedule_order)i;
            return STATUS_OK;
        }
    return fail(error, STATUS_USAGE, "--order: '%s' is not one of lpt, fifo, random", word);
}

/* words: names between commas, such as "failed,timeout". */
static enum status read_retry(const char *words, unsigned *out, struct error *error)
{
    static const struct {
        const char *name;
        enum retry which;
    } names[] = {{"failed", RETRY_FAILED}, {"timeout", RETRY_TIMEOUT}, {"damaged", RETRY_DAMAGED}};
    for (const char *word = words; word != NULL;) {
        const size_t length = strcspn(word, ",");
        unsigned found = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strlen(names[i].name) == length && memcmp(names[i].name, word, length) == 0)
                found = names[i].which;
        if (found == 0)
            return fail(error, STATUS_USAGE, "--retry: '%.*s' is not one of failed, timeout, damaged", (int)length,
                        word);
        *out |= found;
        word = word[length] == ',' ? word + length + 1 : NULL;
    }
    return STATUS_OK;
}

static enum status read_request(const struct arguments *arguments, struct session_request *out, struct error *error)
{
    long long max_failures = -1;
    if (argument_value(arguments, OPTION_OUTPUT) == NULL)
        return fail(error, STATUS_USAGE, "run: say where results go: -o FILE");
    if (argument_value(arguments, OPTION_MAX_FAILURES) != NULL)
        TRY(argument_integer(argument_value(arguments, OPTION_MAX_FAILURES), "--max-failures", 0, &max_failures,
                             error));
    *out = (struct session_request){
        .sweep_path = arguments->operands[0],
        .output_path = argument_value(arguments, OPTION_OUTPUT),
        .sets = arguments->values[OPTION_SET],
        .set_count = arguments->count[OPTION_SET],
        .resume = arguments->count[OPTION_RESUME] > 0,
        .reuse = arguments->values[OPTION_REUSE],
        .reuse_count = arguments->count[OPTION_REUSE],
        .fail_fast = arguments->count[OPTION_FAIL_FAST] > 0,
        .max_failures = max_failures,
        .started = clock_process_start(),
        .start = progress_announce,
        .report = progress_report,
    };
    if (argument_value(arguments, OPTION_TIME_LIMIT) != NULL)
        TRY(argument_duration(argument_value(arguments, OPTION_TIME_LIMIT), "--time-limit", &out->time_limit, error));
    if (argument_value(arguments, OPTION_RETRY) != NULL && !out->resume)
        return fail(error, STATUS_USAGE, "--retry goes with --resume: it trains trials of an existing file again");
    TRY(read_retry(argument_value(arguments, OPTION_RETRY), &out->retry, error));
    return read_order(argument_value(arguments, OPTION_ORDER), &out->order, error);
}

/* Rank 0 speaks for all; the exit code is every rank's. */
static int conclude(bool root, enum status status, const struct session_request *request, struct session_result *result,
                    const struct error *error)
{
    const int64_t bad = result->progress.ended[OUTCOME_FAILED] + result->progress.ended[OUTCOME_TIMEOUT];
    if (status == STATUS_BAD_SWEEP && result->faults.count > 0) {
        return root ? faults_failed(&result->faults, request->sweep_path) : EXIT_ERROR;
    }
    if (root && result->progress.trials > 0)
        progress_finish(request->context, &result->progress);
    if (status != STATUS_OK) {
        if (root)
            return command_failed(error);
        return status == STATUS_STOPPED ? EXIT_STOPPED : status == STATUS_USAGE ? EXIT_USAGE : EXIT_ERROR;
    }
    if (root && result->gave_up)
        log_line("gave up: too many trials failed; seedbed show %s TRIAL says why, --resume trains the rest",
                 request->output_path);
    return bad > 0 ? EXIT_SOME_FAILED : EXIT_OK;
}

static void refuse(const struct arguments *arguments, int code)
{
    cluster_refuse(code, argument_value(arguments, OPTION_OUTPUT));
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct session_request request = {0};
    struct session_result result = {0};
    struct progress_view view;
    struct cluster *cluster = NULL;
    enum status status = read_request(arguments, &request, &error);
    if (status == STATUS_OK) {
        crash_witness_start();
        status = cluster_create(&cluster, &error);
    }
    if (status != STATUS_OK) {
        const int refusal = command_failed(&error);
        refuse(arguments, refusal);
        return refusal;
    }
    progress_view_start(&view);
    request.context = &view;
    status = session_run(cluster, &request, &result, &error);
    const int code = conclude(cluster_rank(cluster) == 0, status, &request, &result, &error);
    faults_free(&result.faults);
    cluster_leave(&cluster, code, status == STATUS_BUSY ? NULL : request.output_path, result.opened);
    return code;
}

const struct command command_run = {
    .name = "run",
    .operands = "SWEEP.yaml",
    .operand_count = 1,
    .summary = "Train every trial of the sweep into one results file.",
    .details = "Under mpirun the trials go to all ranks; without it one process does all.\n"
               "An existing FILE is never overwritten. SIGTERM, SIGINT and SIGUSR1 stop in good order (exit code 75).",
    .options = options,
    .run = run,
    .refuse = refuse,
};
