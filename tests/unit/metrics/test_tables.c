#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metrics/metrics.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

extern const struct metric_ops metric_entropy;

static void weights_copies_the_flat_block(void **state)
{
    (void)state;
    const struct metric_ops *ops = (const struct metric_ops *)(const void *)kind_find(&metric_table, "weights");
    const float parameters[] = {1, -2, 3.5f, 4};
    float out[] = {0, 0, 0, 0, -1};
    const struct measurement at = {.parameter_count = 4, .parameters = parameters};
    assert_int_equal(ops->column_count, 1);
    assert_int_equal(ops->columns[0].dimensions[1], DIMENSION_PARAMETER);
    assert_int_equal(ops->measure(NULL, &at, NULL, (void *[]){out}, NULL), STATUS_OK);
    assert_memory_equal(out, parameters, sizeof parameters);
    assert_true(out[4] < 0);
}

static void default_moments_are_the_documented_ones(void **state)
{
    (void)state;
    const struct kind *margins = kind_find(&metric_table, "margins"), *weights = kind_find(&metric_table, "weights");
    assert_string_equal(margins->fields[0].default_text, "[end]");
    assert_string_equal(weights->fields[0].default_text, "[init, end]");
}

static void every_curve_has_a_name_and_the_epoch(void **state)
{
    (void)state;
    for (int i = 0; i < CURVE_COUNT; i++) {
        assert_non_null(curve_columns[i].name);
        assert_int_equal(curve_columns[i].dimensions[0], DIMENSION_EPOCH);
        assert_int_equal(curve_columns[i].dimensions[1], DIMENSION_NONE);
    }
    assert_string_equal(curve_columns[CURVE_TEST_ACCURACY].name, "test_accuracy");
}

/* Settings as the engine would lay them out: `when`, then the metric's own. */
struct entropy_settings {
    struct metric_when when;
    double floor;
};

static void a_metric_can_be_built_from_the_public_headers(void **state)
{
    (void)state;
    const float logits[] = {1, 0, 0, 1, 2, 1, 0, 5};
    const struct evaluation train = {.count = 4, .logits = logits}, test = {.count = 2, .logits = logits + 2};
    const struct measurement at = {.classes = 2, .parts = {train, test}};
    struct entropy_settings settings = {.floor = 0};
    double results[2] = {0};
    void *const row[] = {&results[0], &results[1]};
    assert_int_equal(metric_entropy.measure(&settings, &at, NULL, row, NULL), STATUS_OK);
    assert_true(fabs(results[0] - log(2)) < 1e-12 && fabs(results[1] - log(2)) < 1e-12);
    settings.floor = 0.5;
    assert_int_equal(metric_entropy.measure(&settings, &at, NULL, row, NULL), STATUS_OK);
    assert_true(fabs(results[0]) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_copies_the_flat_block),
        cmocka_unit_test(default_moments_are_the_documented_ones),
        cmocka_unit_test(every_curve_has_a_name_and_the_epoch),
        cmocka_unit_test(a_metric_can_be_built_from_the_public_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
