/* What the scheduler starts when time is short, and what it starts first. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sweep/scheduler.h"

#include <cmocka.h>

enum { TRIALS = 6 };

static struct action actions[16];

static struct scheduler *create(int workers, const double *cost, const bool *begun)
{
    struct scheduler *scheduler = NULL;
    const struct scheduler_config config = {
        .trial_count = TRIALS, .worker_count = workers, .cost = cost, .begun = begun, .order = ORDER_LPT};
    assert_int_equal(scheduler_create(&config, &scheduler, NULL), STATUS_OK);
    return scheduler;
}

static int join(struct scheduler *scheduler, int worker)
{
    return scheduler_handle(scheduler, &(struct event){.kind = EVENT_JOINED, .worker = worker}, actions);
}

static int end(struct scheduler *scheduler, int worker, int64_t trial, double seconds)
{
    const struct event event = {.kind = EVENT_ENDED, .worker = worker, .trial = trial, .seconds = seconds};
    return scheduler_handle(scheduler, &event, actions);
}

static void assert_started(int count, int worker, int64_t trial)
{
    assert_int_equal(count, 1);
    assert_int_equal(actions[0].kind, ACTION_START);
    assert_int_equal(actions[0].worker, worker);
    assert_int_equal(actions[0].trial, trial);
}

static void what_was_begun_goes_first(void **state)
{
    (void)state;
    const double cost[TRIALS] = {1, 50, 3, 40, 5, 6};
    const bool begun[TRIALS] = {true, false, true, false, false, true};
    const int64_t expected[TRIALS] = {5, 2, 0, 1, 3, 4};
    struct scheduler *scheduler = create(TRIALS, cost, begun);
    for (int i = 0; i < TRIALS; i++)
        assert_started(join(scheduler, i), i, expected[i]);
    scheduler_destroy(&scheduler);
}

static void a_trial_that_cannot_end_in_time_is_left_to_the_next_session(void **state)
{
    (void)state;
    const double cost[TRIALS] = {10, 9, 8, 3, 2, 1};
    struct scheduler *scheduler = create(1, cost, NULL);
    scheduler_set_time(scheduler, 1, 100); /* nothing has been measured: all may be in time */
    assert_started(join(scheduler, 0), 0, 0);
    scheduler_set_time(scheduler, 5, 100); /* a cost of 10 took 10 s */
    assert_started(end(scheduler, 0, 0, 10), 0, 3);
    assert_int_equal(scheduler_set_aside(scheduler), 2);
    assert_int_equal(scheduler_waiting(scheduler), 4);
    scheduler_set_time(scheduler, 1, 100); /* a cost of 1 may take 1.2 s */
    assert_int_equal(end(scheduler, 0, 3, 3), 1);
    assert_int_equal(actions[0].kind, ACTION_RELEASE);
    assert_true(scheduler_finished(scheduler));
    assert_int_equal(scheduler_ended(scheduler), 2);
    assert_int_equal(scheduler_waiting(scheduler), 4);
    assert_int_equal(scheduler_set_aside(scheduler), 4);
    scheduler_destroy(&scheduler);
}

static void a_trial_longer_than_any_session_is_started_all_the_same(void **state)
{
    (void)state;
    const double cost[TRIALS] = {200, 150, 90, 3, 2, 1};
    struct scheduler *scheduler = create(1, cost, NULL);
    scheduler_set_time(scheduler, 100, 100);
    assert_started(join(scheduler, 0), 0, 0);
    scheduler_set_time(scheduler, 50, 100);
    assert_started(end(scheduler, 0, 0, 200), 0, 1);
    assert_started(end(scheduler, 0, 1, 150), 0, 2); /* 108 s are predicted, and there were never more than 100 */
    scheduler_destroy(&scheduler);
}

static void what_was_begun_goes_on_however_little_time_is_left(void **state)
{
    (void)state;
    const double cost[TRIALS] = {10, 9, 8, 7, 6, 5};
    const bool begun[TRIALS] = {false, true, true, false, false, false};
    struct scheduler *scheduler = create(2, cost, begun);
    assert_started(join(scheduler, 0), 0, 1);
    assert_started(join(scheduler, 1), 1, 2);
    assert_started(end(scheduler, 0, 1, 1e-3), 0, 0); /* its time was another session's: nothing is measured yet */
    scheduler_set_time(scheduler, 1, 100);
    assert_int_equal(end(scheduler, 0, 0, 10), 0);
    assert_false(scheduler_finished(scheduler)); /* worker 1 may be lost, and its trial go on */
    const struct event lost = {.kind = EVENT_LOST, .worker = 1};
    assert_started(scheduler_handle(scheduler, &lost, actions), 0, 2);
    scheduler_destroy(&scheduler);
}

static void comparisons_of_what_is_left_aside_wait_too(void **state)
{
    (void)state;
    const double cost[TRIALS] = {50, 10, 10, 10, 10, 1};
    const int32_t needs[1][2] = {{0, 1}};
    struct scheduler *scheduler = NULL;
    const struct scheduler_config config = {
        .trial_count = TRIALS, .free_count = TRIALS - 1, .needs = needs, .worker_count = 1, .cost = cost};
    assert_int_equal(scheduler_create(&config, &scheduler, NULL), STATUS_OK);
    assert_started(join(scheduler, 0), 0, 0);
    scheduler_set_time(scheduler, 5, 100);
    assert_int_equal(end(scheduler, 0, 0, 50), 1);
    assert_int_equal(actions[0].kind, ACTION_RELEASE);
    assert_true(scheduler_finished(scheduler));
    assert_int_equal(scheduler_waiting(scheduler), 5);
    scheduler_destroy(&scheduler);
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_begun_goes_first),
        cmocka_unit_test(a_trial_that_cannot_end_in_time_is_left_to_the_next_session),
        cmocka_unit_test(a_trial_longer_than_any_session_is_started_all_the_same),
        cmocka_unit_test(what_was_begun_goes_on_however_little_time_is_left),
        cmocka_unit_test(comparisons_of_what_is_left_aside_wait_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
