/* The scheduler is driven by hand, and by a simulation of workers with clocks. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/scheduler.h"

#include <cmocka.h>

static struct scheduler *create(const struct scheduler_config *config)
{
    struct scheduler *scheduler = NULL;
    struct error error = {0};
    assert_int_equal(scheduler_create(config, &scheduler, &error), STATUS_OK);
    return scheduler;
}

static int feed(struct scheduler *scheduler, enum event_kind kind, int worker, int64_t trial, struct action *actions)
{
    const struct event event = {.kind = kind, .worker = worker, .trial = trial};
    return scheduler_handle(scheduler, &event, actions);
}

static int feed_ended(struct scheduler *scheduler, int worker, int64_t trial, double seconds, struct action *actions)
{
    const struct event event = {.kind = EVENT_ENDED, .worker = worker, .trial = trial, .seconds = seconds};
    return scheduler_handle(scheduler, &event, actions);
}

static int feed_bad(struct scheduler *scheduler, int worker, int64_t trial, struct action *actions)
{
    const struct event event = {.kind = EVENT_ENDED, .worker = worker, .trial = trial, .bad = true};
    return scheduler_handle(scheduler, &event, actions);
}

static void check_action(struct action action, enum action_kind kind, int worker, int64_t trial)
{
    assert_int_equal(action.kind, kind);
    assert_int_equal(action.worker, worker);
    assert_int_equal(action.trial, trial);
}

/* The order in which one worker trains everything. */
static void trace_one_worker(const struct scheduler_config *config, int64_t *trace)
{
    struct scheduler *scheduler = create(config);
    struct action actions[8];
    int64_t started = 0, trained = 0;
    int count = feed(scheduler, EVENT_JOINED, 0, 0, actions);
    for (;;) {
        for (int i = 0; i < count && actions[i].kind == ACTION_START; i++)
            trace[started++] = actions[i].trial;
        if (trained == started)
            break;
        count = feed(scheduler, EVENT_ENDED, 0, trace[trained++], actions);
    }
    assert_true(scheduler_finished(scheduler));
    assert_int_equal(started, config->trial_count);
    scheduler_destroy(&scheduler);
}

enum { SIM_WORKERS_MAX = 64 };

/* What a worker has been given, oldest first. */
struct hand {
    int64_t held[SCHEDULER_HELD_MAX];
    int first, count;
};

/* A simulated run: each worker needs cost[trial] seconds for a trial, and nothing else takes time. */
struct simulation {
    double makespan;
    double ready[SIM_WORKERS_MAX];   /* when the trial in hand ends */
    int64_t trials[SIM_WORKERS_MAX]; /* trained */
    struct hand hands[SIM_WORKERS_MAX];
    int most_held;
};

static void apply(struct simulation *sim, const struct action *actions, int count, double now, const double *cost)
{
    for (int i = 0; i < count; i++) {
        const int w = actions[i].worker;
        struct hand *hand = &sim->hands[w];
        if (actions[i].kind == ACTION_RELEASE)
            continue;
        if (hand->count == 0)
            sim->ready[w] = now + cost[actions[i].trial];
        assert_in_range(hand->count, 0, SCHEDULER_HELD_MAX - 1);
        hand->held[(hand->first + hand->count++) % SCHEDULER_HELD_MAX] = actions[i].trial;
        sim->most_held = hand->count > sim->most_held ? hand->count : sim->most_held;
    }
}

static int first_ready(const struct simulation *sim, int workers)
{
    int first = -1;
    for (int w = 0; w < workers; w++)
        if (sim->hands[w].count > 0 && (first < 0 || sim->ready[w] < sim->ready[first]))
            first = w;
    return first;
}

