/* Comparisons of two trials in the scheduler: never before both have ended, each once, whatever happens to workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/scheduler.h"

#include <cmocka.h>

enum { TRIALS_MAX = 64, UNITS_MAX = 256, WORKERS_MAX = 9 };

/* Workers that do what they are told, and what has been seen of each unit. */
struct world {
    struct scheduler *scheduler;
    struct scheduler_config config;
    double cost[UNITS_MAX];
    int32_t needs[UNITS_MAX][2];
    bool ended[UNITS_MAX];
    int64_t held[WORKERS_MAX][UNITS_MAX];
    int held_count[WORKERS_MAX];
    bool here[WORKERS_MAX], released[WORKERS_MAX];
};

static void apply(struct world *world, const struct event *event)
{
    struct action actions[3 * WORKERS_MAX];
    assert_true(scheduler_actions_max(world->scheduler) <= (int)(sizeof actions / sizeof *actions));
    const int count = scheduler_handle(world->scheduler, event, actions);
    for (int i = 0; i < count; i++) {
        const struct action *action = &actions[i];
        const int64_t unit = action->trial;
        assert_true(world->here[action->worker] && !world->released[action->worker]);
        if (action->kind == ACTION_RELEASE) {
            assert_int_equal(world->held_count[action->worker], 0);
            world->released[action->worker] = true;
            continue;
        }
        assert_false(world->ended[unit]);
        if (unit >= world->config.free_count)
            for (int side = 0; side < 2; side++)
                assert_true(world->ended[world->needs[unit - world->config.free_count][side]]);
        for (int w = 0; w < WORKERS_MAX; w++)
            for (int h = 0; h < world->held_count[w]; h++)
                assert_true(world->held[w][h] != unit);
        world->held[action->worker][world->held_count[action->worker]++] = unit;
    }
}

static void join(struct world *world, int worker)
{
    world->here[worker] = true;
    apply(world, &(struct event){.kind = EVENT_JOINED, .worker = worker});
}

static void end(struct world *world, int worker, bool bad)
{
    const int64_t unit = world->held[worker][0];
    world->held_count[worker]--;
    memmove(world->held[worker], world->held[worker] + 1,
            (size_t)world->held_count[worker] * sizeof world->held[worker][0]);
    world->ended[unit] = true;
    apply(world, &(struct event){
                     .kind = EVENT_ENDED, .worker = worker, .trial = unit, .bad = bad, .seconds = world->cost[unit]});
}

static void lose(struct world *world, int worker)
{
    world->held_count[worker] = 0;
    apply(world, &(struct event){.kind = EVENT_LOST, .worker = worker});
    world->here[worker] = false;
}

static void start(struct world *world, int64_t trials, int64_t comparisons, int workers)
{
    world->config = (struct scheduler_config){.trial_count = trials + comparisons,
                                              .free_count = trials,
                                              .needs = (const int32_t(*)[2])world->needs,
                                              .worker_count = workers,
                                              .chunk_seconds = (double)(trials % 3),
                                              .order = ORDER_LPT,
                                              .cost = world->cost,
                                              .ended = world->ended};
    struct error error = {0};
    assert_int_equal(scheduler_create(&world->config, &world->scheduler, &error), STATUS_OK);
}

static void a_comparison_starts_when_its_second_trial_has_ended(void **state)
{
    (void)state;
    struct world world = {.cost = {3, 2, 1, 1}, .needs = {{0, 1}}};
    start(&world, 3, 1, 2);
    join(&world, 0);
    join(&world, 1);
    assert_true(world.held[0][0] == 0 && world.held[1][0] == 1);
    end(&world, 1, false);
    assert_true(world.held_count[1] == 1 && world.held[1][0] == 2);
    end(&world, 1, false);
    assert_int_equal(world.held_count[1], 0);
    assert_false(world.released[1]);
    assert_int_equal(scheduler_waiting(world.scheduler), 1);
    end(&world, 0, true);
    assert_true(world.held[0][0] == 3 || world.held[1][0] == 3);
    const int worker = world.held_count[0] > 0 ? 0 : 1;
    end(&world, worker, false);
    assert_true(scheduler_finished(world.scheduler) && world.released[0] && world.released[1]);
    scheduler_destroy(&world.scheduler);
}

