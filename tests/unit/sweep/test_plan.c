#include "base/memory.h"
#include "data/data.h"
#include "sweep/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SOURCES_MAX = 4 };

/* A sweep planned on drawn data, small enough to be made in every test. */
struct planned {
    struct plan *plan;
    struct dataset *datasets[SOURCES_MAX];
    struct faults faults;
    struct text printed;
    enum status status;
};

#define SMALL \
    "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 30}\nmodel: {hidden: [5]}\n"

static struct planned plan_text(const char *text)
{
    struct planned planned = {0};
    struct error error = {0};
    const struct plan_request request = {.name = "s.yaml", .text = text, .bytes = strlen(text), .base_directory = "."};
    planned.status = plan_create(&request, &planned.plan, &planned.faults, &error);
    if (planned.status == STATUS_OK) {
        for (int i = 0; i < plan_source_count(planned.plan); i++) {
            const struct plan_source *source = plan_source(planned.plan, i);
            assert_int_equal(data_load(&source->config, source->data_seed, &planned.datasets[i], &error), STATUS_OK);
        }
        planned.status =
            plan_resolve(planned.plan, (const struct dataset *const *)planned.datasets, &planned.faults, &error);
    }
    faults_print(&planned.faults, &planned.printed);
    return planned;
}

static struct planned plan_right(const char *text)
{
    struct planned planned = plan_text(text);
    if (planned.status != STATUS_OK)
        fail_msg("%s", planned.printed.data);
    return planned;
}

static void plan_end(struct planned *planned)
{
    for (int i = 0; i < SOURCES_MAX; i++)
        dataset_destroy(&planned->datasets[i]);
    plan_destroy(&planned->plan);
    faults_free(&planned->faults);
    text_free(&planned->printed);
    assert_int_equal(memory_balance(), 0);
}

static struct hash128 identity_of(const char *text)
{
    struct planned planned = plan_right(text);
    const struct hash128 identity = plan_trial(planned.plan, 0)->identity;
    plan_end(&planned);
    return identity;
}

static bool same_identity(const char *a, const char *b)
{
    const struct hash128 x = identity_of(a), y = identity_of(b);
    return x.high == y.high && x.low == y.low;
}

static void an_identity_does_not_depend_on_spelling_order_or_name(void **state)
{
    (void)state;
    assert_true(same_identity(SMALL "train: {learning_rate: 1e-3, epochs: 2}\n",
                              SMALL "train: {epochs: 2, learning_rate: 0.001}\n"));
    assert_true(same_identity(SMALL "name: a\n", SMALL "name: b\nlimits: {trial: 10m, retries: 3}\n"));
    assert_true(same_identity(SMALL "train: {loss: mse}\n", SMALL "train: {loss: {kind: mse}}\n"));
    assert_true(
        same_identity(SMALL "train: {schedule: cosine}\n", SMALL "train: {schedule: {kind: cosine, minimum: 0}}\n"));
    assert_true(same_identity(SMALL "grid: {seed: [7], train.epochs: [3]}\n", SMALL "seed: 7\ntrain: {epochs: 3}\n"));
}

static void an_identity_depends_on_everything_that_results_depend_on(void **state)
{
    (void)state;
    static const char *const changes[] = {
        SMALL "seed: 1\n",
        SMALL "seeds: {init: 1}\n",
        SMALL "seeds: {data: 1}\n",
        SMALL "train: {epochs: 11}\n",
        SMALL "train: {learning_rate: 0.0500001}\n",
        SMALL "train: {loss: mse}\n",
        SMALL "train: {optimizer: {kind: sgd, nesterov: true}}\n",
        SMALL "metrics: {margins: {at: [end]}}\n",
        "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 30, train_size: 50}\nmodel: "
        "{hidden: [5]}\n",
        "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 31}\nmodel: {hidden: [5]}\n",
        "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 30}\nmodel: {hidden: [6]}\n",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (same_identity(SMALL, changes[i]))
            fail_msg("the identity does not see: %s", changes[i]);
}

static void pinning_a_stream_to_the_seed_it_has_anyway_changes_nothing(void **state)
{
    (void)state;
    assert_true(same_identity(SMALL "seed: 3\n", SMALL "seed: 3\nseeds: {init: 3, order: seed}\n"));
    assert_true(same_identity(SMALL, SMALL "seeds: {noise: 0, subset: 0, data: 0}\n"));
    assert_false(same_identity(SMALL "seed: 3\n", SMALL "seed: 3\nseeds: {init: 0}\n"));
}

static void trials_share_variants_models_and_sources(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "grid:\n"
                                              "  seed: 0..3\n"
                                              "  model.hidden: [[5], [6], [7]]\n"
                                              "  data.label_noise: [none, {kind: symmetric, rate: 0.4}]\n");
    assert_int_equal(plan_trial_count(planned.plan), 24);
    assert_int_equal(plan_source_count(planned.plan), 1);
    assert_int_equal(plan_variant_count(planned.plan), 2);
    assert_int_equal(plan_model_count(planned.plan), 3);
    assert_int_equal(plan_trial(planned.plan, 23)->parameters, 4 * 7 + 7 + 7 * 3 + 3);
    plan_end(&planned);
}