static void simulate(const struct scheduler_config *config, struct simulation *sim)
{
    struct scheduler *scheduler = create(config);
    struct action *actions = calloc((size_t)scheduler_actions_max(scheduler), sizeof *actions);
    *sim = (struct simulation){0};
    for (int w = 0; w < config->worker_count; w++)
        apply(sim, actions, feed(scheduler, EVENT_JOINED, w, 0, actions), 0, config->cost);
    for (int w = first_ready(sim, config->worker_count); w >= 0; w = first_ready(sim, config->worker_count)) {
        struct hand *hand = &sim->hands[w];
        const double now = sim->ready[w];
        const int64_t ended = hand->held[hand->first];
        sim->makespan = fmax(sim->makespan, now);
        sim->trials[w]++;
        hand->first = (hand->first + 1) % SCHEDULER_HELD_MAX;
        if (--hand->count > 0)
            sim->ready[w] = now + config->cost[hand->held[hand->first]];
        apply(sim, actions, feed_ended(scheduler, w, ended, config->cost[ended], actions), now, config->cost);
    }
    assert_true(scheduler_finished(scheduler));
    assert_int_equal(scheduler_ended(scheduler), config->trial_count);
    free(actions);
    scheduler_destroy(&scheduler);
}

static double simulated_makespan(const struct scheduler_config *config, int64_t *trials)
{
    static struct simulation sim;
    simulate(config, &sim);
    if (trials != NULL)
        memcpy(trials, sim.trials, (size_t)config->worker_count * sizeof *trials);
    return sim.makespan;
}

static void the_longest_trial_goes_first_and_equal_ones_in_their_order(void **state)
{
    (void)state;
    const double cost[] = {1, 5, 3, 5, 9};
    const struct scheduler_config config = {.trial_count = 5, .worker_count = 1, .order = ORDER_LPT, .cost = cost};
    const int64_t expected[] = {4, 1, 3, 2, 0};
    int64_t trace[5];
    trace_one_worker(&config, trace);
    assert_memory_equal(trace, expected, sizeof expected);
}

static void fifo_goes_in_the_order_of_the_grid(void **state)
{
    (void)state;
    const double cost[] = {1, 5, 3, 5, 9};
    const struct scheduler_config config = {.trial_count = 5, .worker_count = 1, .order = ORDER_FIFO, .cost = cost};
    const int64_t expected[] = {0, 1, 2, 3, 4};
    int64_t trace[5];
    trace_one_worker(&config, trace);
    assert_memory_equal(trace, expected, sizeof expected);
}

static void random_order_is_a_permutation_that_is_the_same_every_time(void **state)
{
    (void)state;
    enum { N = 200 };
    double cost[N];
    int64_t trace[N], again[N];
    bool seen[N] = {false};
    int in_place = 0;
    for (int i = 0; i < N; i++)
        cost[i] = 1;
    const struct scheduler_config config = {.trial_count = N, .worker_count = 1, .order = ORDER_RANDOM, .cost = cost};
    trace_one_worker(&config, trace);
    trace_one_worker(&config, again);
    assert_memory_equal(trace, again, sizeof trace);
    for (int i = 0; i < N; i++) {
        assert_false(seen[trace[i]]);
        seen[trace[i]] = true;
        in_place += trace[i] == i;
    }
    assert_in_range(in_place, 0, 10);
}

static void trials_that_have_ended_are_not_started(void **state)
{
    (void)state;
    const double cost[] = {1, 2, 3};
    const bool ended[] = {false, true, true};
    struct action actions[8];
    struct scheduler *scheduler = create(&(struct scheduler_config){
        .trial_count = 3, .worker_count = 1, .order = ORDER_LPT, .cost = cost, .ended = ended});
    assert_int_equal(scheduler_ended(scheduler), 2);
    assert_int_equal(feed(scheduler, EVENT_JOINED, 0, 0, actions), 1);
    check_action(actions[0], ACTION_START, 0, 0);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 1);
    check_action(actions[0], ACTION_RELEASE, 0, -1);
    assert_int_equal(scheduler_ended(scheduler), 3);
    scheduler_destroy(&scheduler);
}

static void a_sweep_with_nothing_to_do_releases_whoever_joins(void **state)
{
    (void)state;
    const double cost[] = {1};
    const bool ended[] = {true};
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = 1, .worker_count = 2, .cost = cost, .ended = ended});
    assert_true(scheduler_finished(scheduler));
    for (int w = 0; w < 2; w++) {
        assert_int_equal(feed(scheduler, EVENT_JOINED, w, 0, actions), 1);
        check_action(actions[0], ACTION_RELEASE, w, -1);
    }
    scheduler_destroy(&scheduler);
}

