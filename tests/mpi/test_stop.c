/* A signal to one rank stops all in good order. With an even number of ranks the last gets SIGUSR1, else rank 0
 * SIGTERM. The wish to stop does not go away: that rank leaves later runs before its first trial. */
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "fake_work.h"

#include <cmocka.h>

enum { TRIALS = 400 };

static struct cluster *cluster;

static bool last_is_target(void)
{
    return cluster_size(cluster) % 2 == 0;
}

static bool is_target(void)
{
    return cluster_rank(cluster) == (last_is_target() ? cluster_size(cluster) - 1 : 0);
}

/* Runs until the signal, and checks that every rank stopped soon. Returns the trials trained, by all. */
static int run_until_stopped(struct fake_work *fake)
{
    double cost[TRIALS];
    for (int i = 0; i < TRIALS; i++)
        cost[i] = 1;
    const struct cluster_plan plan = {.scheduler = {.trial_count = TRIALS, .cost = cost}};
    struct progress progress = {0};
    struct error error = {0};
    const struct work work = {.context = fake, .run = fake_run};
    const double start = clock_monotonic();
    assert_int_equal(cluster_run(cluster, &plan, &work, &progress, &error), STATUS_STOPPED);
    assert_non_null(strstr(error.text, "stopped before the end"));
    assert_true(clock_monotonic() - start < 4);
    int trained = 0;
    MPI_Allreduce(&fake->count, &trained, 1, MPI_INT, MPI_SUM, *(const MPI_Comm *)cluster_communicator(cluster));
    assert_int_equal(progress.ended[OUTCOME_DONE], trained);
    return trained;
}

static void a_signal_to_one_rank_stops_all_in_good_order(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(0.02);
    fake.signal = last_is_target() ? SIGUSR1 : SIGTERM;
    fake.signalling_run = is_target() ? 2 : NONE;
    assert_in_range(run_until_stopped(&fake), 0, TRIALS / 2);
    assert_int_equal(cluster_stop_requested(), is_target());
}

static void a_rank_that_trains_nothing_passes_the_signal_on_too(void **state)
{
    (void)state;
    struct fake_work fake = fake_work(0.02);
    assert_in_range(run_until_stopped(&fake), 0, TRIALS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_to_one_rank_stops_all_in_good_order),
        cmocka_unit_test(a_rank_that_trains_nothing_passes_the_signal_on_too),
    };
    if (cluster_create(&cluster, NULL) != STATUS_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed > 0)
        cluster_abort(cluster, 1);
    cluster_destroy(&cluster);
    return memory_balance() != 0;
}
