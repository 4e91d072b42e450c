#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/faults.h"
#include "sweep/verify.h"

enum { OPTION_REPEAT, OPTION_FOLDER };

static const struct option_spec options[] = {
    [OPTION_REPEAT] = {"-k", "N", false,
                       "Also train N of the trials again, compare N of the pairs again, and check every bit."},
    [OPTION_FOLDER] = {"--folder", "DIR", false,
                       "Where relative paths of the sweep start; the current folder if absent."},
    {0},
};

static void print_rows(const char *path, const struct verify_result *result)
{
    printf("checked   %" PRId64 " committed of %" PRId64 " trials", result->committed, result->trials);
    if (result->pairs > 0)
        printf(", %" PRId64 " of %" PRId64 " pairs", result->pairs_committed, result->pairs);
    printf(": ");
    if (result->damaged == 0) {
        printf("every row is as it was committed\n");
        return;
    }
    printf("%" PRId64 " damaged, whose values are not those of their checksum:", result->damaged);
    for (int i = 0; i < result->damaged && i < VERIFY_LISTED_MAX; i++)
        if (result->listed[i] < result->trials)
            printf("%s trial %" PRId64, i == 0 ? "" : ",", result->listed[i]);
        else
            printf("%s pair %" PRId64, i == 0 ? "" : ",", result->listed[i] - result->trials);
    printf("%s\n          seedbed run SWEEP.yaml -o %s --resume --retry damaged trains them again\n",
           result->damaged > VERIFY_LISTED_MAX ? " ..." : "", path);
}

static int64_t count_different(const struct verify_result *result)
{
    return result->repeats[TABLE_TRIALS].different + result->repeats[TABLE_PAIRS].different;
}

static void print_repeats(const struct verify_result *result)
{
    const struct verify_repeats *trials = &result->repeats[TABLE_TRIALS], *pairs = &result->repeats[TABLE_PAIRS];
    const int64_t different = count_different(result);
    if (trials->repeated == 0) {
        printf("repeated  none: no trial is done or diverged\n");
        return;
    }
    printf("repeated  %" PRId64 " of %" PRId64 " done or diverged trials", trials->repeated, trials->repeatable);
    if (result->pairs > 0)
        printf(", %" PRId64 " of %" PRId64 " done pairs", pairs->repeated, pairs->repeatable);
    if (different == 0)
        printf(": the same bits\n");
    else
        printf(": %" PRId64 " with other bits\n%s", different, result->differences.data);
    if (result->provenance.length > 0)
        printf("%s%s", different > 0 ? "what may be the reason:\n" : "although\n", result->provenance.data);
    else if (different > 0)
        printf("engine, compiler, BLAS and CPU are those that made the file: please report this\n");
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct verify_result result = {0};
    long long repeat = 0;
    const char *count = argument_value(arguments, OPTION_REPEAT), *folder = argument_value(arguments, OPTION_FOLDER);
    if (count != NULL && argument_integer(count, "-k", 0, &repeat, &error) != STATUS_OK)
        return command_failed(&error);
    const struct verify_request request = {
        .path = arguments->operands[0], .folder = folder == NULL ? "." : folder, .repeat = repeat};
    const enum status status = sweep_verify(&request, &result, &error);
    int code = result.damaged > 0 || count_different(&result) > 0 ? EXIT_ERROR : EXIT_OK;
    if (result.trials > 0 && (status == STATUS_OK || result.committed > 0))
        print_rows(request.path, &result);
    if (status == STATUS_OK && repeat > 0)
        print_repeats(&result);
    fflush(stdout);
    if (status == STATUS_BAD_SWEEP && result.faults.count > 0)
        code = faults_failed(&result.faults, request.path);
    else if (status != STATUS_OK)
        code = command_failed(&error);
    verify_free(&result);
    return code;
}

const struct command command_verify = {
    .name = "verify",
    .operands = "FILE",
    .operand_count = 1,
    .summary =
        "Check that every committed row is as it was committed, and that trials and pairs come out the same again.",
    .details =
        "Exit code 1 when a row is damaged or a trial or pair has other bits; what made the file and differs is named.",
    .options = options,
    .run = run,
};