static void a_worker_holds_one_ahead_while_many_wait_and_none_near_the_end(void **state)
{
    (void)state;
    enum { N = 40, WORKERS = 2 };
    double cost[N];
    for (int i = 0; i < N; i++)
        cost[i] = 1;
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = N, .worker_count = WORKERS, .cost = cost});
    assert_int_equal(feed(scheduler, EVENT_JOINED, 0, 0, actions), 2);
    assert_int_equal(feed(scheduler, EVENT_JOINED, 1, 0, actions), 2);
    for (int64_t next = 0; scheduler_waiting(scheduler) > 0; next++) {
        const int worker = next % 4 == 0 || next % 4 == 1 ? 0 : 1;
        const int64_t waiting = scheduler_waiting(scheduler);
        if (waiting < WORKERS)
            break;
        feed(scheduler, EVENT_ENDED, worker, next, actions);
        const int64_t held = N - scheduler_waiting(scheduler) - scheduler_ended(scheduler);
        assert_in_range(held, WORKERS, 2 * WORKERS);
        if (waiting < 3 * WORKERS - 1)
            assert_in_range(held, 0, 2 * WORKERS - 1);
        if (held < 2 * WORKERS)
            break;
    }
    assert_in_range(scheduler_waiting(scheduler), 1, 3 * WORKERS);
    scheduler_destroy(&scheduler);
}

static void a_long_trial_is_not_held_behind_another_long_one(void **state)
{
    (void)state;
    const double cost[] = {100, 100, 100, 100, 1, 1, 1, 1};
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = 8, .worker_count = 2, .order = ORDER_LPT, .cost = cost});
    assert_int_equal(feed(scheduler, EVENT_JOINED, 0, 0, actions), 1);
    assert_int_equal(feed(scheduler, EVENT_JOINED, 1, 0, actions), 1);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 1);
    check_action(actions[0], ACTION_START, 0, 2);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 1, 1, actions), 1);
    check_action(actions[0], ACTION_START, 1, 3);
    scheduler_destroy(&scheduler);
}

static void tiny_trials_are_held_in_chunks_that_shrink_towards_the_end(void **state)
{
    (void)state;
    enum { N = 40000, WORKERS = 4 };
    static double cost[N];
    static struct simulation sim;
    for (int i = 0; i < N; i++)
        cost[i] = 0.01;
    struct scheduler_config config = {
        .trial_count = N, .worker_count = WORKERS, .order = ORDER_LPT, .cost = cost, .chunk_seconds = 1};
    simulate(&config, &sim);
    assert_in_range(sim.most_held, 99, 101);
    assert_true(fabs(sim.makespan - 100) < 1e-6);
    config.chunk_seconds = 1e9;
    simulate(&config, &sim);
    assert_int_equal(sim.most_held, SCHEDULER_HELD_MAX);
    assert_true(fabs(sim.makespan - 100) < 1e-6);
    config.chunk_seconds = 0;
    simulate(&config, &sim);
    assert_int_equal(sim.most_held, 2);
}

static void a_chunk_is_begun_only_once_times_were_measured(void **state)
{
    (void)state;
    enum { N = 10000 };
    double cost[N];
    for (int i = 0; i < N; i++)
        cost[i] = 1;
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = N, .worker_count = 2, .cost = cost, .chunk_seconds = 1});
    assert_int_equal(feed(scheduler, EVENT_JOINED, 0, 0, actions), 2);
    assert_int_equal(feed_ended(scheduler, 0, 0, 2, actions), 1);    /* long: one for one */
    assert_int_equal(feed_ended(scheduler, 0, 1, 0.02, actions), 1); /* still long in the mean */
    for (int64_t trial = 2; trial < 400; trial++)
        feed_ended(scheduler, 0, trial, 1e-3, actions);
    assert_int_equal(feed_ended(scheduler, 0, 400, 1e-3, actions), 2);
    scheduler_destroy(&scheduler);
}

