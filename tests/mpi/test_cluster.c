/* Run on several numbers of ranks, and as one process without mpirun. Every rank makes the same checks. */
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "fake_work.h"

#include <cmocka.h>
#undef fail /* ours, of seedbed/status.h, is meant */

static struct cluster *cluster;
static char folder[512];

static MPI_Comm communicator(void)
{
    return *(const MPI_Comm *)cluster_communicator(cluster);
}

static int sum(int mine)
{
    int all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, communicator());
    return all;
}

static int last_rank(void)
{
    return cluster_size(cluster) - 1;
}

/* A sweep of equal trials. */
struct sweep {
    double cost[FAKE_TRIALS_MAX], samples[FAKE_TRIALS_MAX];
    struct cluster_plan plan;
};

static struct sweep *make_sweep(int64_t trials)
{
    static struct sweep sweep;
    memset(&sweep, 0, sizeof sweep);
    for (int64_t i = 0; i < trials; i++)
        sweep.cost[i] = sweep.samples[i] = 1;
    sweep.plan = (struct cluster_plan){.scheduler = {.trial_count = trials, .order = ORDER_LPT, .cost = sweep.cost},
                                       .samples = sweep.samples};
    return &sweep;
}

static enum status run(const struct sweep *sweep, struct fake_work *fake, struct progress *progress,
                       struct error *error)
{
    const struct work work = {.context = fake, .run = fake_run, .settle = fake_settle};
    *progress = (struct progress){0};
    return cluster_run(cluster, cluster_rank(cluster) == 0 ? &sweep->plan : NULL, &work, progress, error);
}

static void all_ranks_are_well_when_each_is(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(cluster_agree(cluster, STATUS_OK, &error), STATUS_OK);
}

static void one_ranks_failure_is_everyones_with_its_message(void **state)
{
    (void)state;
    struct error error = {0};
    enum status mine = STATUS_OK;
    if (cluster_rank(cluster) == last_rank())
        mine = fail(&error, STATUS_BAD_DATA, "rank %d found a hole", last_rank());
    assert_int_equal(cluster_agree(cluster, mine, &error), STATUS_BAD_DATA);
    char expected[64];
    snprintf(expected, sizeof expected, "rank %d found a hole", last_rank());
    assert_string_equal(error.text, expected);
    assert_int_equal(error.status, STATUS_BAD_DATA);
    assert_int_equal(cluster_agree(cluster, mine, NULL), STATUS_BAD_DATA);
}

static void an_error_outweighs_a_stop(void **state)
{
    (void)state;
    struct error error = {0};
    const enum status mine = cluster_rank(cluster) == last_rank() ? fail(&error, STATUS_IO, "lost the disk")
                                                                  : fail(&error, STATUS_STOPPED, "stopped");
    assert_int_equal(cluster_agree(cluster, mine, &error), STATUS_IO);
    assert_string_equal(error.text, "lost the disk");
}

static void rank_0s_bytes_reach_all(void **state)
{
    (void)state;
    enum { BYTES = 40000000 };
    void *bytes = NULL;
    size_t count = 0;
    if (cluster_rank(cluster) == 0) {
        count = BYTES;
        assert_int_equal(memory_allocate(&bytes, count, 1, "bytes", NULL), STATUS_OK);
        for (size_t i = 0; i < count; i++)
            ((unsigned char *)bytes)[i] = (unsigned char)(i * 31 >> 3);
    }
    assert_int_equal(cluster_broadcast(cluster, &bytes, &count, NULL), STATUS_OK);
    assert_int_equal(count, BYTES);
    for (size_t i = 0; i < count; i += 997)
        assert_int_equal(((unsigned char *)bytes)[i], (unsigned char)(i * 31 >> 3));
    memory_free(bytes);
}

static void a_broadcast_of_nothing_is_nothing(void **state)
{
    (void)state;
    void *bytes = NULL;
    size_t count = 0;
    assert_int_equal(cluster_broadcast(cluster, &bytes, &count, NULL), STATUS_OK);
    assert_int_equal(count, 0);
    assert_null(bytes);
}

struct loader {
    int loads, value;
    bool fails;
};

static enum status load(void *context, struct dataset **out, struct error *error)
{
    struct loader *loader = context;
    const struct dataset_shape shape = {
        .sample = {28, 28, 1}, .type = SAMPLE_UINT8, .classes = 10, .count = {5000, 1000}};
    loader->loads++;
    if (loader->fails)
        return fail(error, STATUS_BAD_DATA, "no such file");
    TRY(dataset_allocate(&shape, out, error));
    memset(dataset_values(*out, PART_TRAIN), loader->value, 5000 * 28 * 28);
    dataset_seal(*out);
    return STATUS_OK;
}

