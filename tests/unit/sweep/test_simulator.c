/* Where messages and commits are free, makespans are known in closed form; where they are not, their costs add up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/simulator.h"

#include <cmocka.h>

enum { TRIALS_MAX = 20000 };
static double seconds[TRIALS_MAX];

static struct simulation free_of_costs(int64_t trials, int ranks, enum schedule_order order)
{
    return (struct simulation){
        .scheduler = {.trial_count = trials, .worker_count = ranks, .order = order, .cost = seconds},
        .seconds = seconds};
}

static struct simulated run(const struct simulation *simulation)
{
    struct simulated out = {0};
    assert_int_equal(simulate(simulation, &out, NULL), STATUS_OK);
    return out;
}

static double makespan(const struct simulation *simulation)
{
    return run(simulation).makespan;
}

static void set_equal(int64_t trials, double each)
{
    for (int64_t i = 0; i < trials; i++)
        seconds[i] = each;
}

static void assert_near(double value, double expected, double within)
{
    if (!(fabs(value - expected) <= within))
        fail_msg("%.12g is not %.12g within %g", value, expected, within);
}

static void equal_trials_take_whole_rounds(void **state)
{
    (void)state;
    const struct {
        int64_t trials;
        int ranks;
        double each;
    } cases[] = {{1, 1, 3}, {100, 7, 2}, {64, 64, 10}, {65, 64, 10}, {1000, 16, 0.01}, {20000, 16, 0.001}, {3, 100, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int order = ORDER_LPT; order <= ORDER_RANDOM; order++) {
            set_equal(cases[i].trials, cases[i].each);
            const struct simulation s = free_of_costs(cases[i].trials, cases[i].ranks, (enum schedule_order)order);
            const struct simulated r = run(&s);
            const double rounds = ceil((double)cases[i].trials / cases[i].ranks);
            assert_near(r.makespan, rounds * cases[i].each, 1e-9 * rounds);
            assert_near(r.work, (double)cases[i].trials * cases[i].each, 1e-6);
            assert_near(r.bound, fmax(r.work / cases[i].ranks, cases[i].each), 1e-9);
            assert_near(r.efficiency, r.bound / r.makespan, 1e-12);
            assert_near(r.busy, r.work / (cases[i].ranks * r.makespan), 1e-12);
            assert_near(r.tail, r.makespan - r.work / cases[i].ranks, 1e-6);
        }
}

static void a_trial_longer_than_the_rest_is_the_makespan(void **state)
{
    (void)state;
    set_equal(200, 1);
    seconds[150] = 70;
    const struct simulation lpt = free_of_costs(200, 4, ORDER_LPT), fifo = free_of_costs(200, 4, ORDER_FIFO);
    assert_near(makespan(&lpt), 70, 1e-9);
    assert_near(run(&lpt).bound, 70, 1e-9);
    assert_near(makespan(&fifo), 107, 2); /* begins after 150 trials on 4 ranks */
    assert_true(run(&fifo).tail > 30);
}

/* Graham 1969: the families where longest-first is at its worst. */
static void the_worst_cases_of_longest_first_come_out(void **state)
{
    (void)state;
    const double two[] = {3, 3, 2, 2, 2}, three[] = {5, 5, 4, 4, 3, 3, 3};
    for (int i = 0; i < 5; i++)
        seconds[i] = two[i];
    const struct simulation on_two = free_of_costs(5, 2, ORDER_LPT);
    assert_near(makespan(&on_two), 7, 1e-9);
    for (int i = 0; i < 7; i++)
        seconds[i] = three[i];
    const struct simulation on_three = free_of_costs(7, 3, ORDER_LPT);
    assert_near(makespan(&on_three), 11, 1e-9);
}

/* List scheduling, done plainly: each trial goes to the worker that is free first. */
static double list_makespan(int64_t trials, int ranks)
{
    double free_at[32] = {0}, last = 0;
    for (int64_t i = 0; i < trials; i++) {
        int first = 0;
        for (int w = 1; w < ranks; w++)
            first = free_at[w] < free_at[first] ? w : first;
        free_at[first] += seconds[i];
        last = fmax(last, free_at[first]);
    }
    return last;
}

/* Trials that are given one by one: never do three rounds wait. */
static void without_holding_ahead_it_is_list_scheduling(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_METRIC, 5, 0);
    for (int repeat = 0; repeat < 200; repeat++) {
        const int ranks = 2 + (int)random_below(&random, 30);
        const int64_t trials = 1 + random_below(&random, (uint32_t)(2 * ranks - 1));
        for (int64_t i = 0; i < trials; i++)
            seconds[i] = 1 + 0.45 * random_uniform(&random);
        const struct simulation s = free_of_costs(trials, ranks, ORDER_FIFO);
        assert_near(makespan(&s), list_makespan(trials, ranks), 1e-9);
    }
}

static void holding_ahead_and_chunks_cost_next_to_nothing(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_METRIC, 6, 0);
    for (int repeat = 0; repeat < 60; repeat++) {
        const double scale = repeat % 2 ? 1e-3 : 10;
        for (int64_t i = 0; i < 5000; i++)
            seconds[i] = scale * exp(random_normal(&random));
        const struct simulation s = free_of_costs(5000, 1 + repeat % 16, ORDER_LPT);
        assert_true(run(&s).efficiency > 0.999);
    }
}