static void a_lost_chunk_goes_to_others_in_its_order(void **state)
{
    (void)state;
    enum { N = 3000 };
    double cost[N];
    for (int i = 0; i < N; i++)
        cost[i] = 1;
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = N, .worker_count = 2, .cost = cost, .chunk_seconds = 1});
    feed(scheduler, EVENT_JOINED, 0, 0, actions);
    for (int64_t trial = 0; trial < 50; trial++)
        assert_int_equal(feed_ended(scheduler, 0, trial, 1e-6, actions), 2);
    const int64_t waiting = scheduler_waiting(scheduler);
    assert_int_equal(waiting, N - 2 - 100);
    feed(scheduler, EVENT_LOST, 0, 0, actions);
    assert_int_equal(scheduler_waiting(scheduler), N - 50);
    feed(scheduler, EVENT_JOINED, 1, 0, actions);
    check_action(actions[0], ACTION_START, 1, 50);
    check_action(actions[1], ACTION_START, 1, 51);
    scheduler_destroy(&scheduler);
}

static void thirty_two_equal_trials_split_evenly_between_two_workers(void **state)
{
    (void)state;
    enum { N = 32 };
    double cost[N];
    int64_t trained[2] = {0};
    for (int i = 0; i < N; i++)
        cost[i] = 7;
    const double makespan =
        simulated_makespan(&(struct scheduler_config){.trial_count = N, .worker_count = 2, .cost = cost}, trained);
    assert_int_equal(trained[0], N / 2);
    assert_int_equal(trained[1], N / 2);
    assert_true(makespan == 7.0 * N / 2);
}

/* Least makespan by trying every assignment. */
static void search(const double *cost, int n, int workers, double *load, double *best)
{
    double longest = 0;
    for (int w = 0; w < workers; w++)
        longest = fmax(longest, load[w]);
    if (longest >= *best)
        return;
    if (n == 0) {
        *best = longest;
        return;
    }
    for (int w = 0; w < workers; w++) {
        load[w] += cost[n - 1];
        search(cost, n - 1, workers, load, best);
        load[w] -= cost[n - 1];
        if (load[w] == 0)
            break;
    }
}

static void the_makespan_of_lpt_is_at_most_four_thirds_of_the_optimum(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_METRIC, 1, 0);
    for (int repeat = 0; repeat < 600; repeat++) {
        double cost[12], load[4] = {0}, best = DBL_MAX;
        const int n = 1 + (int)random_below(&random, 12), workers = 2 + (int)random_below(&random, 3);
        for (int i = 0; i < n; i++)
            cost[i] = repeat % 2 ? 1 + random_below(&random, 9) : exp(2 * random_normal(&random));
        search(cost, n, workers, load, &best);
        const struct scheduler_config config = {.trial_count = n,
                                                .worker_count = workers,
                                                .order = ORDER_LPT,
                                                .cost = cost,
                                                .chunk_seconds = repeat % 3 * 5};
        assert_true(simulated_makespan(&config, NULL) <= (4.0 / 3) * best * (1 + 1e-12));
    }
}

/* Families where binding a trial to a busy worker hurts: `long_ones` of cost 100 and many of cost 1. The optimum is at
 * least the mean load, and at least what the worker with most long trials needs. */
static void many_short_trials_behind_few_long_ones_keep_the_bound(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double cost[N];
    for (int workers = 1; workers <= 40; workers += 3)
        for (int long_ones = 0; long_ones <= 4 * workers; long_ones++)
            for (int rest = 0; rest <= 2000; rest = 3 * rest + 7) {
                for (int i = 0; i < long_ones + rest; i++)
                    cost[i] = i < long_ones ? 100 : 1;
                const double mean = ceil((100.0 * long_ones + rest) / workers);
                const double optimum = fmax(mean, 100.0 * ((long_ones + workers - 1) / workers));
                const struct scheduler_config config = {.trial_count = long_ones + rest,
                                                        .worker_count = workers,
                                                        .order = ORDER_LPT,
                                                        .cost = cost,
                                                        .chunk_seconds = long_ones % 2 * 50};
                assert_true(simulated_makespan(&config, NULL) <= (4.0 / 3) * optimum * (1 + 1e-12));
            }
}

