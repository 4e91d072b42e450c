/* Under recovery mode, where mpirun ends with 0 whatever happens: rank 0's last line says whether all was as expected.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_work.h"

enum { TRIALS = 60 };

static struct fake_work fake;

/* What happens in the n-th run of a rank, 1 the first. */
struct scenario {
    const char *name;
    int run, signal;
    bool rank_0, all_workers; /* else to the last rank */
    double busy_seconds;      /* without a yield */
    bool fails, wakes;        /* it goes on after 1.5 leases of a second */
    enum status expected;
};

static const struct scenario scenarios[] = {
    {.name = "killed", .run = 2, .signal = SIGKILL},
    {.name = "stopped", .run = 2, .signal = SIGSTOP},
    {.name = "alone", .run = 1, .signal = SIGKILL, .all_workers = true},
    {.name = "busy", .run = 1, .busy_seconds = 3},
    {.name = "busy_root", .run = 1, .busy_seconds = 3, .rank_0 = true},
    {.name = "asleep_root", .run = 1, .signal = SIGSTOP, .rank_0 = true, .wakes = true},
    {.name = "failing", .run = 3, .fails = true, .expected = STATUS_NO_SPACE},
};

static const struct scenario *scenario;
static struct cluster *cluster;
static int rank, last_rank, runs;
static double longest_wait; /* of this rank, for being sure to count */

static bool concerns_me(void)
{
    return scenario->rank_0 ? rank == 0 : rank != 0 && (scenario->all_workers || rank == last_rank);
}

static void wake_later(void)
{
    char command[64];
    snprintf(command, sizeof command, "(sleep 1.5; kill -CONT %d) &", (int)getpid());
    if (system(command) != 0)
        abort();
}

/* Whether this rank still counts, for two leases. */
static void ask_again_and_again(void)
{
    double before = clock_monotonic();
    const double end = before + 2;
    while (before < end) {
        cluster_assure(cluster);
        const double now = clock_monotonic();
        longest_wait = fmax(longest_wait, now - before);
        before = now;
    }
}

static enum status run(void *context, int64_t trial, const struct yield *yield, struct trial_ending *ending,
                       struct error *error)
{
    if (concerns_me() && ++runs == scenario->run) {
        if (scenario->wakes)
            wake_later();
        if (scenario->signal != 0)
            raise(scenario->signal);
        clock_sleep(scenario->busy_seconds);
        if (scenario->fails)
            return fail(error, STATUS_NO_SPACE, "no room for trial %lld", (long long)trial);
    }
    if (scenario->wakes && rank == last_rank && longest_wait == 0)
        ask_again_and_again();
    return fake_run(context, trial, yield, ending, error);
}

static bool is_as_expected(enum status status, const struct progress *progress, const struct error *error)
{
    if (status != scenario->expected)
        return false;
    if (scenario->fails)
        return strstr(error->text, "could not go on") != NULL && progress->ended[OUTCOME_DONE] < TRIALS;
    return progress->ended[OUTCOME_DONE] == TRIALS && fake.count > 0;
}

int main(int argc, char **argv)
{
    struct progress progress = {0};
    struct error error = {0};
    double cost[TRIALS];
    for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            scenario = &scenarios[i];
    if (scenario == NULL || cluster_create(&cluster, NULL) != STATUS_OK)
        return 1;
    rank = cluster_rank(cluster);
    last_rank = cluster_size(cluster) - 1;
    for (int i = 0; i < TRIALS; i++)
        cost[i] = 1;
    fake = fake_work(0.02);
    const struct cluster_plan plan = {.scheduler = {.trial_count = TRIALS, .cost = cost}};
    const struct work work = {.context = &fake, .run = run};
    const enum status status = cluster_run(cluster, &plan, &work, &progress, &error);
    if (rank == 0)
        printf("%s: status %d, %d trials: %s\n", scenario->name, (int)status, (int)progress.ended[OUTCOME_DONE],
               is_as_expected(status, &progress, &error) ? "as expected" : "wrong");
    if (scenario->wakes && rank == last_rank && longest_wait < 0.3)
        printf("%s: rank %d went on without rank 0: wrong\n", scenario->name, rank);
    cluster_leave(&cluster, 0, NULL, false);
    return 0;
}
