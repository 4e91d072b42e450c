#include "base/memory.h"
#include "data/data.h"
#include "sweep/schema.h"
#include "sweep/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SWEEP                                                                                                  \
    "data: {source: gaussians, dimensions: 4, classes: 3, train_count: 70, test_count: 30, separation: 100}\n" \
    "model: {hidden: [16]}\n"                                                                                  \
    "metrics: {margins: {at: [init, separated, end], every: 2}, weights: {at: [end]}}\n"

/* Everything that a trial needs but for a file. */
struct bench {
    struct plan *plan;
    struct dataset *dataset;
    struct schema *schema;
    struct trial_runner *runner;
    struct trial_ending ending;
    const struct results_row *row;
    struct error error;
};

static struct bench bench;

static enum status go_on(void *context, struct error *error)
{
    (void)context;
    (void)error;
    return STATUS_OK;
}

static enum status stop_after(void *context, struct error *error)
{
    int *left = context;
    return (*left)-- > 0 ? STATUS_OK : (fail)(error, STATUS_STOPPED, "stopped");
}

static void bench_open(const char *text)
{
    struct faults faults = {0};
    const struct plan_request request = {.name = "s.yaml", .text = text, .bytes = strlen(text), .base_directory = "."};
    memset(&bench, 0, sizeof bench);
    assert_int_equal(plan_create(&request, &bench.plan, &faults, &bench.error), STATUS_OK);
    const struct plan_source *source = plan_source(bench.plan, 0);
    assert_int_equal(data_load(&source->config, source->data_seed, &bench.dataset, &bench.error), STATUS_OK);
    const struct dataset *const datasets[] = {bench.dataset};
    assert_int_equal(plan_resolve(bench.plan, datasets, &faults, &bench.error), STATUS_OK);
    const struct schema_request schema = {.plan = bench.plan, .yaml = text};
    assert_int_equal(schema_create(&schema, &bench.schema, &bench.error), STATUS_OK);
    assert_int_equal(trial_runner_create(bench.plan, bench.schema, &bench.runner, &bench.error), STATUS_OK);
}

static void bench_close(void)
{
    trial_runner_destroy(&bench.runner);
    schema_destroy(&bench.schema);
    plan_destroy(&bench.plan);
    dataset_destroy(&bench.dataset);
    assert_int_equal(memory_balance(), 0);
}

static enum status bench_run(int64_t trial)
{
    const struct yield yield = {.call = go_on};
    return trial_run(bench.runner, trial, &yield, &bench.ending, &bench.row, &bench.error);
}

/* The row's slab of /group/name. */
static const void *slab(const char *group, const char *name)
{
    const struct results_schema *schema = schema_results(bench.schema);
    for (int i = 0; i < schema->array_count; i++)
        if (strcmp(schema->arrays[i].group, group) == 0 && strcmp(schema->arrays[i].name, name) == 0)
            return results_row_data((struct results_row *)(uintptr_t)bench.row, i);
    fail_msg("no /%s/%s", group, name);
    return NULL;
}

static void stages_come_before_epoch_0_and_are_recorded(void **state)
{
    (void)state;
    bench_open(SWEEP "train:\n"
                     "  epochs: 2\n"
                     "  batch_size: 10\n"
                     "  learning_rate: 0\n"
                     "  stages:\n"
                     "    - {epochs: 0, label_noise: {kind: permute}}\n"
                     "    - {epochs: 20, learning_rate: 0.2, stop: {separated: true}}\n"
                     "    - {epochs: 20, learning_rate: 0.2, stop: {train_loss: 0.002, every: 3}}\n"
                     "grid: {data.label_noise: [none, {kind: symmetric, rate: 0.2}]}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
    const int32_t *epochs = slab("stages", "epochs_run");
    const int64_t *steps = slab("stages", "steps");
    const double *loss = slab("stages", "train_loss"), *accuracy = slab("stages", "train_accuracy");
    const double *rate = slab("stages", "noise_rate"), *curve = slab("curves", "train_loss");
    assert_true(epochs[0] == 0 && steps[0] == 0 && accuracy[0] < 1 && rate[0] > 0.3);
    assert_true(epochs[1] > 0 && epochs[1] < 20 && steps[1] == 7 * epochs[1] && accuracy[1] == 1 && rate[1] == 0);
    assert_true(loss[2] <= 0.002 && loss[1] > 0.002 && (steps[2] % 3 == 0 || steps[2] % 7 == 0));
    assert_true(curve[0] == loss[2]);
    assert_int_equal(((const int32_t *)slab("margins", "epoch"))[0], 0);
    assert_int_equal(*(const int64_t *)slab("trials", "steps"), 14);
    assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), 2);
    assert_int_equal(bench_run(1), STATUS_OK);
    const double own = ((const double *)slab("stages", "noise_rate"))[1];
    assert_true(own > 0.05 && own < 0.4);
    bench_close();
}

