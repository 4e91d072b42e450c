/* The time left is that of the simulated schedule at the measured speed; its interval is wide enough. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/eta.h"

#include <cmocka.h>

enum { UNITS = 64 };

/* Trials of cost 2 on 4 ranks, 3 seconds a cost. */
struct sweep {
    double cost[UNITS], left[UNITS];
    bool ended[UNITS];
    int32_t needs[UNITS][2];
    struct eta_request request;
};

static void make(struct sweep *sweep, int64_t trials)
{
    memset(sweep, 0, sizeof *sweep);
    for (int i = 0; i < UNITS; i++) {
        sweep->cost[i] = 2;
        sweep->left[i] = 1;
    }
    sweep->request = (struct eta_request){
        .scheduler = {.trial_count = trials, .worker_count = 4, .cost = sweep->cost, .ended = sweep->ended}};
}

static struct eta estimate(const struct sweep *sweep)
{
    struct eta eta = {0};
    assert_int_equal(eta_estimate(&sweep->request, &eta, NULL), STATUS_OK);
    return eta;
}

/* Messages and commits take some milliseconds. */
static void assert_about(double value, double expected)
{
    if (!(fabs(value - expected) <= 0.05))
        fail_msg("%g is not about %g", value, expected);
}

static void nothing_is_known_before_a_trial_has_ended_and_nothing_is_left_at_the_end(void **state)
{
    (void)state;
    struct sweep sweep;
    make(&sweep, 8);
    const struct eta unknown = estimate(&sweep);
    assert_true(isnan(unknown.seconds) && isnan(unknown.low) && isnan(unknown.high));
    for (int i = 0; i < 8; i++)
        sweep.ended[i] = true;
    const struct eta none = estimate(&sweep);
    assert_true(none.seconds == 0 && none.low == 0 && none.high == 0);
}

static void what_is_left_takes_whole_rounds_at_the_measured_speed(void **state)
{
    (void)state;
    struct sweep sweep;
    make(&sweep, 10);
    eta_note(&sweep.request.trials, 2, 6);
    sweep.ended[3] = true;
    assert_about(estimate(&sweep).seconds, 18); /* 9 of 6 seconds on 4 ranks */
    for (int i = 4; i < 8; i++) {
        eta_note(&sweep.request.trials, 4, 12);
        sweep.ended[i] = true;
    }
    const struct eta eta = estimate(&sweep);
    assert_about(eta.seconds, 12);
    assert_true(eta.low == eta.seconds && eta.high == eta.seconds);
    sweep.request.root_serves = true;
    sweep.ended[0] = sweep.ended[1] = true; /* 3 left, 3 ranks */
    assert_about(estimate(&sweep).seconds, 6);
}

static void of_a_trial_in_training_only_a_part_is_left(void **state)
{
    (void)state;
    struct sweep sweep;
    make(&sweep, 4);
    eta_note(&sweep.request.trials, 2, 6);
    sweep.request.left = sweep.left;
    for (int i = 0; i < 4; i++)
        sweep.left[i] = 0.25;
    assert_about(estimate(&sweep).seconds, 1.5);
}

static void pairs_come_after_their_trials_at_their_own_speed(void **state)
{
    (void)state;
    struct sweep sweep;
    make(&sweep, 12);
    sweep.request.scheduler.free_count = 4;
    sweep.request.scheduler.needs = (const int32_t(*)[2])sweep.needs;
    for (int i = 0; i < 8; i++)
        sweep.needs[i][1] = 3;
    eta_note(&sweep.request.trials, 2, 6);
    assert_about(estimate(&sweep).seconds, 6 + 12);
    eta_note(&sweep.request.pairs, 2, 1);
    assert_about(estimate(&sweep).seconds, 6 + 2);
}

static void many_units_take_their_even_share(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    void *cost = NULL, *ended = NULL;
    assert_int_equal(memory_allocate(&cost, MANY, sizeof(double), "costs", NULL), STATUS_OK);
    assert_int_equal(memory_allocate(&ended, MANY, sizeof(bool), "ended", NULL), STATUS_OK);
    for (int i = 0; i < MANY; i++)
        ((double *)cost)[i] = 1;
    struct eta_request request = {.scheduler = {.trial_count = MANY, .worker_count = 4, .cost = cost, .ended = ended}};
    struct eta eta;
    eta_note(&request.trials, 1, 2);
    assert_int_equal(eta_estimate(&request, &eta, NULL), STATUS_OK);
    assert_true(fabs(eta.seconds - 100000) < 1e-6);
    memory_free(cost);
    memory_free(ended);
}

/* 40 trials on 4 ranks whose times vary by a third; 15 have ended. */
static void the_interval_holds_what_the_rest_takes_nine_times_in_ten(void **state)
{
    (void)state;
    enum { REPEATS = 400, TRIALS = 40, ENDED = 15 };
    struct random random = random_start(STREAM_METRIC, 3, 0);
    int inside = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        struct sweep sweep;
        double rest = 0;
        make(&sweep, TRIALS);
        for (int i = 0; i < TRIALS; i++) {
            const double seconds = 100 * (1 + 0.33 * random_normal(&random));
            sweep.ended[i] = i < ENDED;
            if (i < ENDED)
                eta_note(&sweep.request.trials, 2, seconds);
            else
                rest += seconds;
        }
        const struct eta eta = estimate(&sweep);
        const double idle = eta.seconds - 100.0 * (TRIALS - ENDED) / 4; /* of the last round */
        inside += rest / 4 >= eta.low - idle && rest / 4 <= eta.high;
        assert_true(eta.high < 1.5 * eta.seconds);
    }
    assert_in_range(inside, (int)(0.9 * REPEATS), REPEATS);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_a_trial_has_ended_and_nothing_is_left_at_the_end),
        cmocka_unit_test(what_is_left_takes_whole_rounds_at_the_measured_speed),
        cmocka_unit_test(of_a_trial_in_training_only_a_part_is_left),
        cmocka_unit_test(pairs_come_after_their_trials_at_their_own_speed),
        cmocka_unit_test(many_units_take_their_even_share),
        cmocka_unit_test(the_interval_holds_what_the_rest_takes_nine_times_in_ten),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
