#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static const double plain_line_seconds = 30;

void progress_view_start(struct progress_view *view)
{
    *view = (struct progress_view){.terminal = isatty(STDERR_FILENO) == 1, .last_line = clock_monotonic()};
}

static void close_line(struct progress_view *view)
{
    if (view->line_open)
        fputc('\n', stderr);
    view->line_open = false;
}

void progress_duration(double seconds, char *text, int bytes)
{
    const long long whole = (long long)ceil(seconds);
    if (whole < 60)
        snprintf(text, (size_t)bytes, "%lld s", whole);
    else if (whole < 3600)
        snprintf(text, (size_t)bytes, "%lld:%02lld min", whole / 60, whole % 60);
    else
        snprintf(text, (size_t)bytes, "%lld:%02lld:%02lld h", whole / 3600, whole / 60 % 60, whole % 60);
}

void progress_bytes(double amount, char *text, int bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (amount >= 1000 && unit < 4) {
        amount /= 1000;
        unit++;
    }
    snprintf(text, (size_t)bytes, "%.3g %s", amount, units[unit]);
}

static void describe_eta(const struct eta *eta, char *text, int bytes)
{
    char middle[32], low[32], high[32];
    if (!isfinite(eta->seconds)) {
        snprintf(text, (size_t)bytes, "unknown");
        return;
    }
    progress_duration(eta->seconds, middle, sizeof middle);
    progress_duration(eta->low, low, sizeof low);
    progress_duration(eta->high, high, sizeof high);
    snprintf(text, (size_t)bytes, "%s (%s to %s)", middle, low, high);
}

static int64_t count_ended(const struct progress *progress)
{
    int64_t ended = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        ended += progress->ended[i];
    return ended;
}

void progress_announce(void *context, const char *what)
{
    close_line(context);
    log_line("%s", what);
}

void progress_report(void *context, const struct progress *progress)
{
    struct progress_view *view = context;
    const double now = clock_monotonic();
    if (!view->terminal && now - view->last_line < plain_line_seconds)
        return;
    view->last_line = now;
    char eta[112], line[256];
    describe_eta(&progress->eta, eta, sizeof eta);
    snprintf(line, sizeof line, "%lld/%lld trials, %lld failed, %.3g samples/s, ETA %s",
             (long long)count_ended(progress), (long long)progress->trials,
             (long long)(progress->ended[OUTCOME_FAILED] + progress->ended[OUTCOME_TIMEOUT]),
             progress->seconds > 0 ? progress->samples / progress->seconds : 0.0, eta);
    if (view->terminal)
        fprintf(stderr, "\r\033[K%s", line);
    else
        log_line("%s", line);
    view->line_open = view->terminal;
    fflush(stderr);
}

void progress_finish(struct progress_view *view, const struct progress *progress)
{
    char time[32], memory[32];
    progress_duration(progress->seconds, time, sizeof time);
    progress_bytes((double)memory_peak(), memory, sizeof memory);
    close_line(view);
    char pairs[64] = "";
    if (progress->pairs > 0)
        snprintf(pairs, sizeof pairs, "; %lld of %lld pairs compared", (long long)progress->pairs_ended,
                 (long long)progress->pairs);
    log_line("%lld of %lld trials have an outcome: %lld done, %lld diverged, %lld timed out, %lld failed%s (%s; "
             "rank 0 took %s at most)",
             (long long)count_ended(progress), (long long)progress->trials, (long long)progress->ended[OUTCOME_DONE],
             (long long)progress->ended[OUTCOME_DIVERGED], (long long)progress->ended[OUTCOME_TIMEOUT],
             (long long)progress->ended[OUTCOME_FAILED], pairs, time, memory);
}