static void what_ends_a_stage_early_is_said_with_its_number(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {stages: [{epochs: 1}, {learning_rate: 1e6, loss: mse_logits}]}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DIVERGED);
    assert_non_null(strstr(bench.ending.message, "train.stages.1: "));
    assert_non_null(strstr(bench.ending.message, "in epoch "));
    assert_int_equal(((const int32_t *)slab("stages", "epochs_run"))[0], 1);
    assert_true(isnan(((const double *)slab("curves", "train_loss"))[0]));
    assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), -1);
    bench_close();
    bench_open(SWEEP "train: {stages: [{epochs: 20000, batch_size: 1}]}\nlimits: {trial: 0.3}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_TIMEOUT);
    assert_non_null(strstr(bench.ending.message, "train.stages.0: longer than limits.trial"));
    int count = 5;
    const struct yield yield = {.context = &count, .call = stop_after};
    assert_int_equal(trial_run(bench.runner, 0, &yield, &bench.ending, &bench.row, &bench.error), STATUS_STOPPED);
    bench_close();
}

static void a_sweep_without_stages_has_no_group_for_them(void **state)
{
    (void)state;
    bench_open(SWEEP);
    const struct results_schema *schema = schema_results(bench.schema);
    for (int i = 0; i < schema->array_count; i++)
        assert_string_not_equal(schema->arrays[i].group, "stages");
    for (int i = 0; i < schema->dimension_count; i++)
        assert_string_not_equal(schema->dimensions[i].name, "stage");
    bench_close();
}

static void *copy_of(const char *group, const char *name, size_t bytes)
{
    void *copy = malloc(bytes);
    memcpy(copy, slab(group, name), bytes);
    return copy;
}

static void a_trial_fills_its_curves_and_points(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 0.2}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
    assert_string_equal(bench.ending.message, "");
    const double *loss = slab("curves", "train_loss"), *accuracy = slab("curves", "train_accuracy");
    for (int epoch = 0; epoch <= 5; epoch++)
        assert_true(isfinite(loss[epoch]));
    assert_true(loss[5] < loss[0]);
    assert_true(*(const double *)slab("trials", "train_loss") == loss[5]);
    assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), 5);
    assert_int_equal(*(const int64_t *)slab("trials", "steps"), 10);
    /* init, epoch 2, epoch 4, separated, end */
    const int32_t *epoch = slab("margins", "epoch"), separated = *(const int32_t *)slab("trials", "separated_epoch");
    assert_int_equal(epoch[0], 0);
    assert_int_equal(epoch[1], 2);
    assert_int_equal(epoch[2], 4);
    assert_int_equal(epoch[3], separated);
    assert_int_equal(epoch[4], 5);
    assert_true(separated > 0 && accuracy[separated] == 1 && (separated == 1 || accuracy[separated - 1] < 1));
    bench_close();
}

