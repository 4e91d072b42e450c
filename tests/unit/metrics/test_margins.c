#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/metrics.h"
#include "network/activation.h"
#include "network/build.h"
#include "network/layer_dense.h"
#include "seedbed/random.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT_MAX = 501, CLASSES_MAX = 10, COLUMNS_MAX = 96 };

static const struct metric_ops *metric;
static float samples[COLUMNS_MAX][COUNT_MAX];
static double numbers[COLUMNS_MAX];
static void *row[COLUMNS_MAX];

/* Two weight tensors of norms 5 and 13 around a bias that does not count. */
static const float parameters[] = {3, 0, 0, 4, 100, -100, 5, 12};
static struct network *network;
static struct choice settings;

static int set_up(void **state)
{
    (void)state;
    settings = choice_of(&metric_table, "margins");
    choice_names(&settings, "normalise", 2, (const char *const[]){"frobenius", "last_layer"});
    metric = (const struct metric_ops *)(const void *)settings.kind;
    for (int c = 0; c < metric->column_count; c++) {
        row[c] = metric->columns[c].type == COLUMN_FLOAT32 ? (void *)samples[c] : (void *)&numbers[c];
        numbers[c] = NAN;
        for (int i = 0; i < COUNT_MAX; i++)
            samples[c][i] = NAN;
    }
    return 0;
}

static void add_dense_layer(struct layer_list *list, int units, bool bias)
{
    const struct dense_settings dense = {
        .units = units, .bias = bias, .activation = kind_find(&activation_table, "linear")};
    assert_int_equal(layer_list_add(list, &layer_dense, &dense, sizeof dense, NULL), STATUS_OK);
}

static int build_network(void **state)
{
    (void)state;
    struct layer_list list = {0};
    const struct choice init = choice_of(&initialisation_table, "he");
    add_dense_layer(&list, 2, true);
    add_dense_layer(&list, 1, false);
    if (network_build(&list, &init, (struct shape){1, 1, 2}, 1, &network, NULL) != STATUS_OK)
        return 1;
    memcpy(network_parameters(network), parameters, sizeof parameters);
    return 0;
}

static int destroy_network(void **state)
{
    (void)state;
    network_destroy(&network);
    return memory_balance() == 0 ? 0 : 1;
}

static int column_of(const char *name)
{
    for (int c = 0; c < metric->column_count; c++)
        if (strcmp(metric->columns[c].name, name) == 0)
            return c;
    fail_msg("no column is named %s", name);
    return -1;
}

static const float *samples_of(const char *name)
{
    return samples[column_of(name)];
}

static double number_of(const char *name)
{
    return numbers[column_of(name)];
}

static void expect_near(const char *name, double wanted)
{
    const double found = number_of(name);
    if (!(fabs(found - wanted) <= 1e-12 * (1 + fabs(wanted))))
        fail_msg("%s is %.17g, expected %.17g", name, found, wanted);
}

static const struct metric_sizes no_validation = {.train_samples = 4}, with_validation = {.validation_samples = 4};

static void measure_parts(int classes, const struct evaluation *train, const struct evaluation *test,
                          const struct evaluation *validation)
{
    const struct measurement at = {.classes = classes,
                                   .parts = {*train, *test, *validation},
                                   .tensor_count = network_tensor_count(network),
                                   .tensors = network_tensors(network),
                                   .network = network};
    void *recorded[COLUMNS_MAX];
    const int64_t balance = memory_balance();
    for (int c = 0; c < metric->column_count; c++)
        recorded[c] = metric->records(settings.settings, &with_validation, c) ? row[c] : NULL;
    assert_int_equal(metric->measure(settings.settings, &at, NULL, recorded, NULL), STATUS_OK);
    assert_int_equal(memory_balance(), balance);
}

static void measure(int classes, const struct evaluation *train, const struct evaluation *test)
{
    measure_parts(classes, train, test, &(struct evaluation){0});
}

/* Margins 2, -1, 5 and 0. */
static const float hand_logits[] = {3, 1, -4, 0, 1, 0, -2, 3, -7, 6, 6, 6};
static const int16_t hand_labels[] = {0, 2, 1, 2};
static const struct evaluation hand = {.count = 4, .logits = hand_logits, .labels = hand_labels};

static void margins_of_a_case_made_by_hand_are_right(void **state)
{
    (void)state;
    const float wanted[] = {2, -1, 5, 0};
    const struct evaluation first = {.count = 1, .logits = hand_logits, .labels = hand_labels};
    measure(3, &hand, &first);
    assert_memory_equal(samples_of("train"), wanted, sizeof wanted);
    assert_memory_equal(samples_of("test"), wanted, sizeof(float));
    assert_true(isnan(samples_of("train")[4]));
    for (int i = 0; i < 4; i++) {
        assert_true(fabsf(samples_of("train_frobenius")[i] - wanted[i] / 65) < 1e-8f);
        assert_true(fabsf(samples_of("train_last_layer")[i] - wanted[i] / 13) < 1e-7f);
    }
}

static void rho_takes_weights_only(void **state)
{
    (void)state;
    measure(3, &hand, &hand);
    expect_near("rho_frobenius", 65);
    expect_near("rho_last_layer", 13);
}

