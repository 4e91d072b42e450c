#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metrics/metrics.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { CAPACITY = 16, EPOCH_STEPS = 10 };

static struct metric_when when_at(const char *first, const char *second)
{
    struct metric_when when = {0};
    const char *names[] = {first, second};
    for (int i = 0; i < 2 && names[i] != NULL; i++)
        when.at.values[when.at.count++] = kind_find(&moment_table, names[i]);
    return when;
}

static void expect_points(const struct metric_when *when, int64_t epochs, const struct measure_point *wanted, int count)
{
    struct measure_point points[CAPACITY];
    assert_int_equal(metric_points(when, epochs, epochs * EPOCH_STEPS, points, CAPACITY), count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(points[i].moment, wanted[i].moment);
        assert_int_equal(points[i].number, wanted[i].number);
        assert_true(points[i].train_loss == wanted[i].train_loss);
    }
}

static void moments_come_in_the_order_of_training(void **state)
{
    (void)state;
    const struct metric_when when = when_at("end", "init"), late = when_at("end", "separated");
    expect_points(&when, 3, (struct measure_point[]){{MOMENT_EPOCH, 0, 0}, {MOMENT_END, 0, 0}}, 2);
    expect_points(&late, 3, (struct measure_point[]){{MOMENT_SEPARATED, 0, 0}, {MOMENT_END, 0, 0}}, 2);
}

static void epochs_are_sorted_and_each_once(void **state)
{
    (void)state;
    struct metric_when when = when_at("init", NULL);
    when.every = 4;
    when.epochs = (struct integer_list){.count = 5, .values = {9, 8, 0, 2, 9}};
    const struct measure_point wanted[] = {
        {MOMENT_EPOCH, 0, 0}, {MOMENT_EPOCH, 2, 0}, {MOMENT_EPOCH, 4, 0}, {MOMENT_EPOCH, 8, 0}, {MOMENT_EPOCH, 9, 0}};
    expect_points(&when, 9, wanted, 5);
}

static void epochs_beyond_the_longest_trial_are_left_out(void **state)
{
    (void)state;
    struct metric_when when = {.every = 5, .epochs = {.count = 2, .values = {1, 1000000000}}};
    const struct measure_point wanted[] = {{MOMENT_EPOCH, 1, 0}, {MOMENT_EPOCH, 5, 0}, {MOMENT_EPOCH, 10, 0}};
    expect_points(&when, 14, wanted, 3);
}

static void steps_follow_epochs_and_losses_fall(void **state)
{
    (void)state;
    struct metric_when when = when_at("end", NULL);
    when.epochs = (struct integer_list){.count = 1, .values = {2}};
    when.steps = (struct integer_list){.count = 5, .values = {30, 7, 0, 31, 7}};
    when.loss = (struct real_list){.count = 4, .values = {0.01, 0.5, 0, 0.5}};
    const struct measure_point wanted[] = {{MOMENT_EPOCH, 2, 0}, {MOMENT_STEP, 0, 0},   {MOMENT_STEP, 7, 0},
                                           {MOMENT_STEP, 30, 0}, {MOMENT_LOSS, 0, 0.5}, {MOMENT_LOSS, 0, 0.01},
                                           {MOMENT_LOSS, 0, 0},  {MOMENT_END, 0, 0}};
    expect_points(&when, 3, wanted, 8);
}

static void a_pace_without_a_loss_is_refused(void **state)
{
    (void)state;
    struct error error = {0};
    struct metric_when when = {.loss_every = 5};
    assert_int_equal(metric_when_check(&when, &error), STATUS_BAD_SWEEP);
    assert_non_null(strstr(error.text, "loss_every: 5"));
    when.loss = (struct real_list){.count = 1, .values = {0.1}};
    assert_int_equal(metric_when_check(&when, &error), STATUS_OK);
}

static void no_moment_is_no_point(void **state)
{
    (void)state;
    const struct metric_when when = {0};
    expect_points(&when, 10, NULL, 0);
}

static void the_count_is_right_without_room(void **state)
{
    (void)state;
    const struct metric_when when = {.every = 1};
    struct measure_point points[2] = {{0}, {.number = -7}};
    assert_int_equal(metric_points(&when, 100, 1000, points, 1), 100);
    assert_int_equal(points[0].number, 1);
    assert_int_equal(points[1].number, -7);
    assert_int_equal(metric_points(&when, 100, 1000, NULL, 0), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_come_in_the_order_of_training),
        cmocka_unit_test(epochs_are_sorted_and_each_once),
        cmocka_unit_test(epochs_beyond_the_longest_trial_are_left_out),
        cmocka_unit_test(steps_follow_epochs_and_losses_fall),
        cmocka_unit_test(a_pace_without_a_loss_is_refused),
        cmocka_unit_test(no_moment_is_no_point),
        cmocka_unit_test(the_count_is_right_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