static void a_lost_workers_trials_go_to_workers_that_fell_idle(void **state)
{
    (void)state;
    const double cost[] = {3, 2};
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = 2, .worker_count = 2, .order = ORDER_LPT, .cost = cost});
    feed(scheduler, EVENT_JOINED, 0, 0, actions);
    feed(scheduler, EVENT_JOINED, 1, 0, actions);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 1, 1, actions), 0);
    assert_int_equal(feed(scheduler, EVENT_LOST, 0, 0, actions), 1);
    check_action(actions[0], ACTION_START, 1, 0);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 0);
    assert_int_equal(scheduler_ended(scheduler), 1);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 1, 0, actions), 1);
    check_action(actions[0], ACTION_RELEASE, 1, -1);
    scheduler_destroy(&scheduler);
}

static void a_stop_releases_workers_as_they_fall_idle(void **state)
{
    (void)state;
    enum { N = 40 };
    double cost[N];
    for (int i = 0; i < N; i++)
        cost[i] = 1;
    struct action actions[8];
    struct scheduler *scheduler = create(&(struct scheduler_config){.trial_count = N, .worker_count = 2, .cost = cost});
    feed(scheduler, EVENT_JOINED, 0, 0, actions);
    assert_int_equal(feed(scheduler, EVENT_STOP, 0, 0, actions), 0);
    assert_int_equal(feed(scheduler, EVENT_JOINED, 1, 0, actions), 1);
    check_action(actions[0], ACTION_RELEASE, 1, -1);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 0);
    assert_false(scheduler_finished(scheduler));
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 1, actions), 1);
    check_action(actions[0], ACTION_RELEASE, 0, -1);
    assert_true(scheduler_finished(scheduler));
    assert_false(scheduler_gave_up(scheduler));
    assert_int_equal(scheduler_waiting(scheduler), N - 2);
    scheduler_destroy(&scheduler);
}

static void a_trial_dropped_after_a_stop_waits_again(void **state)
{
    (void)state;
    const double cost[] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct action actions[8];
    struct scheduler *scheduler = create(&(struct scheduler_config){.trial_count = 8, .worker_count = 1, .cost = cost});
    assert_int_equal(feed(scheduler, EVENT_JOINED, 0, 0, actions), 2);
    feed(scheduler, EVENT_STOP, 0, 0, actions);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 0);
    assert_int_equal(feed(scheduler, EVENT_LOST, 0, 0, actions), 0);
    assert_true(scheduler_finished(scheduler));
    assert_int_equal(scheduler_waiting(scheduler), 7);
    assert_int_equal(scheduler_ended(scheduler), 1);
    scheduler_destroy(&scheduler);
}

static void the_sweep_is_given_up_at_the_last_allowed_failure(void **state)
{
    (void)state;
    const double cost[] = {1, 1, 1, 1, 1};
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = 5, .worker_count = 1, .cost = cost, .max_failures = 2});
    int64_t trial = 0;
    feed(scheduler, EVENT_JOINED, 0, 0, actions);
    feed_bad(scheduler, 0, trial++, actions);
    assert_false(scheduler_gave_up(scheduler));
    feed(scheduler, EVENT_ENDED, 0, trial++, actions);
    assert_false(scheduler_gave_up(scheduler));
    while (!scheduler_gave_up(scheduler))
        feed_bad(scheduler, 0, trial++, actions);
    assert_int_equal(trial, 3);
    scheduler_destroy(&scheduler);
}

static void fail_fast_gives_up_at_the_first_failure_and_releases_the_idle(void **state)
{
    (void)state;
    const double cost[] = {1, 1};
    struct action actions[8];
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = 2, .worker_count = 3, .cost = cost, .fail_fast = true});
    for (int w = 0; w < 3; w++)
        feed(scheduler, EVENT_JOINED, w, 0, actions);
    assert_int_equal(feed_bad(scheduler, 1, 1, actions), 2);
    assert_true(scheduler_gave_up(scheduler));
    assert_int_equal(actions[0].kind, ACTION_RELEASE);
    assert_int_equal(actions[1].kind, ACTION_RELEASE);
    assert_int_equal(actions[0].worker + actions[1].worker, 3);
    assert_int_equal(feed(scheduler, EVENT_ENDED, 0, 0, actions), 1);
    check_action(actions[0], ACTION_RELEASE, 0, -1);
    scheduler_destroy(&scheduler);
}

