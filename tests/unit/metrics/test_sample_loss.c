#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/metrics.h"
#include "network/network.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 4, POINTS = 5, COLUMNS_MAX = 64, ROOM = 64 };

static const struct metric_ops *metric;
static struct choice settings;
static void *state_memory;
static double room[COLUMNS_MAX][ROOM]; /* a column's whole array */
static size_t slab_bytes[COLUMNS_MAX];

/* Bytes of a point's slab, by the test part's sizes. */
static size_t slab_of(const struct column *column, const struct metric_sizes *sizes)
{
    size_t count = column->type == COLUMN_FLOAT64 ? 8 : column->type == COLUMN_INT16 ? 2 : 4;
    for (int d = 0; d < COLUMN_DIMENSIONS_MAX && column->dimensions[d] != DIMENSION_NONE; d++)
        if (column->dimensions[d] == DIMENSION_TEST_SAMPLE)
            count *= COUNT;
        else if (column->dimensions[d] >= DIMENSION_OWN)
            count *= (size_t)metric->dimensions[column->dimensions[d] - DIMENSION_OWN].size(settings.settings, sizes);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    const struct metric_sizes sizes = {
        .points = POINTS, .test_samples = COUNT, .train_samples = 1, .classes = 3, .tensors = 1};
    settings = choice_of(&metric_table, "sample_loss");
    metric = (const struct metric_ops *)(const void *)settings.kind;
    state_memory = calloc(1, metric->state_bytes(settings.settings, &sizes));
    for (int c = 0; c < metric->column_count; c++) {
        slab_bytes[c] = metric->records(settings.settings, &sizes, c) ? slab_of(&metric->columns[c], &sizes) : 0;
        for (int i = 0; i < ROOM; i++)
            room[c][i] = NAN;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(state_memory);
    return 0;
}

static int column_of(const char *name)
{
    for (int c = 0; c < metric->column_count; c++)
        if (strcmp(metric->columns[c].name, name) == 0)
            return c;
    fail_msg("no column is named %s", name);
    return -1;
}

static void make_row(int point, void **row)
{
    for (int c = 0; c < metric->column_count; c++)
        row[c] = slab_bytes[c] == 0 ? NULL : (char *)room[c] + (size_t)point * slab_bytes[c];
}

static double number(const char *name, int i)
{
    return room[column_of(name)][i];
}

static int whole(const char *name)
{
    int32_t value;
    memcpy(&value, room[column_of(name)], sizeof value);
    return value;
}

static struct measurement describe(int point, double train_accuracy, const float *logits, const double *losses)
{
    static const int16_t labels[COUNT] = {0, 1, 2, 0};
    static const float parameters[] = {3, 4};
    static const struct tensor_spec tensor = {.role = TENSOR_WEIGHT, .rank = 1, .dimensions = {2}};
    struct measurement at = {
        .point = point, .classes = 3, .parameters = parameters, .tensor_count = 1, .tensors = &tensor};
    double sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += losses[i];
    at.parts[PART_TRAIN] = (struct evaluation){.count = 1, .accuracy = train_accuracy};
    at.parts[PART_TEST] = (struct evaluation){.count = COUNT,
                                              .logits = logits,
                                              .labels = labels,
                                              .losses = losses,
                                              .mean_loss = sum / COUNT,
                                              .accuracy = 0.5};
    return at;
}

static void measure(int point, double train_accuracy, const float *logits, const double *losses)
{
    void *row[COLUMNS_MAX];
    const struct measurement at = describe(point, train_accuracy, logits, losses);
    make_row(point, row);
    assert_int_equal(metric->measure(settings.settings, &at, state_memory, row, NULL), STATUS_OK);
}

static void end(const float *logits, const double *losses)
{
    void *row[COLUMNS_MAX];
    const struct measurement at = describe(-1, 1, logits, losses);
    make_row(0, row);
    assert_int_equal(metric->end(settings.settings, &at, state_memory, row, NULL), STATUS_OK);
    assert_int_equal(memory_balance(), 0);
}

/* Right with a margin of 0.25, right, right, wrong; then right, wrong, right, right. */
static const float before[] = {1.25f, 1, 0, 0, 3, 0, 0, 0, 2, 0, 1, 5};
static const float after[] = {4, 1, 0, 3, 0, 0, 0, 0, 2, 5, 1, 0};

static void the_rise_is_told_apart_by_group(void **state)
{
    (void)state;
    const double first[] = {2, 2, 2, 2}, least[] = {0.5, 0.25, 0.25, 1}, last[] = {1.5, 2.25, 0.25, 0.5};
    const double later[] = {0, 0, 0, 0};
    measure(0, 0.2, before, first);
    measure(1, 0.6, before, least);
    measure(2, 0.9, after, last);
    measure(3, 1, after, later); /* every training sample is right: not looked at */
    measure(4, 0.5, after, later);
    end(after, later);
    assert_int_equal(whole("test_best_point"), 1);
    assert_int_equal(whole("test_last_point"), 2);
    assert_true(number("test_rise", 0) == 2.5 / 4);
    assert_true(number("test_fraction_rising", 0) == 0.5);
    assert_true(number("test_top_share", 0) == 2.0 / 3); /* each share up to 10 % is of one sample here */
    const double rise[] = {1, 0, 0, 2, 0, -0.5, 0, 0}, share[] = {1, 1, 0, 1, 0, 1, 0, 0};
    for (int group = 0; group < 8; group++) {
        assert_true(number("test_rise_split", group) == rise[group] / 4);
        assert_true(number("test_split_share", group) == share[group] / 4);
    }
    assert_true(number("test_mean", 2) == 4.5 / 4 && number("tensor_norm", 3) == 5);
}

static void a_loss_beyond_a_thousand_and_a_tiny_one_are_recorded_to_a_millionth(void **state)
{
    (void)state;
    const double losses[] = {4321.98765, 123456.789, 1.23456789e-30, 0};
    float found[COUNT];
    measure(0, 0, before, losses);
    memcpy(found, room[column_of("test")], sizeof found);
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs((double)found[i] - losses[i]) <= 1e-7 * losses[i]);
}

static void nothing_is_derived_where_all_is_right_from_the_start(void **state)
{
    (void)state;
    const double losses[] = {1, 1, 1, 1};
    measure(0, 1, before, losses);
    end(before, losses);
    assert_true(isnan(number("test_rise", 0)) && isnan(number("test_split_share", 0)));
}

static void parts_and_scale_decide_the_columns(void **state)
{
    (void)state;
    const struct metric_sizes sizes = {.points = 1, .test_samples = COUNT, .train_samples = COUNT, .tensors = 1};
    assert_true(metric->records(settings.settings, &sizes, column_of("test_best_scale")));
    assert_false(metric->records(settings.settings, &sizes, column_of("train")));
    choice_flag(&settings, "scale", false);
    assert_false(metric->records(settings.settings, &sizes, column_of("test_best_scale_loss")));
    assert_true(metric->records(settings.settings, &sizes, column_of("test_gini")));
    settings = choice_spelled(&metric_table, "sample_loss parts=[train,validation]");
    assert_true(metric->records(settings.settings, &sizes, column_of("train")));
    assert_false(metric->records(settings.settings, &sizes, column_of("test")));
    assert_false(metric->records(settings.settings, &sizes, column_of("validation")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rise_is_told_apart_by_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loss_beyond_a_thousand_and_a_tiny_one_are_recorded_to_a_millionth, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_derived_where_all_is_right_from_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_and_scale_decide_the_columns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