static void points_that_never_came_stay_absent(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {learning_rate: 0}\ngrid: {train.epochs: [1, 4]}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    const int32_t *epoch = slab("margins", "epoch");
    const int64_t *step = slab("margins", "step");
    const float *margins = slab("margins", "train");
    assert_int_equal(epoch[4], 1);
    for (int point = 1; point <= 3; point++) {
        assert_int_equal(epoch[point], -1);
        assert_int_equal(step[point], -1);
        assert_true(isnan(margins[point * 70]));
    }
    assert_true(isnan(((const double *)slab("curves", "train_loss"))[2]));
    assert_int_equal(*(const int32_t *)slab("trials", "separated_epoch"), -1);
    bench_close();
}

/* Metrics' points: init, epoch 2, epoch 4, separated, end. */
static void a_rule_that_holds_ends_the_trial_and_measures_its_end(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 0.2, batch_size: 10}\n"
                     "zip: [{train.stop.train_loss: [0, 0.7], train.stop.every: [0, 3]}]\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(*(const int64_t *)slab("trials", "steps"), 35);
    assert_int_equal(bench_run(1), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
    const int64_t steps = *(const int64_t *)slab("trials", "steps");
    const int32_t run = *(const int32_t *)slab("trials", "epochs_run"), *epoch = slab("margins", "epoch");
    const double *loss = slab("curves", "train_loss");
    assert_true(steps > 0 && steps < 35 && (steps % 3 == 0 || steps % 7 == 0));
    assert_int_equal(run, (steps + 6) / 7);
    assert_true(loss[run] <= 0.7 && (run == 1 || loss[run - 1] > 0.7) && isnan(loss[run + 1]));
    assert_true(*(const double *)slab("trials", "train_loss") == loss[run]);
    assert_int_equal(epoch[4], run);
    assert_int_equal(((const int64_t *)slab("margins", "step"))[4], steps);
    bench_close();
}

static void an_epoch_cut_short_is_no_epoch_for_metrics(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 0, batch_size: 10}\n"
                     "grid: {train.stop.steps: [13, 14]}\n");
    for (int trial = 0; trial < 2; trial++) {
        assert_int_equal(bench_run(trial), STATUS_OK);
        assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
        const int32_t *epoch = slab("margins", "epoch");
        const int64_t *step = slab("margins", "step"), *seen = slab("margins", "samples_seen");
        assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), 2);
        assert_int_equal(epoch[1], trial == 0 ? -1 : 2);
        assert_int_equal(epoch[3], 2);
        assert_int_equal(step[3], trial == 0 ? 13 : 14);
        assert_int_equal(seen[3], trial == 0 ? 130 : 140);
    }
    bench_close();
}

/* The first step at or after which a look finds a loss at or below `wanted`: every `pace` steps and at epochs' ends. */
static int first_step_at(const double *loss, double wanted, int pace)
{
    for (int step = 1; step <= 35; step++)
        if ((step % 7 == 0 || (pace > 0 && step % pace == 0)) && loss[step] <= wanted)
            return step;
    return -1;
}

