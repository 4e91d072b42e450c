/* The scheduler is driven by random events, and a model of the workers checks every action. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "seedbed/random.h"
#include "sweep/scheduler.h"

#include <cmocka.h>

/* What a model of the workers knows, for the random sequences. */
enum { MODEL_TRIALS = 60, MODEL_WORKERS = 9 };

struct model {
    struct random random;
    struct scheduler *scheduler;
    int trials, workers;
    double cost[MODEL_TRIALS];
    bool ended[MODEL_TRIALS], stopped;
    int holder[MODEL_TRIALS]; /* -1: waits */
    int64_t held[MODEL_WORKERS][MODEL_TRIALS];
    int held_count[MODEL_WORKERS], most_held;
    bool joined[MODEL_WORKERS], lost[MODEL_WORKERS], released[MODEL_WORKERS];
};

static void model_apply(struct model *m, const struct action *actions, int count)
{
    assert_in_range(count, 0, scheduler_actions_max(m->scheduler));
    for (int i = 0; i < count; i++) {
        const int w = actions[i].worker;
        const int64_t trial = actions[i].trial;
        assert_true(m->joined[w] && !m->lost[w] && !m->released[w]);
        if (actions[i].kind == ACTION_RELEASE) {
            assert_int_equal(m->held_count[w], 0);
            m->released[w] = true;
            continue;
        }
        assert_false(m->stopped || m->ended[trial]);
        assert_int_equal(m->holder[trial], -1);
        assert_in_range(m->held_count[w], 0, m->most_held - 1);
        m->held[w][m->held_count[w]++] = trial;
        m->holder[trial] = w;
    }
}

static void model_check(const struct model *m)
{
    int waiting = 0, held = 0, ended = 0, busy = 0;
    for (int t = 0; t < m->trials; t++) {
        ended += m->ended[t];
        held += !m->ended[t] && m->holder[t] >= 0;
        waiting += !m->ended[t] && m->holder[t] < 0;
    }
    for (int w = 0; w < m->workers; w++) {
        busy += m->held_count[w] > 0;
        if (m->joined[w] && !m->lost[w] && !m->released[w] && m->held_count[w] == 0)
            assert_true(waiting == 0 && held > 0 && !m->stopped);
    }
    assert_int_equal(scheduler_waiting(m->scheduler), waiting);
    assert_int_equal(scheduler_ended(m->scheduler), ended);
    assert_int_equal(scheduler_busy(m->scheduler), busy);
    assert_int_equal(scheduler_finished(m->scheduler), held == 0 && (waiting == 0 || m->stopped));
}

static void model_step(struct model *m, enum event_kind kind, int w)
{
    struct action actions[3 * MODEL_WORKERS];
    struct event event = {.kind = kind, .worker = w};
    if (kind == EVENT_ENDED) {
        event.trial = m->held_count[w] > 0 ? m->held[w][0] : 0;
        event.bad = random_below(&m->random, 10) == 0;
        event.seconds = 1e-3 * random_below(&m->random, 1000);
        if (m->held_count[w] > 0) {
            m->ended[event.trial] = true;
            m->held_count[w]--;
            memmove(m->held[w], m->held[w] + 1, (size_t)m->held_count[w] * sizeof m->held[w][0]);
        }
    } else if (kind == EVENT_LOST && !m->released[w]) {
        while (m->held_count[w] > 0)
            m->holder[m->held[w][--m->held_count[w]]] = -1;
        m->lost[w] = true;
    } else if (kind == EVENT_JOINED) {
        m->joined[w] = true;
    }
    const int count = scheduler_handle(m->scheduler, &event, actions);
    m->stopped = m->stopped || kind == EVENT_STOP || scheduler_gave_up(m->scheduler);
    model_apply(m, actions, count);
    model_check(m);
}

static void model_start(struct model *m, uint64_t seed)
{
    *m = (struct model){.random = random_start(STREAM_METRIC, seed, 1), .most_held = seed % 2 ? MODEL_TRIALS : 2};
    m->trials = (int)random_below(&m->random, MODEL_TRIALS + 1);
    m->workers = 1 + (int)random_below(&m->random, MODEL_WORKERS);
    for (int t = 0; t < m->trials; t++) {
        m->holder[t] = -1;
        m->ended[t] = random_below(&m->random, 8) == 0;
        m->cost[t] = seed % 3 == 0 ? 1 : random_below(&m->random, 4);
    }
    const struct scheduler_config config = {.trial_count = m->trials,
                                            .worker_count = m->workers,
                                            .order = (enum schedule_order)(seed % 3),
                                            .cost = m->cost,
                                            .ended = m->ended,
                                            .max_failures = seed % 5 == 0 ? 4 : 0,
                                            .fail_fast = seed % 11 == 0,
                                            .chunk_seconds = seed % 2 ? 3 : 0};
    assert_int_equal(scheduler_create(&config, &m->scheduler, NULL), STATUS_OK);
}

/* Any event that a transport could feed; losses are rare and never take the last worker. */
static void model_random_step(struct model *m)
{
    const int w = (int)random_below(&m->random, (uint32_t)m->workers);
    const uint32_t chance = random_below(&m->random, 1000);
    if (chance == 0)
        model_step(m, EVENT_STOP, 0);
    else if (chance < 12 && w != 0)
        model_step(m, EVENT_LOST, w);
    else if (!m->joined[w] && !m->lost[w])
        model_step(m, EVENT_JOINED, w);
    else
        model_step(m, EVENT_ENDED, w);
}

static void any_sequence_of_events_starts_each_trial_once_and_releases_every_worker_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct model m;
        model_start(&m, seed);
        for (int step = 0; step < 3000 && !(scheduler_finished(m.scheduler) && m.joined[0]); step++)
            model_random_step(&m);
        for (int w = 0; w < m.workers; w++)
            if (!m.joined[w] && !m.lost[w])
                model_step(&m, EVENT_JOINED, w);
        assert_true(scheduler_finished(m.scheduler));
        for (int w = 0; w < m.workers; w++)
            assert_true(m.released[w] || m.lost[w]);
        scheduler_destroy(&m.scheduler);
    }
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sequence_of_events_starts_each_trial_once_and_releases_every_worker_once),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
