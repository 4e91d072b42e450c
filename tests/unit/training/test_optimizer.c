/* Steps and rates against values worked out in double. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "seedbed/random.h"
#include "settings.h"
#include "training/optimizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COUNT_MAX = 53, STEPS = 4 };

struct reference {
    double w[COUNT_MAX], v[COUNT_MAX];
};

static void reference_step(struct reference *at, int count, const float *g, double rate, double momentum, bool nesterov,
                           double decay)
{
    for (int i = 0; i < count; i++) {
        const double d = (double)g[i] + decay * at->w[i];
        at->v[i] = momentum * at->v[i] + d;
        at->w[i] -= rate * (nesterov ? d + momentum * at->v[i] : at->v[i]);
    }
}

/* A step on a block that is one run of weights. */
static double step_block(const struct choice *choice, int64_t step, int count, const float *g, float *w, float *state)
{
    const struct optimizer_run run = {.count = count, .weights = true};
    const struct optimizer_block block = {
        .count = count, .run_count = 1, .runs = &run, .gradient = g, .parameters = w, .state = state};
    const struct optimizer_step constants = {
        .settings = choice->settings, .learning_rate = 0.1, .step = step, .gradient_scale = 1};
    return optimizer_apply((const struct optimizer_ops *)choice->kind, &constants, &block);
}

static void check(int count, double momentum, bool nesterov, double decay)
{
    struct choice choice = choice_of(&optimizer_table, "sgd");
    choice_real(&choice, "momentum", momentum);
    choice_flag(&choice, "nesterov", nesterov);
    choice_real(&choice, "weight_decay", decay);
    float g[COUNT_MAX], w[COUNT_MAX], v[COUNT_MAX] = {0};
    struct reference reference = {0};
    struct random random = random_start(STREAM_DATA, 9, (uint32_t)count);
    for (int i = 0; i < count; i++)
        reference.w[i] = (double)(w[i] = (float)random_normal(&random));
    for (int step = 0; step < STEPS; step++) {
        double squares = 0;
        for (int i = 0; i < count; i++) {
            g[i] = (float)random_normal(&random);
            squares += (double)g[i] * (double)g[i];
        }
        const double found = step_block(&choice, step, count, g, w, v);
        assert_true(fabs(found - squares) <= 1e-12 * squares);
        reference_step(&reference, count, g, 0.1, momentum, nesterov, decay);
    }
    for (int i = 0; i < count; i++)
        assert_true(fabs((double)w[i] - reference.w[i]) < 2e-6);
}

static void steps_are_right_for_every_setting_and_small_count(void **state)
{
    (void)state;
    for (int count = 1; count <= COUNT_MAX; count++)
        for (int decay = 0; decay < 2; decay++) {
            check(count, 0, false, 0.01 * decay);
            check(count, 0.9, false, 0.01 * decay);
            check(count, 0.9, true, 0.01 * decay);
        }
}

static void a_gradient_that_is_not_finite_is_seen_in_the_sum(void **state)
{
    (void)state;
    for (const struct kind *const *kind = optimizer_table.kinds; *kind != NULL; kind++) {
        const struct choice choice = choice_of(&optimizer_table, (*kind)->name);
        for (int at = 0; at < COUNT_MAX; at++) {
            float g[COUNT_MAX] = {0}, w[COUNT_MAX] = {0}, state_of[OPTIMIZER_STATES_MAX * COUNT_MAX] = {0};
            g[at] = at % 2 ? NAN : INFINITY;
            const bool finite = isfinite(step_block(&choice, 0, COUNT_MAX, g, w, state_of));
            assert_false(finite);
        }
    }
}

/* Blocks cut into runs, at every place, against one run: each parameter by itself. */
static void check_cut(const struct choice *choice, int cut)
{
    const struct optimizer_ops *const ops = (const struct optimizer_ops *)choice->kind;
    const struct optimizer_run runs[] = {{.count = cut, .weights = true}, {.count = COUNT_MAX - cut, .weights = true}};
    float g[COUNT_MAX], w[2][COUNT_MAX], states[2][OPTIMIZER_STATES_MAX * COUNT_MAX] = {{0}};
    struct random random = random_start(STREAM_DATA, 3, (uint32_t)cut);
    for (int i = 0; i < COUNT_MAX; i++)
        w[0][i] = w[1][i] = (float)random_normal(&random);
    for (int64_t step = 0; step < STEPS; step++) {
        for (int i = 0; i < COUNT_MAX; i++)
            g[i] = (float)random_normal(&random);
        const struct optimizer_block block = {
            .count = COUNT_MAX, .run_count = 2, .runs = runs, .gradient = g, .parameters = w[1], .state = states[1]};
        const struct optimizer_step constants = {
            .settings = choice->settings, .learning_rate = 0.1, .step = step, .gradient_scale = 1};
        const double whole = step_block(choice, step, COUNT_MAX, g, w[0], states[0]);
        assert_true(fabs(optimizer_apply(ops, &constants, &block) - whole) <= 1e-12 * whole);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    assert_memory_equal(states[0], states[1], (size_t)ops->state_per_parameter * COUNT_MAX * sizeof(float));
}

static void a_block_may_be_cut_into_runs_anywhere(void **state)
{
    (void)state;
    static const char *const spelled[] = {"sgd weight_decay=0.1",
                                          "adam weight_decay=0.1",
                                          "adamw weight_decay=0.1",
                                          "rmsprop weight_decay=0.1",
                                          "rmsprop momentum=0.5",
                                          "rmsprop centered=true",
                                          "rmsprop momentum=0.5 centered=true"};
    for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
        const struct choice choice = choice_spelled(&optimizer_table, spelled[i]);
        for (int cut = 1; cut < COUNT_MAX; cut++)
            check_cut(&choice, cut);
    }
}

