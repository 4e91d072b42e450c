#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "data/data.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 50000, CLASSES = 10 };

static int32_t positions[COUNT];
static int16_t true_labels[COUNT], labels[COUNT];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        positions[i] = i;
        true_labels[i] = (int16_t)(i % CLASSES);
    }
    return 0;
}

static void draw(const char *name, double rate, uint64_t seed, int first, int n)
{
    struct choice noise = choice_of(&label_noise_table, name);
    if (rate >= 0)
        choice_real(&noise, "rate", rate);
    const struct label_noise_ops *ops = (const struct label_noise_ops *)(const void *)noise.kind;
    ops->draw(noise.settings, seed, CLASSES, n, positions + first, true_labels + first, labels + first);
}

static int count_flipped(void)
{
    int flipped = 0;
    for (int i = 0; i < COUNT; i++)
        flipped += labels[i] != true_labels[i];
    return flipped;
}

static void none_and_rate_zero_keep_every_label(void **state)
{
    (void)state;
    draw("none", -1, 0, 0, COUNT);
    assert_memory_equal(labels, true_labels, sizeof labels);
    draw("symmetric", 0, 0, 0, COUNT);
    assert_memory_equal(labels, true_labels, sizeof labels);
}

static void rate_one_keeps_none(void **state)
{
    (void)state;
    draw("symmetric", 1, 0, 0, COUNT);
    assert_int_equal(count_flipped(), COUNT);
}

/* Within five standard deviations of the binomial. */
static void the_share_of_wrong_labels_is_the_rate(void **state)
{
    (void)state;
    for (int tenth = 1; tenth < 10; tenth++) {
        const double rate = 0.1 * tenth;
        draw("symmetric", rate, 7, 0, COUNT);
        assert_true(fabs(count_flipped() - rate * COUNT) < 5 * sqrt(rate * (1 - rate) * COUNT));
    }
}

/* Chi-square with 8 degrees of freedom for each true class: above 37.3 once in 100,000. */
static void wrong_labels_are_uniform_over_the_other_classes(void **state)
{
    (void)state;
    int counts[CLASSES][CLASSES] = {{0}};
    draw("symmetric", 0.5, 1, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        counts[true_labels[i]][labels[i]]++;
    for (int class = 0; class < CLASSES; class ++) {
        double flipped = 0, chi_square = 0;
        for (int other = 0; other < CLASSES; other++)
            flipped += other == class ? 0 : counts[class][other];
        for (int other = 0; other < CLASSES; other++)
            if (other != class)
                chi_square += pow(counts[class][other] - flipped / (CLASSES - 1), 2) / (flipped / (CLASSES - 1));
        assert_true(chi_square < 37.3);
    }
}

static void a_label_depends_on_its_position_only(void **state)
{
    (void)state;
    static int16_t whole[COUNT];
    draw("symmetric", 0.4, 2, 0, COUNT);
    for (int i = 0; i < COUNT; i++) {
        whole[i] = labels[i];
        labels[i] = -1;
    }
    for (int first = COUNT - 1000; first >= 0; first -= 1000)
        draw("symmetric", 0.4, 2, first, 1000);
    assert_memory_equal(labels, whole, sizeof whole);
}

/* What is flipped at a low rate is flipped, to the same class, at a high one. */
static void rates_are_nested_and_seeds_are_not(void **state)
{
    (void)state;
    static int16_t low[COUNT];
    draw("symmetric", 0.2, 3, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        low[i] = labels[i];
    draw("symmetric", 0.4, 3, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_true(low[i] == true_labels[i] || low[i] == labels[i]);
    draw("symmetric", 0.2, 4, 0, COUNT);
    assert_memory_not_equal(low, labels, sizeof low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(none_and_rate_zero_keep_every_label, set_up),
        cmocka_unit_test_setup(rate_one_keeps_none, set_up),
        cmocka_unit_test_setup(the_share_of_wrong_labels_is_the_rate, set_up),
        cmocka_unit_test_setup(wrong_labels_are_uniform_over_the_other_classes, set_up),
        cmocka_unit_test_setup(a_label_depends_on_its_position_only, set_up),
        cmocka_unit_test_setup(rates_are_nested_and_seeds_are_not, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
