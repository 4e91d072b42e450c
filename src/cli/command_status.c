#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "sweep/report.h"

enum { OPTION_JSON, OPTION_WATCH };

static const struct option_spec options[] = {
    [OPTION_JSON] = {"--json", NULL, false, "Print one JSON object."},
    [OPTION_WATCH] = {"--watch", NULL, false, "Print again every two seconds until every trial has an outcome."},
    {0},
};

static void print_json_text(const char *name, const char *text)
{
    printf("\"%s\": \"", name);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            putchar('\\');
        if ((unsigned char)*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_json_number(const char *name, double value)
{
    if (isfinite(value))
        printf("\"%s\": %.6g", name, value);
    else
        printf("\"%s\": null", name);
}

static void print_json(const struct sweep_status *status)
{
    printf("{\"trials\": %" PRId64 ", \"waiting\": %" PRId64 ", \"running\": %" PRId64, status->trials, status->waiting,
           status->running);
    for (int i = OUTCOME_DONE; i < OUTCOME_COUNT; i++)
        printf(", \"%s\": %" PRId64, trial_outcome_names[i], status->outcomes[i]);
    if (status->pairs > 0)
        printf(", \"pairs\": %" PRId64 ", \"pairs_compared\": %" PRId64, status->pairs, status->pairs_ended);
    printf(", \"crashes\": %" PRId64 ", \"sessions\": %" PRId64 ", ", status->crashes, status->sessions);
    print_json_number("busy_seconds", status->busy_seconds);
    printf(", ");
    print_json_number("eta_seconds", status->eta_seconds);
    printf(", ");
    print_json_number("eta_low", status->eta_low);
    printf(", ");
    print_json_number("eta_high", status->eta_high);
    printf(", \"last_session\": {");
    print_json_text("ending", status->last.ending);
    printf(", ");
    print_json_text("host", status->last.host);
    printf(", \"process\": %" PRId64 ", \"ranks\": %d, ", status->last.process, status->last.ranks);
    print_json_text("engine", status->last.engine);
    printf(", \"started\": %.3f, \"ended\": ", status->last.started);
    if (status->last.ended > 0)
        printf("%.3f}}\n", status->last.ended);
    else
        printf("null}}\n");
}

static void print_plain(const char *path, const struct sweep_status *status)
{
    char eta[32], low[32], high[32];
    const int64_t left = status->waiting + status->running;
    printf("%s: %" PRId64 " trials\n", path, status->trials);
    for (int i = OUTCOME_DONE; i < OUTCOME_COUNT; i++)
        if (i == OUTCOME_DONE || status->outcomes[i] > 0)
            printf("  %-9s %" PRId64 "\n", trial_outcome_names[i], status->outcomes[i]);
    if (left > 0)
        printf("  %-9s %" PRId64 "\n  %-9s %" PRId64 "\n", "running", status->running, "waiting", status->waiting);
    if (status->pairs > 0)
        printf("  %-9s %" PRId64 " of %" PRId64 " compared\n", "pairs", status->pairs_ended, status->pairs);
    if (status->crashes > 0)
        printf("  %-9s %" PRId64 " starts took their process down\n", "crashes", status->crashes);
    printf("last of %" PRId64 " session%s: %s, %d rank%s on %s, process %" PRId64 "\n", status->sessions,
           status->sessions == 1 ? "" : "s", status->last.ending, status->last.ranks,
           status->last.ranks == 1 ? "" : "s", status->last.host, status->last.process);
    if (left + status->pairs - status->pairs_ended > 0 && isfinite(status->eta_seconds)) {
        progress_duration(status->eta_seconds, eta, sizeof eta);
        progress_duration(status->eta_low, low, sizeof low);
        progress_duration(status->eta_high, high, sizeof high);
        printf("ETA %s (%s to %s) at %d rank%s\n", eta, low, high, status->last.ranks,
               status->last.ranks == 1 ? "" : "s");
    }
}

static int run(const struct arguments *arguments)
{
    const char *path = arguments->operands[0];
    struct sweep_status status;
    do {
        struct error error = {0};
        if (sweep_status_read(path, &status, &error) != STATUS_OK)
            return command_failed(&error);
        if (arguments->count[OPTION_JSON] > 0)
            print_json(&status);
        else
            print_plain(path, &status);
        fflush(stdout);
        if (arguments->count[OPTION_WATCH] == 0 ||
            (status.waiting + status.running == 0 && status.pairs_ended == status.pairs))
            return EXIT_OK;
        clock_sleep(2);
    } while (true);
}

const struct command command_status = {
    .name = "status",
    .operands = "FILE",
    .operand_count = 1,
    .summary = "Say how many trials are done, running and waiting, and when the rest will be.",
    .details =
        "Safe while a run writes FILE. A trial of a killed run counts as running until --resume trains it again.",
    .options = options,
    .run = run,
};