static void freeing_a_stream_makes_a_variant_a_seed(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "seeds: {subset: seed}\ngrid: {seed: 0..4}\n");
    assert_int_equal(plan_variant_count(planned.plan), 5);
    assert_int_equal(plan_source_count(planned.plan), 1);
    plan_end(&planned);
}

static void cost_grows_with_epochs_samples_and_width(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "grid:\n"
                                              "  - {train.epochs: [2, 4]}\n"
                                              "  - {train.epochs: [2], data.train_size: [30]}\n"
                                              "  - {train.epochs: [2], model.hidden: [[50]]}\n");
    const double base = plan_trial(planned.plan, 0)->flops;
    const double forward = 2 * (4 * 5 + 5 * 3);
    assert_true(plan_trial(planned.plan, 1)->flops > 1.6 * base);
    assert_true(plan_trial(planned.plan, 2)->flops < 0.8 * base);
    assert_true(plan_trial(planned.plan, 3)->flops > 5 * base);
    assert_true(base >= forward * (3 * 2 * 60 + 3 * 90));
    assert_true(plan_trial(planned.plan, 0)->samples == 120);
    plan_end(&planned);
}

static void a_validation_part_costs_its_evaluations(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "train: {epochs: 2}\ngrid:\n"
                                              "  data.train_size: [40]\n  data.validation_size: [0, 20]\n");
    const struct plan_trial *without = plan_trial(planned.plan, 0), *with = plan_trial(planned.plan, 1);
    const double forward = plan_model(planned.plan, with->model)->summary.flops_per_sample;
    assert_true(fabs(with->flops - without->flops - forward * 3 * 20) < 1e-6 * with->flops);
    assert_true(with->samples == without->samples);
    plan_end(&planned);
}

static void a_stage_has_what_train_has_where_it_gives_nothing(void **state)
{
    (void)state;
    struct planned planned =
        plan_right(SMALL "train:\n"
                         "  batch_size: 8\n"
                         "  optimizer: {kind: adam, beta1: 0.5}\n"
                         "  stop: {separated: true}\n"
                         "  stages:\n"
                         "    - {epochs: 7, label_noise: {kind: uniform, rate: 1}}\n"
                         "    - {batch_size: 5, optimizer: sgd, stop: {steps: 9}}\n"
                         "grid: {train.learning_rate: [0.5, 0.25], train.stages.0.label_noise.rate: [0, 1]}\n");
    struct trial_config config;
    for (int trial = 0; trial < 4; trial++) {
        assert_int_equal(plan_trial_config(planned.plan, trial, &config, NULL), STATUS_OK);
        assert_int_equal(config.train.stages.count, 2);
        const struct stage_config *first = config.train.stages.items[0], *second = config.train.stages.items[1];
        assert_true(first->train.learning_rate == config.train.learning_rate);
        assert_true(second->train.learning_rate == config.train.learning_rate);
        assert_true(*(const double *)first->label_noise.settings == trial % 2);
        assert_int_equal(first->train.epochs, 7);
        assert_int_equal(first->train.batch_size, 8);
        assert_memory_equal(&first->train.optimizer, &config.train.optimizer, sizeof config.train.optimizer);
        assert_false(first->train.stop.separated);
        assert_int_equal(second->train.epochs, 10);
        assert_int_equal(second->train.batch_size, 5);
        assert_string_equal(second->train.optimizer.kind->name, "sgd");
        assert_string_equal(second->label_noise.kind->name, "observed");
        assert_int_equal(second->train.stop.steps, 9);
    }
    assert_int_equal(plan_most_stages(planned.plan), 2);
    plan_end(&planned);
}