static void a_cost_that_is_no_number_is_refused(void **state)
{
    (void)state;
    const double cost[] = {1, NAN};
    struct scheduler *scheduler = NULL;
    struct error error;
    const struct scheduler_config config = {.trial_count = 2, .worker_count = 1, .cost = cost};
    assert_int_equal(scheduler_create(&config, &scheduler, &error), STATUS_INTERNAL);
    assert_non_null(strstr(error.text, "trial 1"));
    assert_null(scheduler);
}

static void a_million_trials_on_a_hundred_thousand_workers_take_seconds_at_most(void **state)
{
    (void)state;
    enum { N = 1000000, WORKERS = 100000 };
    double *cost = calloc(N, sizeof *cost);
    struct action *actions = calloc(3 * WORKERS, sizeof *actions);
    int64_t(*held)[2] = calloc(WORKERS, sizeof *held);
    int *count = calloc(WORKERS, sizeof *count);
    assert_true(cost && actions && held && count);
    for (int i = 0; i < N; i++)
        cost[i] = 1 + (i % 1000 * 919) % 1000;
    const double start = clock_monotonic();
    struct scheduler *scheduler =
        create(&(struct scheduler_config){.trial_count = N, .worker_count = WORKERS, .cost = cost});
    int64_t released = 0;
    for (int64_t step = 0; released < WORKERS; step++) {
        const int w = (int)(step % WORKERS);
        if (step >= WORKERS && count[w] == 0)
            continue;
        const int64_t trial = held[w][0];
        if (step >= WORKERS) {
            held[w][0] = held[w][1];
            count[w]--;
        }
        const int n = feed(scheduler, step < WORKERS ? EVENT_JOINED : EVENT_ENDED, w, trial, actions);
        for (int i = 0; i < n; i++) {
            const int to = actions[i].worker;
            if (actions[i].kind == ACTION_START)
                held[to][count[to]++] = actions[i].trial;
            else
                released++;
        }
    }
    assert_int_equal(scheduler_ended(scheduler), N);
    assert_true(clock_monotonic() - start < 20);
    scheduler_destroy(&scheduler);
    free(cost);
    free(actions);
    free(held);
    free(count);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    struct scheduler *none = NULL;
    scheduler_destroy(&none);
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_trial_goes_first_and_equal_ones_in_their_order),
        cmocka_unit_test(fifo_goes_in_the_order_of_the_grid),
        cmocka_unit_test(random_order_is_a_permutation_that_is_the_same_every_time),
        cmocka_unit_test(trials_that_have_ended_are_not_started),
        cmocka_unit_test(a_sweep_with_nothing_to_do_releases_whoever_joins),
        cmocka_unit_test(a_worker_holds_one_ahead_while_many_wait_and_none_near_the_end),
        cmocka_unit_test(a_long_trial_is_not_held_behind_another_long_one),
        cmocka_unit_test(tiny_trials_are_held_in_chunks_that_shrink_towards_the_end),
        cmocka_unit_test(a_chunk_is_begun_only_once_times_were_measured),
        cmocka_unit_test(a_lost_chunk_goes_to_others_in_its_order),
        cmocka_unit_test(thirty_two_equal_trials_split_evenly_between_two_workers),
        cmocka_unit_test(the_makespan_of_lpt_is_at_most_four_thirds_of_the_optimum),
        cmocka_unit_test(many_short_trials_behind_few_long_ones_keep_the_bound),
        cmocka_unit_test(a_lost_workers_trials_go_to_workers_that_fell_idle),
        cmocka_unit_test(a_stop_releases_workers_as_they_fall_idle),
        cmocka_unit_test(a_trial_dropped_after_a_stop_waits_again),
        cmocka_unit_test(the_sweep_is_given_up_at_the_last_allowed_failure),
        cmocka_unit_test(fail_fast_gives_up_at_the_first_failure_and_releases_the_idle),
        cmocka_unit_test(a_cost_that_is_no_number_is_refused),
        cmocka_unit_test(a_million_trials_on_a_hundred_thousand_workers_take_seconds_at_most),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