static void idle_workers_take_what_one_end_makes_ready(void **state)
{
    (void)state;
    struct world world = {.cost = {1, 1, 1, 1, 1}, .needs = {{0, 1}, {1, 0}, {0, 1}}};
    start(&world, 2, 3, 4);
    for (int w = 0; w < 4; w++)
        join(&world, w);
    end(&world, 0, false);
    end(&world, 1, false);
    int held = 0;
    for (int w = 0; w < 4; w++)
        held += world.held_count[w];
    assert_int_equal(held, 3);
    scheduler_destroy(&world.scheduler);
}

static void what_ended_in_an_earlier_session_counts(void **state)
{
    (void)state;
    struct world world = {.cost = {1, 1, 1, 1}, .needs = {{0, 1}, {0, 1}}, .ended = {true, true, true, false}};
    start(&world, 2, 2, 1);
    assert_int_equal(scheduler_ended(world.scheduler), 3);
    join(&world, 0);
    assert_true(world.held_count[0] == 1 && world.held[0][0] == 3);
    end(&world, 0, false);
    assert_true(world.released[0]);
    scheduler_destroy(&world.scheduler);
    struct world half = {.cost = {1, 1, 1}, .needs = {{0, 1}}, .ended = {true, false, true}};
    start(&half, 2, 1, 1);
    join(&half, 0);
    end(&half, 0, false);
    assert_true(half.released[0] && scheduler_finished(half.scheduler));
    scheduler_destroy(&half.scheduler);
}

static void a_stop_ends_what_is_blocked_too(void **state)
{
    (void)state;
    struct world world = {.cost = {1, 1, 1}, .needs = {{0, 1}}};
    start(&world, 2, 1, 1);
    join(&world, 0);
    apply(&world, &(struct event){.kind = EVENT_STOP});
    end(&world, 0, false);
    assert_true(world.released[0] && scheduler_finished(world.scheduler));
    assert_int_equal(scheduler_waiting(world.scheduler), 2);
    scheduler_destroy(&world.scheduler);
}

/* Random graphs, random order of ends, random losses of all workers but the first: everything ends once. */
static void any_sequence_of_events_ends_everything_once(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        struct random random = random_start(STREAM_ORDER, 7, round);
        struct world *world = calloc(1, sizeof *world);
        const int64_t trials = 2 + random_below(&random, TRIALS_MAX - 2);
        const int64_t comparisons = random_below(&random, UNITS_MAX - TRIALS_MAX);
        const int workers = 1 + (int)random_below(&random, WORKERS_MAX - 1);
        for (int64_t i = 0; i < comparisons; i++)
            for (int side = 0; side < 2; side++)
                world->needs[i][side] = (int32_t)random_below(&random, (uint32_t)trials);
        for (int64_t unit = 0; unit < trials + comparisons; unit++) {
            world->cost[unit] = 1 + random_below(&random, 100);
            world->ended[unit] = unit < trials && random_below(&random, 4) == 0;
        }
        start(world, trials, comparisons, workers);
        for (int w = 0; w < workers; w++)
            join(world, w);
        while (!scheduler_finished(world->scheduler)) {
            const int w = (int)random_below(&random, (uint32_t)workers);
            if (!world->here[w])
                continue;
            if (w > 0 && random_below(&random, 100) == 0)
                lose(world, w);
            else if (world->held_count[w] > 0)
                end(world, w, random_below(&random, 5) == 0);
        }
        for (int64_t unit = 0; unit < trials + comparisons; unit++)
            assert_true(world->ended[unit]);
        for (int w = 0; w < workers; w++)
            assert_true(!world->here[w] || world->released[w]);
        scheduler_destroy(&world->scheduler);
        free(world);
    }
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comparison_starts_when_its_second_trial_has_ended),
        cmocka_unit_test(idle_workers_take_what_one_end_makes_ready),
        cmocka_unit_test(what_ended_in_an_earlier_session_counts),
        cmocka_unit_test(a_stop_ends_what_is_blocked_too),
        cmocka_unit_test(any_sequence_of_events_ends_everything_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