static void stages_enter_the_identity_by_what_they_do(void **state)
{
    (void)state;
    static const char *const different[] = {
        SMALL, SMALL "train: {stages: [{}]}\n", SMALL "train: {stages: [{epochs: 3}]}\n",
        SMALL "train: {stages: [{}, {}]}\n", SMALL "train: {stages: [{label_noise: none}]}\n"};
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(same_identity(different[i], different[j]));
    assert_true(same_identity(SMALL, SMALL "train: {stages: []}\n"));
    assert_true(same_identity(different[1], SMALL "train: {stages: [{epochs: 10, label_noise: observed}]}\n"));
}

static void stages_cost_their_training_and_its_evaluations(void **state)
{
    (void)state;
    struct planned planned =
        plan_right(SMALL "train: {epochs: 2, batch_size: 8}\n"
                         "grid:\n"
                         "  train.stages:\n"
                         "    - []\n"
                         "    - [{epochs: 3}]\n"
                         "    - [{epochs: 3, stop: {separated: true}}, {epochs: 9, stop: {steps: 10}}]\n"
                         "    - [{epochs: 1, stop: {train_loss: 0.1, every: 2}}]\n");
    const struct plan_trial *none = plan_trial(planned.plan, 0);
    const double forward = plan_model(planned.plan, none->model)->summary.flops_per_sample;
    /* samples trained on and evaluated, beside the main training's */
    const double samples[] = {0, 180, 180 + 80, 60}, evaluations[] = {0, 1, 4 + 1, 2 + 4};
    for (int trial = 0; trial < 4; trial++) {
        const struct plan_trial *at = plan_trial(planned.plan, trial);
        assert_true(at->samples == none->samples + samples[trial]);
        assert_true(fabs(at->flops - none->flops - forward * (3 * samples[trial] + 60 * evaluations[trial])) < 1e-3);
        assert_int_equal(at->epochs, 2);
    }
    plan_end(&planned);
}

static void expect_faults(const char *text, const char *faults)
{
    struct planned planned = plan_text(text);
    assert_int_equal(planned.status, STATUS_BAD_SWEEP);
    assert_string_equal(planned.printed.data, faults);
    plan_end(&planned);
}

#define MULTISTEP "train.schedule: [{kind: multistep, epochs: [2, 4]}]}\n"

static void numbers_of_a_plain_list_are_keys(void **state)
{
    (void)state;
    struct hash128 identities[2];
    struct planned planned = plan_right(SMALL "grid: {model.hidden.0: [8, 16], " MULTISTEP);
    for (int i = 0; i < 2; i++)
        identities[i] = plan_trial(planned.plan, i)->identity;
    plan_end(&planned);
    planned = plan_right(SMALL "grid: {model.hidden: [[8], [16]], " MULTISTEP);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(&identities[i], &plan_trial(planned.plan, i)->identity, sizeof identities[i]);
    plan_end(&planned);
    planned = plan_right(SMALL "grid: {model.hidden.0: [8, 16]}\nexclude: [{model.hidden.0: {above: 9}}]\n");
    assert_int_equal(plan_trial_count(planned.plan), 1);
    plan_end(&planned);
    expect_faults(SMALL "grid: {model.hidden.1: [8]}\n",
                  "s.yaml:3:25: model.hidden: there is no number 1: the list has 1, numbered 0 to 0\n");
    expect_faults(
        SMALL "grid: {model.hidden.0: [0]}\n",
        "s.yaml:3:25: model.hidden: '0' is too small; allowed: a list of whole numbers, each from 1 to 1048576\n");
    expect_faults("grid: {model.hidden.0: [8]}\n", "s.yaml:1:25: model.hidden: there is no number 0 to set: write the "
                                                   "whole list into its section first\n");
    expect_faults(SMALL "grid: {model.hidden.first: [8]}\n",
                  "s.yaml:3:8: unknown key 'model.hidden.first'; allowed in model.hidden: the place of a number, 0 for "
                  "the first, at most 127\n");
}

/* The longest trial's work, in FLOPs. */
static double work_with(const char *metrics)
{
    char text[512];
    snprintf(text, sizeof text, SMALL "train: {epochs: 2}\nmetrics: {weights: {at: [end]}%s}\n", metrics);
    struct planned planned = plan_right(text);
    const double flops = plan_trial(planned.plan, 0)->flops;
    plan_end(&planned);
    return flops;
}

