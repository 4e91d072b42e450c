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

static void draw_as(const struct choice *noise, uint64_t seed, int first, int n)
{
    const struct label_noise_ops *ops = (const struct label_noise_ops *)(const void *)noise->kind;
    const struct label_noise_request request = {.settings = noise->settings,
                                                .seed = seed,
                                                .classes = CLASSES,
                                                .n = n,
                                                .index = positions + first,
                                                .true_labels = true_labels + first};
    assert_int_equal(ops->draw(&request, labels + first, NULL), 0);
}

static void draw(const char *name, double rate, uint64_t seed, int first, int n)
{
    struct choice noise = choice_of(&label_noise_table, name);
    if (rate >= 0)
        choice_real(&noise, "rate", rate);
    draw_as(&noise, seed, first, n);
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

/* Chi-square of the observed labels of each class against its row of probabilities; 9 degrees of freedom. */
static void assert_rows(const double *rows)
{
    int counts[CLASSES][CLASSES] = {{0}};
    for (int i = 0; i < COUNT; i++)
        counts[true_labels[i]][labels[i]]++;
    for (int class = 0; class < CLASSES; class ++) {
        double chi_square = 0;
        for (int label = 0; label < CLASSES; label++) {
            const double expected = rows[class * CLASSES + label] * COUNT / CLASSES;
            assert_true(expected > 0 || counts[class][label] == 0);
            chi_square += expected > 0 ? pow(counts[class][label] - expected, 2) / expected : 0;
        }
        assert_true(chi_square < 39.4);
    }
}

static void each_kind_has_its_own_probabilities(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double diagonal, next, other;
    } kinds[] = {{"symmetric", 0.7, 0.3 / 9, 0.3 / 9},
                 {"uniform", 0.73, 0.03, 0.03},
                 {"pair", 0.7, 0.3, 0},
                 {"permute", 0.73, 0.03, 0.03}};
    for (int k = 0; k < 4; k++) {
        double rows[CLASSES * CLASSES];
        for (int i = 0; i < CLASSES * CLASSES; i++) {
            const int ahead = (i % CLASSES - i / CLASSES + CLASSES) % CLASSES;
            rows[i] = ahead == 0 ? kinds[k].diagonal : ahead == 1 ? kinds[k].next : kinds[k].other;
        }
        draw(kinds[k].name, 0.3, 5, 0, COUNT);
        assert_rows(rows);
    }
}

/* Row i: class i keeps i tenths, the rest goes to the classes 0 and 9 in halves. */
static void a_matrix_gives_every_class_its_row(void **state)
{
    (void)state;
    double rows[CLASSES * CLASSES] = {0};
    for (int i = 0; i < CLASSES; i++) {
        rows[i * CLASSES] += 0.5 * (1 - 0.1 * i);
        rows[i * CLASSES + CLASSES - 1] += 0.5 * (1 - 0.1 * i);
        rows[i * CLASSES + i] += 0.1 * i;
    }
    struct choice noise = choice_of(&label_noise_table, "class_conditional");
    choice_matrix(&noise, "matrix", CLASSES, CLASSES, rows);
    assert_int_equal(noise.kind->check(noise.settings, NULL), 0);
    draw_as(&noise, 6, 0, COUNT);
    assert_rows(rows);
}

static void kinds_with_a_rate_flip_the_same_samples(void **state)
{
    (void)state;
    static int16_t pairs[COUNT];
    draw("pair", 0.3, 8, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        pairs[i] = labels[i];
    draw("symmetric", 0.3, 8, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(pairs[i] != true_labels[i], labels[i] != true_labels[i]);
    draw("uniform", 0.3, 8, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_true(labels[i] == true_labels[i] || pairs[i] != true_labels[i]);
}

/* Counts of every class in the samples drawn together are as before, for any share and subset. */
static void permuting_keeps_the_class_counts_of_the_subset(void **state)
{
    (void)state;
    const double rates[] = {0, 0.1, 0.5, 1};
    for (int r = 0; r < 4; r++)
        for (int n = 1; n <= COUNT; n *= 7) {
            int balance[CLASSES] = {0}, flipped = 0;
            draw("permute", rates[r], 9, 13, n < COUNT - 13 ? n : COUNT - 13);
            for (int i = 13; i < 13 + n && i < COUNT; i++) {
                balance[true_labels[i]]++;
                balance[labels[i]]--;
                flipped += labels[i] != true_labels[i];
            }
            for (int class = 0; class < CLASSES; class ++)
                assert_int_equal(balance[class], 0);
            assert_true(flipped <= rint(rates[r] * n));
            assert_true(n < 1000 || flipped >= 0.8 * rates[r] * n);
        }
}

/* Samples outside a small share keep their labels, and so do those outside any larger share. */
static void shares_that_are_permuted_are_nested(void **state)
{
    (void)state;
    static bool kept[COUNT];
    draw("permute", 0.6, 10, 0, COUNT);
    int high = count_flipped();
    for (int i = 0; i < COUNT; i++)
        kept[i] = labels[i] == true_labels[i];
    draw("permute", 0.3, 10, 0, COUNT);
    int outside = 0;
    for (int i = 0; i < COUNT; i++)
        outside += labels[i] != true_labels[i] && kept[i];
    assert_true(high > count_flipped());
    assert_true(outside < 0.04 * COUNT); /* chosen both times, but given their own class by the larger one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(none_and_rate_zero_keep_every_label, set_up),
        cmocka_unit_test_setup(rate_one_keeps_none, set_up),
        cmocka_unit_test_setup(the_share_of_wrong_labels_is_the_rate, set_up),
        cmocka_unit_test_setup(wrong_labels_are_uniform_over_the_other_classes, set_up),
        cmocka_unit_test_setup(a_label_depends_on_its_position_only, set_up),
        cmocka_unit_test_setup(each_kind_has_its_own_probabilities, set_up),
        cmocka_unit_test_setup(a_matrix_gives_every_class_its_row, set_up),
        cmocka_unit_test_setup(kinds_with_a_rate_flip_the_same_samples, set_up),
        cmocka_unit_test_setup(permuting_keeps_the_class_counts_of_the_subset, set_up),
        cmocka_unit_test_setup(shares_that_are_permuted_are_nested, set_up),
        cmocka_unit_test_setup(rates_are_nested_and_seeds_are_not, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