static int value_of(const struct dataset *dataset)
{
    const unsigned char *values = dataset_values_const(dataset, PART_TRAIN);
    for (size_t i = 0; i < (size_t)5000 * 28 * 28; i += 512)
        assert_int_equal(values[i], values[0]);
    return values[0];
}

/* Mappings of this process that name a file of ours. */
static int shared_mappings(void)
{
    char line[1024];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, "/seedbed-") != NULL && strstr(line, "(deleted)") != NULL && strstr(line, "r--s") != NULL;
    fclose(maps);
    return count;
}

static void the_ranks_of_a_node_share_one_copy_of_each_data_set(void **state)
{
    (void)state;
    struct loader loaders[2] = {{.value = 7}, {.value = 9}};
    const struct dataset *datasets[2];
    const int64_t before = memory_balance();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cluster_share_dataset(cluster, load, &loaders[i], &datasets[i], NULL), STATUS_OK);
        assert_int_equal(value_of(datasets[i]), loaders[i].value);
        assert_int_equal(sum(loaders[i].loads), 1);
    }
    assert_int_equal(shared_mappings(), cluster_size(cluster) == 1 ? 0 : 2);
    cluster_unshare_dataset(cluster, &datasets[0]);
    assert_null(datasets[0]);
    assert_int_equal(value_of(datasets[1]), 9);
    cluster_unshare_dataset(cluster, &datasets[1]);
    assert_int_equal(shared_mappings(), 0);
    assert_int_equal(memory_balance(), before);
}

static void without_a_temporary_folder_each_rank_loads_its_own_copy(void **state)
{
    (void)state;
    struct loader loader = {.value = 3};
    const struct dataset *dataset = NULL;
    setenv("TMPDIR", "/nonexistent/folder", 1);
    assert_int_equal(cluster_share_dataset(cluster, load, &loader, &dataset, NULL), STATUS_OK);
    setenv("TMPDIR", folder, 1);
    assert_int_equal(loader.loads, 1);
    assert_int_equal(value_of(dataset), 3);
    cluster_unshare_dataset(cluster, &dataset);
}