static void metrics_cost_their_passes_at_every_point(void **state)
{
    enum { PARAMETERS = 4 * 5 + 5 + 5 * 3 + 3, ROWS = 4 + 5 + 5 + 3 };
    const double forward = 2 * (4 * 5 + 5 * 3), none = work_with(""), n = 20;
    const double rows = n * n * ROWS, moments = 4 * n * PARAMETERS;
    const struct {
        const char *metrics;
        double flops;
    } cases[] = {
        {", interpolation: {points: 7, parts: [train, test], modes: [linear, layers], epochs: [0, 2], at: []}",
         2 * 3 * 7 * (90 * forward + 3 * PARAMETERS)},
        {", interpolation: {points: 7, samples: 10}", 7 * (10 * forward + 3 * PARAMETERS)},
        {", interpolation: {points: 7, epochs: [3], at: []}", 0},
        {", stiffness: {samples: 20, pairs: [train], distances: false, every: 1}", 3 * (3 * n * forward + rows)},
        {", stiffness: {samples: 10, distances: false}", 3 * n * forward + rows},
        {", stiffness: {samples: 20, pairs: [train]}", 3 * n * forward + rows + 2 * n * n * 4},
        {", gradients: {samples: 20}", 3 * n * forward + rows + moments},
        {", curvature: {samples: 10, iterations: 12, probes: 3}", 8 * (12 + 3) * 10 * forward},
        {", curvature: {samples: 20, top: 2, probes: 0, every: 1}", 3 * 8 * (55 + 5) * n * forward},
        {", margins: {normalise: [input_gradient]}", 3 * 90 * forward + PARAMETERS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fabs(work_with(cases[i].metrics) - none - cases[i].flops) > 1e-3)
            fail_msg("%s: %g more FLOPs, not %g", cases[i].metrics, work_with(cases[i].metrics) - none, cases[i].flops);
}

static void a_limit_on_steps_bounds_cost_and_epochs(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "train: {epochs: 1000000, batch_size: 8}\n"
                                              "grid:\n"
                                              "  - {train.stop.steps: [16, 17]}\n"
                                              "  - {train.stop.steps: [17], train.stop.train_loss: [0.5], "
                                              "train.stop.every: [4]}\n");
    const double forward = 2 * (4 * 5 + 5 * 3), both = 90, whole = plan_trial(planned.plan, 0)->flops;
    assert_true(plan_trial(planned.plan, 0)->samples == 2 * 60);
    assert_true(plan_trial(planned.plan, 1)->samples == 17 * 8);
    assert_int_equal(plan_trial(planned.plan, 0)->epochs, 2);
    assert_int_equal(plan_longest_epochs(planned.plan), 3);
    assert_true(whole >= forward * (3 * 120 + 3 * both));
    assert_true(plan_trial(planned.plan, 1)->flops >= whole + forward * (3 * 16 + both));
    assert_true(plan_trial(planned.plan, 2)->flops >= plan_trial(planned.plan, 1)->flops + forward * 4 * 60);
    plan_end(&planned);
}

static void a_duplicate_trial_is_a_fault_that_names_both(void **state)
{
    (void)state;
    struct planned planned = plan_text(SMALL "grid:\n  - {seed: 0..2}\n  - {seed: [2, 3]}\n");
    assert_int_equal(planned.status, STATUS_BAD_SWEEP);
    assert_non_null(strstr(planned.printed.data, "trial 3 is the same as trial 2"));
    plan_end(&planned);
}

static void sizes_beyond_the_data_are_faults_at_their_key(void **state)
{
    (void)state;
    struct planned planned = plan_text(
        "data:\n  source: gaussians\n  train_count: 60\n  test_count: 30\n  train_size: 61\n  test_size: 31\n");
    assert_int_equal(planned.status, STATUS_BAD_SWEEP);
    assert_non_null(
        strstr(planned.printed.data, "s.yaml:5:15: data.train_size: 61 samples, but the source 'gaussians' has 60"));
    assert_non_null(
        strstr(planned.printed.data, "s.yaml:6:14: data.test_size: 31 samples, but the source 'gaussians' has 30"));
    plan_end(&planned);
}

static void a_trial_reads_back_as_its_point_says(void **state)
{
    (void)state;
    struct planned planned = plan_right(SMALL "grid: {seed: 4..5, train.learning_rate: [0.1, 0.2]}\n");
    static struct trial_config config;
    struct error error;
    assert_int_equal(plan_trial_config(planned.plan, 3, &config, &error), STATUS_OK);
    assert_int_equal(config.seed, 5);
    assert_true(config.train.learning_rate == 0.2);
    assert_int_equal(trial_stream_seed(&config, STREAM_INIT), 5);
    assert_int_equal(trial_stream_seed(&config, STREAM_NOISE), 0);
    plan_end(&planned);
}

