/* Which samples training goes on with: counts, order, ties, nested choices and even classes, from logits made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "settings.h"
#include "training/reduction.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 12, CLASSES = 2 };

/* Margins 0 1 2 3 4 5 5 4 3 2 1 0; half of the samples are of class 0, then of class 1. */
static float logits[COUNT * CLASSES];
static int16_t labels[COUNT];
static const struct evaluation train = {.count = COUNT, .logits = logits, .labels = labels};

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i >= COUNT / 2;
        logits[CLASSES * i + labels[i]] = (float)(i < COUNT / 2 ? i : COUNT - 1 - i);
    }
    return 0;
}

static struct reduction_config config_by(const char *by, double keep)
{
    struct reduction_config config;
    settings_default(reduction_fields, &config);
    config.by = kind_find(&reduction_table, by);
    config.keep = keep;
    return config;
}

static struct reduction *create(const struct reduction_config *config)
{
    struct reduction *reduction = NULL;
    assert_int_equal(reduction_create(config, COUNT, CLASSES, 5, &reduction, NULL), STATUS_OK);
    return reduction;
}

static void expect_kept(const struct reduction *reduction, int choices, int count, const int32_t *which)
{
    const struct kept_samples kept = reduction_kept(reduction);
    assert_int_equal(kept.choices, choices);
    assert_int_equal(kept.count, count);
    assert_memory_equal(kept.which, which, (size_t)count * sizeof *which);
}

static void all_samples_are_kept_until_separation_and_with_none(void **state)
{
    (void)state;
    const int32_t all[COUNT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const struct reduction_config none = config_by("none", 0.25), some = config_by("random", 0.25);
    struct reduction *never = create(&none), *later = create(&some);
    reduction_look(never, 3, true, &train);
    expect_kept(never, 0, COUNT, all);
    reduction_look(later, 3, false, &train);
    expect_kept(later, 0, COUNT, all);
    reduction_look(later, 4, true, &train);
    assert_int_equal(reduction_kept(later).count, 3);
    reduction_destroy(&never);
    reduction_destroy(&later);
}

static void margins_choose_and_equal_ones_go_by_position(void **state)
{
    (void)state;
    const struct reduction_config smallest = config_by("smallest_margin", 0.25),
                                  largest = config_by("largest_margin", 3);
    struct reduction *near = create(&smallest), *far = create(&largest);
    reduction_look(near, 1, true, &train);
    expect_kept(near, 1, 3, (const int32_t[]){0, 1, 11});
    reduction_look(far, 1, true, &train);
    expect_kept(far, 1, 3, (const int32_t[]){4, 5, 6});
    reduction_look(far, 2, true, &train);
    expect_kept(far, 1, 3, (const int32_t[]){4, 5, 6});
    reduction_destroy(&near);
    reduction_destroy(&far);
}

/* 6, then 3, then 2 of 12, every other epoch. */
static void shrinking_choices_go_down_to_keep_and_nest(void **state)
{
    (void)state;
    struct reduction_config config = config_by("balanced_random", 2);
    config.shrink = 0.5;
    config.every = 2;
    struct reduction *reduction = create(&config);
    const int counts[] = {6, 6, 3, 3, 2, 2, 2};
    bool before[COUNT];
    memset(before, true, sizeof before);
    for (int epoch = 0; epoch < 7; epoch++) {
        reduction_look(reduction, epoch + 3, true, &train);
        const struct kept_samples kept = reduction_kept(reduction);
        bool now[COUNT] = {false};
        int of_class[CLASSES] = {0};
        assert_int_equal(kept.count, counts[epoch]);
        assert_int_equal(kept.choices, epoch / 2 + 1);
        for (int i = 0; i < kept.count; i++) {
            assert_true(before[kept.which[i]]);
            now[kept.which[i]] = true;
            of_class[labels[kept.which[i]]]++;
        }
        assert_true(of_class[0] - of_class[1] <= 1 && of_class[1] - of_class[0] <= 1);
        memcpy(before, now, sizeof before);
    }
    reduction_destroy(&reduction);
}

static void only_the_control_is_frozen(void **state)
{
    (void)state;
    struct reduction_config config = config_by("random", 3);
    config.freeze = true;
    struct reduction *reduction = create(&config);
    assert_false(reduction_kept(reduction).frozen);
    reduction_look(reduction, 1, true, &train);
    assert_true(reduction_kept(reduction).frozen);
    reduction_destroy(&reduction);
}

static void an_extent_has_room_for_every_configuration(void **state)
{
    (void)state;
    struct reduction_extent extent = {0};
    struct reduction_config config = config_by("none", 0.5);
    reduction_extend(&extent, &config, 100);
    assert_true(extent.choices == 0 && reduction_most_kept(&extent, COUNT) == 0);
    config = config_by("random", 4);
    reduction_extend(&extent, &config, 100);
    assert_true(extent.choices == 1 && reduction_most_kept(&extent, COUNT) == 4);
    config = config_by("random", 0.1);
    config.shrink = 0.75;
    config.every = 30;
    reduction_extend(&extent, &config, 100);
    assert_true(extent.choices == 4 && reduction_most_kept(&extent, COUNT) == 9);
    assert_true(reduction_most_kept(&extent, 2) == 2);
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_samples_are_kept_until_separation_and_with_none),
        cmocka_unit_test(margins_choose_and_equal_ones_go_by_position),
        cmocka_unit_test(shrinking_choices_go_down_to_keep_and_nest),
        cmocka_unit_test(only_the_control_is_frozen),
        cmocka_unit_test(an_extent_has_room_for_every_configuration),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