static void statistics_of_a_case_made_by_hand_are_right(void **state)
{
    (void)state;
    measure(3, &hand, &hand);
    expect_near("train_area", 1.5);
    expect_near("train_area_frobenius", 1.5 / 65);
    expect_near("train_area_last_layer", 1.5 / 13);
    expect_near("train_positive_area", 1.75);
    expect_near("train_positive_area_frobenius", 1.75 / 65);
    expect_near("train_positive_area_last_layer", 1.75 / 13);
    expect_near("train_minimum", -1);
    expect_near("train_quantile_01", -0.97);
    expect_near("train_quantile_10", -0.7);
    expect_near("train_quantile_50", 1);
    expect_near("train_quantile_90", 4.1);
    expect_near("train_variation", sqrt(5.25) / 1.5);
    expect_near("test_area", 1.5);
    expect_near("test_quantile_90", 4.1);
}

static void the_validation_part_is_measured_where_there_is_one(void **state)
{
    (void)state;
    const struct evaluation none = {0};
    measure_parts(3, &none, &none, &hand);
    expect_near("validation_area", 1.5);
    expect_near("validation_quantile_90", 4.1);
    assert_true(isnan(number_of("train_area")) && isnan(number_of("test_area")));
    for (int c = 0; c < metric->column_count; c++) {
        const bool of_validation = strncmp(metric->columns[c].name, "validation", 10) == 0;
        const bool recorded = metric->records(settings.settings, &with_validation, c);
        assert_int_equal(metric->records(settings.settings, &no_validation, c), recorded && !of_validation);
    }
}

static void the_label_trained_on_counts_not_the_true_one(void **state)
{
    (void)state;
    const int16_t true_labels[] = {2, 2, 2, 2};
    struct evaluation noisy = hand;
    noisy.true_labels = true_labels;
    measure(3, &noisy, &noisy);
    assert_true(samples_of("train")[0] > 1.5f);
}

/* Margins i = 0 .. n-1 in shuffled order: the quantile at share q is q (n - 1). */
static void quantiles_of_a_ramp_have_a_closed_form(void **state)
{
    (void)state;
    static float logits[2 * COUNT_MAX];
    static int16_t labels[COUNT_MAX];
    static int32_t order[COUNT_MAX];
    for (int n = 1; n <= COUNT_MAX; n += 20) {
        struct random random = random_start(STREAM_METRIC, 1, 0);
        random_permutation(&random, n, order);
        for (int i = 0; i < n; i++)
            logits[2 * i] = (float)order[i];
        const struct evaluation ramp = {.count = n, .logits = logits, .labels = labels};
        measure(2, &ramp, &ramp);
        expect_near("train_quantile_01", 0.01 * (n - 1));
        expect_near("train_quantile_10", 0.1 * (n - 1));
        expect_near("test_quantile_50", 0.5 * (n - 1));
        expect_near("test_quantile_90", 0.9 * (n - 1));
        expect_near("test_minimum", 0);
    }
}

static float margin_by_sorting(int classes, const float *z, int label)
{
    float best = -INFINITY;
    for (int j = 0; j < classes; j++)
        best = j == label ? best : fmaxf(best, z[j]);
    return z[label] - best;
}

static void margins_match_the_naive_twin_for_every_class_count(void **state)
{
    (void)state;
    static float logits[COUNT_MAX * CLASSES_MAX];
    static int16_t labels[COUNT_MAX];
    struct random random = random_start(STREAM_METRIC, 2, 0);
    for (int classes = 2; classes <= CLASSES_MAX; classes++) {
        for (int i = 0; i < COUNT_MAX; i++)
            labels[i] = (int16_t)random_below(&random, (uint32_t)classes);
        for (int i = 0; i < COUNT_MAX * classes; i++)
            logits[i] = (float)random_normal(&random) * 10;
        const struct evaluation part = {.count = COUNT_MAX, .logits = logits, .labels = labels};
        measure(classes, &part, &part);
        for (int i = 0; i < COUNT_MAX; i++) {
            const float wanted = margin_by_sorting(classes, logits + i * classes, labels[i]);
            assert_memory_equal(&samples_of("test")[i], &wanted, sizeof wanted);
        }
    }
}

static void every_column_says_what_it_is(void **state)
{
    (void)state;
    for (const struct kind *const *kind = metric_table.kinds; *kind != NULL; kind++) {
        const struct metric_ops *ops = (const struct metric_ops *)(const void *)*kind;
        for (int a = 0; a < ops->column_count; a++) {
            assert_non_null(ops->columns[a].units);
            assert_true(strlen(ops->columns[a].long_name) > 5);
            for (int b = 0; b < a; b++)
                assert_string_not_equal(ops->columns[a].name, ops->columns[b].name);
        }
        assert_string_equal(ops->kind.fields[0].name, "at");
        assert_int_equal(ops->kind.fields[0].offset, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(margins_of_a_case_made_by_hand_are_right, set_up),
        cmocka_unit_test_setup(rho_takes_weights_only, set_up),
        cmocka_unit_test_setup(statistics_of_a_case_made_by_hand_are_right, set_up),
        cmocka_unit_test_setup(the_validation_part_is_measured_where_there_is_one, set_up),
        cmocka_unit_test_setup(the_label_trained_on_counts_not_the_true_one, set_up),
        cmocka_unit_test_setup(quantiles_of_a_ramp_have_a_closed_form, set_up),
        cmocka_unit_test_setup(margins_match_the_naive_twin_for_every_class_count, set_up),
        cmocka_unit_test_setup(every_column_says_what_it_is, set_up),
    };
    return cmocka_run_group_tests(tests, build_network, destroy_network);
}
