/* What curvature is measured on, and what it measures where both are known in closed form. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/yield.h"
#include "kernels/blas.h"
#include "metrics/metrics.h"
#include "network/network.h"
#include "seedbed/loss.h"
#include "settings.h"
#include "toy_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct loss_ops loss_huberised; /* of tests/plugins */

enum { SAMPLES = 60, FEATURES = 6, CLASSES = 3 };

static const struct metric_ops *curvature_ops(void)
{
    return (const struct metric_ops *)kind_find(&metric_table, "curvature");
}

static void expect_refusal(const struct metric_trial *trial, const char *text)
{
    struct error error;
    const struct choice metric = choice_of(&metric_table, "curvature");
    assert_int_equal(curvature_ops()->fit(metric.settings, trial, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, text);
}

static void what_has_no_second_derivatives_is_refused(void **state)
{
    (void)state;
    const struct loss_ops *const loss = (const struct loss_ops *)kind_find(&loss_table, "mse");
    const struct choice metric = choice_of(&metric_table, "curvature");
    struct metric_trial trial = {.loss = loss, .uncurved = ""};
    assert_int_equal(curvature_ops()->fit(metric.settings, &trial, NULL), STATUS_OK);
    trial.uncurved = "scale2";
    expect_refusal(&trial,
                   "metrics.curvature: layer scale2 has no derivatives along a direction (forward_along); leave "
                   "the metric out, or give the layer some");
    trial.uncurved = "";
    trial.loss = &loss_huberised;
    expect_refusal(&trial, "metrics.curvature: loss 'huberised' has no second derivative (gradient_along); leave the "
                           "metric out, or give the loss one");
}

static void every_loss_of_the_table_has_a_second_derivative(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        assert_non_null(((const struct loss_ops *)*kind)->gradient_along);
}

static enum status go_on(void *context, struct error *error)
{
    (void)context, (void)error;
    return STATUS_OK;
}

static enum status stop_third(void *context, struct error *error)
{
    (void)error;
    return ++*(int *)context == 3 ? STATUS_STOPPED : STATUS_OK;
}

/* A straight network under mse_logits: H is 2/n sum of (x, 1)(x, 1)^T for each class, whatever the parameters. */
struct straight {
    struct samples parts[PART_COUNT];
    struct network *network;
    struct choice loss, metric;
    struct measurement at;
    double eigenvalue[2], eigenvalue_error[2], smallest, smallest_error, trace, trace_error;
    int32_t iterations, position[SAMPLES];
    void *row[8];
};

static void straight_begin(struct straight *s, const struct yield *yield)
{
    struct model_config model;
    *s = (struct straight){.loss = choice_of(&loss_table, "mse_logits")};
    settings_default(model_fields, &model);
    model.kind = choice_spelled(&model_table, "mlp hidden=[]");
    for (int part = 0; part < PART_COUNT; part++)
        s->parts[part] = toy_samples(SAMPLES, FEATURES, CLASSES, 1, (uint64_t)part);
    const struct shape input = {1, FEATURES, 1};
    assert_int_equal(network_create(&model, input, CLASSES, 16, &s->network, NULL), STATUS_OK);
    network_initialise(s->network, 1);
    s->metric = choice_spelled(&metric_table, "curvature samples=0 top=2 probes=400 tolerance=1e-6");
    s->at = (struct measurement){.classes = CLASSES,
                                 .network = s->network,
                                 .parameter_count = network_parameter_count(s->network),
                                 .samples = s->parts,
                                 .loss = &s->loss,
                                 .yield = yield};
    void *const row[] = {s->position,        s->eigenvalue,  s->eigenvalue_error, &s->smallest,
                         &s->smallest_error, &s->iterations, &s->trace,           &s->trace_error};
    memcpy(s->row, row, sizeof row);
}

static void straight_end(struct straight *s)
{
    network_destroy(&s->network);
    for (int part = 0; part < PART_COUNT; part++)
        toy_samples_free(&s->parts[part]);
}

static void a_straight_network_has_a_trace_in_closed_form(void **state)
{
    (void)state;
    const struct yield nobody = {.call = go_on};
    struct straight s;
    straight_begin(&s, &nobody);
    const float *const x = dataset_values_const(s.parts[PART_TRAIN].dataset, PART_TRAIN);
    double trace = 0;
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        trace += (double)x[i] * (double)x[i];
    trace = CLASSES * 2 * (trace / SAMPLES + 1);
    assert_int_equal(curvature_ops()->measure(s.metric.settings, &s.at, NULL, s.row, NULL), STATUS_OK);
    assert_true(fabs(s.trace - trace) < 3 * s.trace_error && s.trace_error < 0.05 * trace);
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(s.position[i], i);
    /* Each eigenvalue comes once for each class, but Lanczos' method meets it once; none is negative. */
    assert_true(s.eigenvalue[0] > s.eigenvalue[1] && s.smallest > 0 && s.iterations <= FEATURES + 3);
    assert_true(CLASSES * s.eigenvalue[0] < trace);
    straight_end(&s);
}

static void a_stop_is_passed_on_at_once(void **state)
{
    (void)state;
    int calls = 0;
    const struct yield third = {.context = &calls, .call = stop_third};
    struct straight s;
    straight_begin(&s, &third);
    assert_int_equal(curvature_ops()->measure(s.metric.settings, &s.at, NULL, s.row, NULL), STATUS_STOPPED);
    assert_int_equal(calls, 3);
    straight_end(&s);
}

static void settings_that_do_not_fit_each_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spelled, *text;
    } cases[] = {
        {"curvature probes=1", "probes: 1 found; an error needs at least 2, no trace 0"},
        {"curvature top=20 iterations=10",
         "iterations: 10 found for 20 eigenvalues; give at least as many, better ten for each"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        const struct choice metric = choice_spelled(&metric_table, cases[i].spelled);
        assert_int_equal(metric.kind->check(metric.settings, &error), STATUS_BAD_SWEEP);
        assert_string_equal(error.text, cases[i].text);
    }
}

static int set_up(void **state)
{
    (void)state;
    return blas_setup() == 1 ? 0 : 1;
}

static int nothing_leaks(void **state)
{
    (void)state;
    return memory_balance() == 0 ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_second_derivatives_is_refused),
        cmocka_unit_test(every_loss_of_the_table_has_a_second_derivative),
        cmocka_unit_test(a_straight_network_has_a_trace_in_closed_form),
        cmocka_unit_test(a_stop_is_passed_on_at_once),
        cmocka_unit_test(settings_that_do_not_fit_each_other_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, nothing_leaks);
}