/* Margins' points: steps 0 to 35, then losses 1, 0.7, 1e-9; weights': losses 1 and 0.7. */
static void points_at_steps_and_losses_come_when_they_should(void **state)
{
    (void)state;
    bench_open("data: {source: gaussians, dimensions: 4, classes: 3, train_count: 70, test_count: 30, separation: 2}\n"
               "train: {epochs: 5, learning_rate: 0.02, batch_size: 10}\n"
               "metrics: {margins: {at: [], steps: [0..35], loss: [1e-9, 0.7, 1], loss_every: 4}, "
               "weights: {at: [], loss: [0.7, 1]}}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    const double *loss = slab("margins", "train_loss");
    const int64_t *step = slab("margins", "step"), *seen = slab("margins", "samples_seen");
    const int32_t *epoch = slab("margins", "epoch");
    for (int point = 0; point <= 35; point++) {
        assert_int_equal(step[point], point);
        assert_int_equal(seen[point], 10 * point);
        assert_int_equal(epoch[point], (point + 6) / 7);
        assert_true(point % 7 != 0 || loss[point] == ((const double *)slab("curves", "train_loss"))[point / 7]);
    }
    assert_true(step[36] > 0 && step[36] % 7 != 0 && step[37] > step[36]);
    assert_int_equal(step[36], first_step_at(loss, 1, 4));
    assert_int_equal(step[37], first_step_at(loss, 0.7, 4));
    assert_int_equal(step[38], -1);
    assert_int_equal(((const int64_t *)slab("weights", "step"))[0], first_step_at(loss, 1, 0));
    assert_int_equal(((const int64_t *)slab("weights", "step"))[1], first_step_at(loss, 0.7, 0));
    bench_close();
}

static void looking_at_a_step_sees_what_training_to_it_makes_and_changes_nothing(void **state)
{
    (void)state;
    const size_t bytes = (4 * 16 + 16 + 16 * 3 + 3) * sizeof(float);
    bench_open("data: {source: gaussians, dimensions: 4, classes: 3, train_count: 70, test_count: 30}\n"
               "model: {hidden: [16]}\ntrain: {epochs: 2, batch_size: 10}\n"
               "metrics: {weights: {at: [end], steps: {log: [3, 14, 2]}}}\ngrid: {train.stop.steps: [3, 14]}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    void *three = copy_of("weights", "parameters", bytes);
    assert_memory_equal((const char *)slab("weights", "parameters") + 2 * bytes, three, bytes);
    assert_int_equal(((const int64_t *)slab("weights", "step"))[1], -1);
    assert_int_equal(bench_run(1), STATUS_OK);
    assert_memory_equal(slab("weights", "parameters"), three, bytes);
    free(three);
    bench_close();
    bench_open("data: {source: gaussians, dimensions: 4, classes: 3, train_count: 70, test_count: 30}\n"
               "model: {hidden: [16]}\ntrain: {epochs: 2, batch_size: 10}\nmetrics: {weights: {at: [end]}}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    void *unseen = copy_of("weights", "parameters", bytes);
    bench_close();
    bench_open("data: {source: gaussians, dimensions: 4, classes: 3, train_count: 70, test_count: 30}\n"
               "model: {hidden: [16]}\ntrain: {epochs: 2, batch_size: 10}\n"
               "metrics: {weights: {at: [end], steps: [1..13], loss: [0], loss_every: 1}}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_memory_equal((const char *)slab("weights", "parameters") + 14 * bytes, unseen, bytes);
    free(unseen);
    bench_close();
}

static void a_trial_may_end_where_its_data_separate_or_the_test_loss_stays(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 0.2, stop: {separated: true}}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    const int32_t separated = *(const int32_t *)slab("trials", "separated_epoch");
    assert_true(separated > 0);
    assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), separated);
    assert_int_equal(((const int32_t *)slab("margins", "epoch"))[3], separated);
    assert_int_equal(((const int32_t *)slab("margins", "epoch"))[4], separated);
    bench_close();
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 0, stop: {patience: 3}}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(*(const int32_t *)slab("trials", "epochs_run"), 3);
    bench_close();
}

static void a_diverging_trial_is_an_outcome_with_its_row_up_to_there(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 5, learning_rate: 1e6, loss: mse_logits}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DIVERGED);
    assert_non_null(strstr(bench.ending.message, "epoch"));
    assert_non_null(strstr(bench.ending.message, "step"));
    assert_true(isfinite(((const double *)slab("curves", "train_loss"))[0]));
    assert_int_equal(((const int32_t *)slab("margins", "epoch"))[0], 0);
    assert_int_equal(((const int32_t *)slab("margins", "epoch"))[4], -1);
    bench_close();
}

static void a_trial_over_its_time_is_an_outcome(void **state)
{
    (void)state;
    bench_open(SWEEP "train: {epochs: 20000, batch_size: 1}\nlimits: {trial: 0.3}\n");
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_TIMEOUT);
    assert_non_null(strstr(bench.ending.message, "limits.trial"));
    assert_true(isfinite(((const double *)slab("curves", "train_loss"))[0]));
    bench_close();
}