static void nesterov_without_momentum_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct error error;
    struct choice choice = choice_of(&optimizer_table, "sgd");
    choice_flag(&choice, "nesterov", true);
    assert_int_equal(choice.kind->check(choice.settings, &error), STATUS_OK);
    choice_real(&choice, "momentum", 0);
    assert_int_equal(choice.kind->check(choice.settings, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "nesterov is true and momentum is 0; nesterov needs momentum above 0, or set "
                                    "nesterov: false");
}

static void nesterov_with_dampening_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct error error;
    const struct choice choice = choice_spelled(&optimizer_table, "sgd nesterov=true dampening=0.5");
    assert_int_equal(choice.kind->check(choice.settings, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "nesterov is true and dampening is 0.5; nesterov needs dampening 0, or set "
                                    "nesterov: false");
}

static double rate(const struct choice *schedule, int64_t step, int64_t epoch)
{
    const struct schedule_position at = {.step = step, .steps = 100, .epoch = epoch, .epochs = 10};
    return ((const struct schedule_ops *)schedule->kind)->rate(schedule->settings, 0.5, &at);
}

static void assert_rate(const struct choice *schedule, int64_t step, double expected)
{
    assert_true(fabs(rate(schedule, step, step / 10) - expected) < 1e-15);
}

static void schedules_follow_their_formulas(void **state)
{
    (void)state;
    struct choice schedule = choice_of(&schedule_table, "constant");
    assert_rate(&schedule, 0, 0.5);
    assert_rate(&schedule, 99, 0.5);
    schedule = choice_of(&schedule_table, "step");
    choice_integer(&schedule, "every", 3);
    choice_real(&schedule, "factor", 0.5);
    assert_rate(&schedule, 29, 0.5);
    assert_rate(&schedule, 30, 0.25);
    assert_rate(&schedule, 99, 0.0625);
    schedule = choice_spelled(&schedule_table, "multistep epochs=[3,5,9] factor=0.5");
    assert_rate(&schedule, 29, 0.5);
    assert_rate(&schedule, 30, 0.25);
    assert_rate(&schedule, 89, 0.125);
    assert_rate(&schedule, 90, 0.0625);
    schedule = choice_spelled(&schedule_table, "exponential factor=0.5");
    assert_rate(&schedule, 9, 0.5);
    assert_rate(&schedule, 10, 0.25);
    assert_rate(&schedule, 39, 0.0625);
    schedule = choice_of(&schedule_table, "cosine");
    choice_real(&schedule, "minimum", 0.1);
    assert_rate(&schedule, 0, 0.5);
    assert_rate(&schedule, 50, 0.3);
    assert_rate(&schedule, 75, 0.1 + 0.2 * (1 - sqrt(0.5)));
}

static void warmup_rises_in_a_line_and_leaves_the_schedule_in_place(void **state)
{
    (void)state;
    struct train_config train = {
        .learning_rate = 0.5, .warmup = 2.5, .schedule = choice_spelled(&schedule_table, "step every=2 factor=0.1")};
    for (int64_t step = 0; step < 100; step++) {
        const struct schedule_position at = {
            .step = step, .steps = 100, .epoch = step / 10, .epochs = 10, .epoch_steps = 10};
        const double share = step < 25 ? ((double)step + 1) / 25 : 1;
        assert_true(fabs(training_rate(&train, &at) - share * 0.5 * pow(0.1, (double)(step / 20))) < 1e-15);
    }
}

static void no_training_at_all_has_a_rate_too(void **state)
{
    (void)state;
    const struct choice schedule = choice_of(&schedule_table, "cosine");
    const struct schedule_position at = {0};
    assert_true(((const struct schedule_ops *)schedule.kind)->rate(schedule.settings, 0.5, &at) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_right_for_every_setting_and_small_count),
        cmocka_unit_test(a_gradient_that_is_not_finite_is_seen_in_the_sum),
        cmocka_unit_test(a_block_may_be_cut_into_runs_anywhere),
        cmocka_unit_test(nesterov_without_momentum_is_refused_with_the_remedy),
        cmocka_unit_test(nesterov_with_dampening_is_refused_with_the_remedy),
        cmocka_unit_test(schedules_follow_their_formulas),
        cmocka_unit_test(warmup_rises_in_a_line_and_leaves_the_schedule_in_place),
        cmocka_unit_test(no_training_at_all_has_a_rate_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