static void a_pair_waits_for_its_two_trials(void **state)
{
    (void)state;
    const int32_t needs[][2] = {{0, 1}, {1, 2}};
    const double each[] = {4, 2, 1, 3, 5};
    for (int i = 0; i < 5; i++)
        seconds[i] = each[i];
    struct simulation s = free_of_costs(5, 3, ORDER_LPT);
    s.scheduler.free_count = 3;
    s.scheduler.needs = needs;
    assert_near(makespan(&s), 7, 1e-9); /* 1 and 2 end at 2, their pair at 7; 0 ends at 4, its pair at 7 */
    seconds[3] = 10;
    assert_near(makespan(&s), 14, 1e-9);
}

static void what_has_ended_does_not_run(void **state)
{
    (void)state;
    bool ended[10] = {true, true, true, true};
    set_equal(10, 1);
    struct simulation s = free_of_costs(10, 2, ORDER_LPT);
    s.scheduler.ended = ended;
    assert_near(makespan(&s), 3, 1e-9);
    assert_near(run(&s).work, 6, 1e-9);
    for (int i = 0; i < 10; i++)
        ended[i] = true;
    assert_near(makespan(&s), 0, 0);
    assert_near(run(&s).efficiency, 1, 0);
}

static void rank_0_serving_trains_nothing(void **state)
{
    (void)state;
    set_equal(30, 2);
    struct simulation s = free_of_costs(30, 4, ORDER_LPT);
    s.root_serves = true;
    const struct simulated r = run(&s);
    assert_near(r.makespan, 20, 1e-9);
    assert_near(r.bound, 20, 1e-9);
    assert_near(r.busy, 0.75, 1e-9);
    assert_near(r.tail, 0, 1e-9);
}

static void a_rank_0_that_handles_too_much_sets_the_pace(void **state)
{
    (void)state;
    set_equal(20000, 1e-3);
    struct simulation s = free_of_costs(20000, 101, ORDER_LPT);
    s.root_serves = true;
    s.costs.handle = 100e-6; /* 10,000 a second; 100 ranks could train 100,000 */
    const struct simulated r = run(&s);
    assert_int_equal(r.messages, 20000 + 100);
    assert_near(r.makespan, 20100 * 100e-6, 0.1);
    assert_true(r.root_load > 0.95 && r.root_load <= 1 + 1e-9);
    assert_true(r.efficiency < 0.11);
}

static void what_rank_0_handles_its_own_trials_wait_for(void **state)
{
    (void)state;
    seconds[0] = 100;
    for (int i = 1; i < 101; i++)
        seconds[i] = 1;
    struct simulation s = free_of_costs(101, 2, ORDER_LPT);
    const double alone = makespan(&s);
    s.costs.handle = 0.01;
    assert_near(alone, 100, 1e-9);
    assert_near(makespan(&s), 100 + 101 * 0.01, 0.05); /* that the other is there, and 100 ends */
}

static void a_long_trial_waits_for_one_message_and_one_commit(void **state)
{
    (void)state;
    seconds[0] = 10;
    struct simulation s = free_of_costs(1, 2, ORDER_LPT);
    s.root_serves = true;
    s.costs = (struct simulator_costs){.latency = 1, .handle = 0.5, .write = 0.25, .sync = 0.125};
    /* joined: 1, handled: 1.5, given: 2.5, trained and written: 12.75, on disk: 12.875, told: 13.875, handled: 14.375
     */
    assert_near(makespan(&s), 14.375, 1e-9);
}

static void a_spread_keeps_the_mean_and_is_the_same_every_time(void **state)
{
    (void)state;
    set_equal(20000, 60);
    struct simulation s = free_of_costs(20000, 10, ORDER_LPT);
    s.spread = 0.5;
    const struct simulated r = run(&s), again = run(&s);
    assert_near(r.work / (20000 * 60.0), 1, 0.015); /* 4 standard errors: 4 * 0.53 / sqrt(20000) */
    assert_true(r.work != 20000 * 60.0);
    assert_true(r.makespan == again.makespan && r.work == again.work);
    assert_true(r.efficiency > 0.99);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_trials_take_whole_rounds),
        cmocka_unit_test(a_trial_longer_than_the_rest_is_the_makespan),
        cmocka_unit_test(the_worst_cases_of_longest_first_come_out),
        cmocka_unit_test(without_holding_ahead_it_is_list_scheduling),
        cmocka_unit_test(holding_ahead_and_chunks_cost_next_to_nothing),
        cmocka_unit_test(a_pair_waits_for_its_two_trials),
        cmocka_unit_test(what_has_ended_does_not_run),
        cmocka_unit_test(rank_0_serving_trains_nothing),
        cmocka_unit_test(a_rank_0_that_handles_too_much_sets_the_pace),
        cmocka_unit_test(what_rank_0_handles_its_own_trials_wait_for),
        cmocka_unit_test(a_long_trial_waits_for_one_message_and_one_commit),
        cmocka_unit_test(a_spread_keeps_the_mean_and_is_the_same_every_time),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