static void a_data_set_that_cannot_be_loaded_is_everyones_error(void **state)
{
    (void)state;
    struct loader loader = {.fails = true};
    struct error error = {0};
    const struct dataset *dataset = NULL;
    const int64_t before = memory_balance();
    assert_int_equal(cluster_share_dataset(cluster, load, &loader, &dataset, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "no such file");
    assert_null(dataset);
    assert_int_equal(memory_balance(), before);
}

static void check_each_trained_once(const struct fake_work *fake, int64_t trials)
{
    for (int64_t i = 0; i < trials; i++)
        assert_int_equal(sum(fake->trained[i]), 1);
}

static void every_trial_is_trained_once_whatever_the_order(void **state)
{
    (void)state;
    const enum schedule_order orders[] = {ORDER_LPT, ORDER_FIFO, ORDER_RANDOM};
    for (int i = 0; i < 3; i++)
        for (int length = 0; length < 2; length++) {
            struct sweep *sweep = make_sweep(300);
            struct fake_work fake = fake_work(length ? 1e-3 : 0);
            struct progress progress;
            sweep->plan.scheduler.order = orders[i];
            assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
            check_each_trained_once(&fake, 300);
            assert_int_equal(progress.ended[OUTCOME_DONE], 300);
            assert_int_equal(progress.running, 0);
            assert_true(progress.cost_ended == 300 && progress.cost_total == 300 && progress.samples == 300);
        }
}

static void tiny_trials_are_settled_together_and_all_of_them_before_the_end(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(20e-6);
    struct progress progress;
    assert_int_equal(run(make_sweep(FAKE_TRIALS_MAX), &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(progress.ended[OUTCOME_DONE], FAKE_TRIALS_MAX);
    assert_int_equal(fake.settled, fake.count);
    assert_int_equal(sum(fake.count), FAKE_TRIALS_MAX);
    assert_in_range(sum(fake.settles), 1, FAKE_TRIALS_MAX / 2);
}

/* In the order of the grid tiny trials stand before a long one on every rank. */
static void what_has_ended_is_settled_while_a_long_trial_trains(void **state)
{
    (void)state;
    struct sweep *sweep = make_sweep(40);
    struct fake_work fake = fake_work(1e-3);
    struct progress progress;
    sweep->plan.scheduler.order = ORDER_FIFO;
    fake.failing_trial = 20;
    fake.failing_seconds = 3;
    assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(fake.settled, fake.count);
    assert_true(fake.longest_wait < 2);
}

static void trials_that_cannot_be_settled_do_not_count(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(1e-3);
    struct progress progress;
    struct error error = {0};
    if (cluster_rank(cluster) == last_rank())
        fake.erring_settle = 2;
    assert_int_equal(run(make_sweep(2000), &fake, &progress, &error), STATUS_NO_SPACE);
    assert_non_null(strstr(error.text, "no room for "));
    assert_int_equal(progress.ended[OUTCOME_DONE], sum(fake.settled));
    assert_in_range(sum(fake.settled), 0, 1999);
}

static void every_rank_trains_rank_0_too(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(5e-3);
    struct progress progress;
    assert_int_equal(run(make_sweep(20 * cluster_size(cluster)), &fake, &progress, NULL), STATUS_OK);
    assert_in_range(fake.count, 1, 40);
}

static void rank_0_that_serves_trains_nothing(void **state)
{
    (void)state;
    if (cluster_size(cluster) == 1)
        skip();
    for (int trials = 0; trials <= 300; trials += 150) {
        struct sweep *sweep = make_sweep(trials);
        struct fake_work fake = fake_work(1e-3);
        struct progress progress;
        sweep->plan.root_serves = true;
        assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
        assert_int_equal(sum(fake.count), trials);
        assert_int_equal(progress.ended[OUTCOME_DONE], trials);
        if (cluster_rank(cluster) == 0)
            assert_int_equal(fake.count, 0);
    }
}

static void one_rank_trains_the_longest_first(void **state)
{
    (void)state;
    if (cluster_size(cluster) > 1)
        skip();
    struct sweep *sweep = make_sweep(4);
    struct fake_work fake = fake_work(0);
    struct progress progress;
    const double cost[] = {1, 4, 2, 3};
    const int64_t expected[] = {1, 3, 2, 0};
    memcpy(sweep->cost, cost, sizeof cost);
    assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
    assert_memory_equal(fake.order, expected, sizeof expected);
}

static void a_sweep_without_trials_ends_at_once(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(0);
    struct progress progress;
    assert_int_equal(run(make_sweep(0), &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(fake.count, 0);
}

static void trials_of_earlier_sessions_are_counted_and_not_trained(void **state)
{
    (void)state;
    static bool ended[10] = {true, true, true};
    struct sweep *sweep = make_sweep(10);
    struct fake_work fake = fake_work(0);
    struct progress progress;
    sweep->plan.scheduler.ended = ended;
    sweep->plan.ended[OUTCOME_DIVERGED] = 3;
    assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(sum(fake.count), 7);
    assert_int_equal(progress.ended[OUTCOME_DIVERGED], 3);
    assert_int_equal(progress.ended[OUTCOME_DONE], 7);
    assert_true(progress.cost_total == 7);
}

static void a_failed_trial_is_a_result(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(0);
    struct progress progress;
    fake.failing_trial = 5;
    assert_int_equal(run(make_sweep(50), &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(progress.ended[OUTCOME_FAILED], 1);
    assert_int_equal(progress.ended[OUTCOME_DONE], 49);
}

static void fail_fast_ends_what_runs_and_starts_nothing_more(void **state)
{
    (void)state;
    struct sweep *sweep = make_sweep(1000);
    struct fake_work fake = fake_work(0.3);
    struct progress progress;
    sweep->plan.scheduler.fail_fast = true;
    fake.failing_trial = 0;
    fake.failing_seconds = 0.03;
    assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
    assert_int_equal(progress.ended[OUTCOME_FAILED], 1);
    assert_int_equal(progress.ended[OUTCOME_FAILED] + progress.ended[OUTCOME_DONE], sum(fake.count));
    assert_in_range(fake.count, 0, 1);
}

static void a_rank_that_cannot_go_on_stops_the_sweep_in_good_order(void **state)
{
    (void)state;
    for (int64_t erring = 0; erring < 12; erring += 2) {
        struct fake_work fake = fake_work(1e-3);
        struct progress progress;
        struct error error = {0};
        char expected[64];
        fake.erring_trial = erring;
        snprintf(expected, sizeof expected, "no room for trial %d", (int)erring);
        assert_int_equal(run(make_sweep(2000), &fake, &progress, &error), STATUS_NO_SPACE);
        assert_string_equal(error.text, expected);
        assert_int_equal(progress.ended[OUTCOME_DONE], sum(fake.count));
        assert_int_equal(sum(fake.errors), 1);
        assert_in_range(sum(fake.count), 0, 1500);
    }
}

static void a_wrong_plan_is_everyones_error(void **state)
{
    (void)state;
    struct sweep *sweep = make_sweep(3);
    struct fake_work fake = fake_work(0);
    struct progress progress;
    struct error error = {0};
    sweep->cost[1] = -1;
    assert_int_equal(run(sweep, &fake, &progress, &error), STATUS_INTERNAL);
    assert_non_null(strstr(error.text, "trial 1"));
}

struct reports {
    int count;
    int64_t last;
};

static void count_report(void *context, const struct progress *progress)
{
    struct reports *reports = context;
    reports->count++;
    reports->last = progress->ended[OUTCOME_DONE];
}

static void progress_is_reported_some_times_a_second_and_at_the_end(void **state)
{
    (void)state;
    struct reports reports = {0};
    struct sweep *sweep = make_sweep(20);
    struct fake_work fake = fake_work(30e-3);
    struct progress progress;
    sweep->plan.report = count_report;
    sweep->plan.report_context = &reports;
    assert_int_equal(run(sweep, &fake, &progress, NULL), STATUS_OK);
    if (cluster_rank(cluster) == 0) {
        assert_in_range(reports.count, 2, 3 + (int)(progress.seconds / 0.2));
        assert_int_equal(reports.last, 20);
    } else {
        assert_int_equal(reports.count, 0);
    }
}

static void nothing_is_left_unreceived(void **state)
{
    (void)state;
    int there = 0;
    MPI_Status status;
    MPI_Barrier(communicator());
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator(), &there, &status);
    assert_int_equal(there, 0);
}

static int make_folder(void)
{
    void *name = NULL;
    size_t count = sizeof folder;
    if (cluster_rank(cluster) == 0) {
        snprintf(folder, sizeof folder, "%s/cluster-XXXXXX", P_tmpdir);
        if (mkdtemp(folder) == NULL)
            return 1;
        name = folder;
    }
    if (cluster_broadcast(cluster, &name, &count, NULL) != STATUS_OK)
        return 1;
    if (name != folder) {
        memcpy(folder, name, sizeof folder);
        memory_free(name);
    }
    return setenv("TMPDIR", folder, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ranks_are_well_when_each_is),
        cmocka_unit_test(one_ranks_failure_is_everyones_with_its_message),
        cmocka_unit_test(an_error_outweighs_a_stop),
        cmocka_unit_test(rank_0s_bytes_reach_all),
        cmocka_unit_test(a_broadcast_of_nothing_is_nothing),
        cmocka_unit_test(the_ranks_of_a_node_share_one_copy_of_each_data_set),
        cmocka_unit_test(without_a_temporary_folder_each_rank_loads_its_own_copy),
        cmocka_unit_test(a_data_set_that_cannot_be_loaded_is_everyones_error),
        cmocka_unit_test(every_trial_is_trained_once_whatever_the_order),
        cmocka_unit_test(tiny_trials_are_settled_together_and_all_of_them_before_the_end),
        cmocka_unit_test(what_has_ended_is_settled_while_a_long_trial_trains),
        cmocka_unit_test(trials_that_cannot_be_settled_do_not_count),
        cmocka_unit_test(every_rank_trains_rank_0_too),
        cmocka_unit_test(rank_0_that_serves_trains_nothing),
        cmocka_unit_test(one_rank_trains_the_longest_first),
        cmocka_unit_test(a_sweep_without_trials_ends_at_once),
        cmocka_unit_test(trials_of_earlier_sessions_are_counted_and_not_trained),
        cmocka_unit_test(a_failed_trial_is_a_result),
        cmocka_unit_test(fail_fast_ends_what_runs_and_starts_nothing_more),
        cmocka_unit_test(a_rank_that_cannot_go_on_stops_the_sweep_in_good_order),
        cmocka_unit_test(a_wrong_plan_is_everyones_error),
        cmocka_unit_test(progress_is_reported_some_times_a_second_and_at_the_end),
        cmocka_unit_test(nothing_is_left_unreceived),
    };
    if (cluster_create(&cluster, NULL) != STATUS_OK || make_folder() != 0)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed > 0)
        cluster_abort(cluster, 1);
    const bool root = cluster_rank(cluster) == 0;
    cluster_destroy(&cluster);
    /* Not empty if a shared file was left behind. */
    const int left = root ? rmdir(folder) : 0;
    return left != 0 || memory_balance() != 0;
}