static void axis_texts_are_values_as_read_and_kinds_as_written(void **state)
{
    (void)state;
    struct planned planned = plan_right(
        SMALL "grid:\n  - {train.learning_rate: [1e-3], train.loss: [mse, {kind: mse_logits}]}\n  - {seed: [8]}\n");
    assert_int_equal(plan_axis_count(planned.plan), 3);
    assert_string_equal(plan_axis_text(planned.plan, 1, 0), "0.001");
    assert_string_equal(plan_axis_text(planned.plan, 1, 1), "{kind: mse_logits}");
    assert_string_equal(plan_axis_text(planned.plan, 1, 2), "0");
    assert_string_equal(plan_axis_text(planned.plan, 2, 1), "cross_entropy");
    assert_string_equal(plan_axis_text(planned.plan, 2, 2), "8");
    assert_int_equal(plan_axis_value_count(planned.plan, 2), 2);
    assert_string_equal(plan_axis_value(planned.plan, 1, 2), "cross_entropy");
    plan_end(&planned);
}

#define LISTED                                                                                \
    "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 60, test_count: 30}\n" \
    "model: {kind: layers, layers: [{kind: dense, units: 5}, relu, dense]}\n"

static void lists_of_layers_are_models_like_others(void **state)
{
    (void)state;
    struct planned planned = plan_right(LISTED "grid: {model.layers.0.units: [5, 6], seed: 0..1}\n");
    assert_int_equal(plan_model_count(planned.plan), 2);
    assert_int_equal(plan_trial(planned.plan, 0)->parameters, 5 * 5 + 3 * 6);
    assert_int_equal(plan_trial(planned.plan, 3)->parameters, 6 * 5 + 3 * 7);
    assert_string_equal(plan_axis_text(planned.plan, 3, 0), "6");
    plan_end(&planned);
    assert_true(same_identity(LISTED, LISTED "grid: {model.layers.0.units: [5.0]}\n"));
    assert_false(same_identity(LISTED, LISTED "grid: {model.layers.1: [tanh]}\n"));
}

static void a_layer_that_does_not_fit_is_a_fault_at_its_place(void **state)
{
    (void)state;
    struct planned planned = plan_text(LISTED "grid:\n  model.layers.0:\n    - dropout\n    - {kind: max_pool}\n");
    assert_int_equal(planned.status, STATUS_BAD_SWEEP);
    assert_string_equal(planned.printed.data, "s.yaml:6:7: model.layers.0: layer max_pool1: max_pool: a window of 2 x "
                                              "2 does not fit into 1 x 4 pixels; pool less\n");
    plan_end(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_does_not_depend_on_spelling_order_or_name),
        cmocka_unit_test(an_identity_depends_on_everything_that_results_depend_on),
        cmocka_unit_test(pinning_a_stream_to_the_seed_it_has_anyway_changes_nothing),
        cmocka_unit_test(trials_share_variants_models_and_sources),
        cmocka_unit_test(freeing_a_stream_makes_a_variant_a_seed),
        cmocka_unit_test(cost_grows_with_epochs_samples_and_width),
        cmocka_unit_test(a_validation_part_costs_its_evaluations),
        cmocka_unit_test(a_stage_has_what_train_has_where_it_gives_nothing),
        cmocka_unit_test(stages_enter_the_identity_by_what_they_do),
        cmocka_unit_test(stages_cost_their_training_and_its_evaluations),
        cmocka_unit_test(numbers_of_a_plain_list_are_keys),
        cmocka_unit_test(metrics_cost_their_passes_at_every_point),
        cmocka_unit_test(a_limit_on_steps_bounds_cost_and_epochs),
        cmocka_unit_test(a_duplicate_trial_is_a_fault_that_names_both),
        cmocka_unit_test(sizes_beyond_the_data_are_faults_at_their_key),
        cmocka_unit_test(a_trial_reads_back_as_its_point_says),
        cmocka_unit_test(axis_texts_are_values_as_read_and_kinds_as_written),
        cmocka_unit_test(lists_of_layers_are_models_like_others),
        cmocka_unit_test(a_layer_that_does_not_fit_is_a_fault_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