static void a_trial_that_is_told_to_stop_has_no_row(void **state)
{
    (void)state;
    bench_open(SWEEP);
    for (int left = 0; left < 8; left++) {
        int count = left;
        const struct yield yield = {.context = &count, .call = stop_after};
        const struct results_row *row = NULL;
        assert_int_equal(trial_run(bench.runner, 0, &yield, &bench.ending, &row, &bench.error), STATUS_STOPPED);
        assert_null(row);
    }
    bench_close();
}

static void a_trial_that_needs_more_memory_than_there_is_fails_before_it_starts(void **state)
{
    (void)state;
    bench_open(SWEEP "grid: {model.hidden: [[16], [1500, 1500]]}\ntrain: {epochs: 1}\n");
    trial_runner_limit_memory(bench.runner, 50e6, 4);
    assert_int_equal(bench_run(1), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_FAILED);
    /* 2.25 million weights, their gradients, momentum and row: 36 MB, and what a process has without a trial */
    const char *const found = strstr(bench.ending.message, "needs about ");
    assert_non_null(found);
    assert_in_range(strtol(found + strlen("needs about "), NULL, 10), 69, 110);
    assert_non_null(strstr(bench.ending.message, "more than the 50 MB of each of the node's 4 ranks"));
    assert_non_null(strstr(bench.ending.message, "or set limits.memory"));
    assert_true(isnan(((const double *)slab("curves", "train_loss"))[0]));
    assert_int_equal(bench_run(0), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
    trial_runner_limit_memory(bench.runner, 1e9, 4);
    assert_int_equal(bench_run(1), STATUS_OK);
    assert_int_equal(bench.ending.outcome, OUTCOME_DONE);
    bench_close();
}

static void a_trial_gives_the_same_bits_whatever_ran_before(void **state)
{
    (void)state;
    bench_open(SWEEP "grid:\n  seed: 0..1\n  data.label_noise: [none, {kind: symmetric, rate: 0.4}]\n  "
                     "train.batch_size: [64, 200]\n");
    const size_t weights = (4 * 16 + 16 + 16 * 3 + 3) * sizeof(float);
    assert_int_equal(bench_run(1), STATUS_OK);
    void *first = copy_of("weights", "parameters", weights);
    void *margins = copy_of("margins", "train", 5 * 70 * sizeof(float));
    for (int64_t other = 7; other >= 0; other--)
        assert_int_equal(bench_run(other), STATUS_OK);
    assert_memory_not_equal(first, slab("weights", "parameters"), weights);
    assert_int_equal(bench_run(1), STATUS_OK);
    assert_memory_equal(first, slab("weights", "parameters"), weights);
    assert_memory_equal(margins, slab("margins", "train"), 5 * 70 * sizeof(float));
    free(first);
    free(margins);
    bench_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_fills_its_curves_and_points),
        cmocka_unit_test(points_that_never_came_stay_absent),
        cmocka_unit_test(a_rule_that_holds_ends_the_trial_and_measures_its_end),
        cmocka_unit_test(an_epoch_cut_short_is_no_epoch_for_metrics),
        cmocka_unit_test(points_at_steps_and_losses_come_when_they_should),
        cmocka_unit_test(looking_at_a_step_sees_what_training_to_it_makes_and_changes_nothing),
        cmocka_unit_test(a_trial_may_end_where_its_data_separate_or_the_test_loss_stays),
        cmocka_unit_test(a_diverging_trial_is_an_outcome_with_its_row_up_to_there),
        cmocka_unit_test(a_trial_over_its_time_is_an_outcome),
        cmocka_unit_test(a_trial_that_is_told_to_stop_has_no_row),
        cmocka_unit_test(a_trial_that_needs_more_memory_than_there_is_fails_before_it_starts),
        cmocka_unit_test(stages_come_before_epoch_0_and_are_recorded),
        cmocka_unit_test(what_ends_a_stage_early_is_said_with_its_number),
        cmocka_unit_test(a_sweep_without_stages_has_no_group_for_them),
        cmocka_unit_test(a_trial_gives_the_same_bits_whatever_ran_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
