/* A trial stopped at random yields, each time gone on with by a new process's worth of memory, ends in the bytes of one
 * that nobody disturbed. What is damaged, foreign or old is never gone on from. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/data.h"
#include "folder.h"
#include "metrics/metrics.h"
#include "seedbed/random.h"
#include "sweep/schema.h"
#include "sweep/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GAUSSIANS                                                                                           \
    "data: {source: gaussians, dimensions: 6, classes: 3, train_count: 90, test_count: 40, separation: 3, " \
    "label_noise: "                                                                                         \
    "{kind: symmetric, rate: 0.2}}\n"                                                                       \
    "model: {hidden: [12]}\n"
#define GLYPHS "data: {source: glyphs, train_count: 60, test_count: 30}\n"

/* What a process that trains has in memory. */
struct process {
    struct plan *plan;
    struct dataset *dataset;
    struct schema *schema;
    struct trial_runner *runner;
    struct checkpoint_store store;
};

struct outcome {
    struct trial_ending ending;
    unsigned char *bytes; /* of the row; owned */
    size_t count;
    int yields, steps, starts;
};

static char folder[FOLDER_PATH_BYTES], results_path[FOLDER_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    folder_create(folder);
    folder_path(folder, "sweep.h5", results_path);
    return 0;
}

static void checkpoints_path(char path[2 * FOLDER_PATH_BYTES])
{
    snprintf(path, 2 * FOLDER_PATH_BYTES, "%s.checkpoints", results_path);
}

static int tear_down(void **state)
{
    char path[2 * FOLDER_PATH_BYTES];
    (void)state;
    checkpoints_path(path);
    rmdir(path);
    folder_remove(folder);
    return 0;
}

static void process_start(struct process *p, const char *text)
{
    struct faults faults = {0};
    struct error error;
    const struct plan_request request = {.name = "s.yaml", .text = text, .bytes = strlen(text), .base_directory = "."};
    memset(p, 0, sizeof *p);
    if (plan_create(&request, &p->plan, &faults, &error) != STATUS_OK)
        fail_msg("%s\n%s", text, error.text);
    const struct plan_source *source = plan_source(p->plan, 0);
    assert_int_equal(data_load(&source->config, source->data_seed, &p->dataset, &error), STATUS_OK);
    const struct dataset *const datasets[] = {p->dataset};
    assert_int_equal(plan_resolve(p->plan, datasets, &faults, &error), STATUS_OK);
    const struct schema_request schema = {.plan = p->plan, .yaml = text};
    assert_int_equal(schema_create(&schema, &p->schema, &error), STATUS_OK);
    assert_int_equal(trial_runner_create(p->plan, p->schema, &p->runner, &error), STATUS_OK);
    assert_int_equal(checkpoint_store_of(results_path, 0, 0, &p->store, &error), STATUS_OK);
    trial_runner_keep_checkpoints(p->runner, &p->store);
}

static void process_end(struct process *p)
{
    trial_runner_destroy(&p->runner);
    schema_destroy(&p->schema);
    plan_destroy(&p->plan);
    dataset_destroy(&p->dataset);
}

/* Counts yields, and stops at the last it has. */
struct countdown {
    int left, yields;
};

static enum status count_down(void *context, struct error *error)
{
    struct countdown *countdown = context;
    countdown->yields++;
    return countdown->left-- > 0 ? STATUS_OK : (fail)(error, STATUS_STOPPED, "stopped");
}

/* One start, which ends after so many yields at the latest. Returns whether the trial ended. */
static bool start_trial(const char *text, int yields, struct outcome *out)
{
    struct process process;
    struct error error = {0};
    struct countdown countdown = {.left = yields};
    const struct yield yield = {.context = &countdown, .call = count_down};
    const struct results_row *row = NULL;
    process_start(&process, text);
    const enum status status = trial_run(process.runner, 0, &yield, &out->ending, &row, &error);
    out->yields += countdown.yields;
    out->starts++;
    assert_true(status == STATUS_OK || status == STATUS_STOPPED);
    if (status == STATUS_OK) {
        const void *bytes = results_row_bytes((struct results_row *)(uintptr_t)row, &out->count);
        out->bytes = malloc(out->count);
        memcpy(out->bytes, bytes, out->count);
        trial_runner_drop_checkpoint(process.runner);
    }
    process_end(&process);
    return status == STATUS_OK;
}

static struct outcome run_undisturbed(const char *text)
{
    struct outcome out = {0};
    assert_true(start_trial(text, INT32_MAX, &out));
    return out;
}

/* Stops it again and again, never later than a quarter of the way: a trial that began anew each time would never end.
 */
static struct outcome run_disturbed(const char *text, int yields, uint32_t seed)
{
    struct outcome out = {0};
    struct random random = random_start(STREAM_ORDER, seed, 0);
    const uint32_t most = (uint32_t)yields / 4 > 8 ? (uint32_t)yields / 4 : 8;
    while (!start_trial(text, (int)random_below(&random, most), &out))
        if (out.starts > 1000)
            fail_msg("does not end:\n%s", text);
    return out;
}

static void assert_same_outcome(const char *text, const struct outcome *expected, const struct outcome *found)
{
    assert_int_equal(found->ending.outcome, expected->ending.outcome);
    assert_string_equal(found->ending.message, expected->ending.message);
    assert_int_equal(found->count, expected->count);
    if (memcmp(found->bytes, expected->bytes, found->count) != 0)
        fail_msg("other bytes after %d starts:\n%s", found->starts, text);
}

static void assert_no_file_left(void)
{
    char path[2 * FOLDER_PATH_BYTES];
    checkpoints_path(path);
    assert_int_equal(rmdir(path), 0);
}

static void check_sweep(const char *text)
{
    struct outcome expected = run_undisturbed(text);
    if (expected.yields < 16)
        fail_msg("%d yields only:\n%s", expected.yields, text);
    for (uint32_t seed = 0; seed < 2; seed++) {
        struct outcome found = run_disturbed(text, expected.yields, seed);
        assert_true(found.starts > 2);
        assert_same_outcome(text, &expected, &found);
        free(found.bytes);
        assert_no_file_left();
    }
    free(expected.bytes);
    assert_int_equal(memory_balance(), 0);
}

static void every_optimizer_goes_on(void **state)
{
    (void)state;
    for (int i = 0; optimizer_table.kinds[i] != NULL; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 GAUSSIANS "train: {epochs: 6, batch_size: 7, learning_rate: 0.01, optimizer: %s, clip_norm: 1}\n"
                           "metrics: {weights: {at: [init, end], steps: [3, 30]}}\n",
                 optimizer_table.kinds[i]->name);
        check_sweep(text);
    }
    check_sweep(GAUSSIANS
                "train: {epochs: 6, batch_size: 7, optimizer: {kind: rmsprop, momentum: 0.9, centered: true}}\n"
                "metrics: {weights: {at: [end]}}\n");
}

static void every_schedule_goes_on(void **state)
{
    (void)state;
    for (int i = 0; schedule_table.kinds[i] != NULL; i++) {
        char text[1024];
        const char *name = schedule_table.kinds[i]->name;
        snprintf(text, sizeof text,
                 GAUSSIANS "train: {epochs: 6, batch_size: 16, warmup: 1.5, schedule: {kind: %s%s}}\n"
                           "metrics: {weights: {at: [end]}}\n",
                 name, strcmp(name, "multistep") == 0 ? ", epochs: [2, 4]" : "");
        check_sweep(text);
    }
}

static void every_metric_goes_on(void **state)
{
    (void)state;
    for (int i = 0; metric_table.kinds[i] != NULL; i++) {
        char text[1024];
        const char *name = metric_table.kinds[i]->name;
        const bool kept = strcmp(name, "reduction") == 0;
        snprintf(text, sizeof text,
                 GAUSSIANS "train: {epochs: 6, batch_size: 16, learning_rate: 0.1%s}\n"
                           "metrics: {%s: {at: [init, separated, end], every: 2, steps: [4, 15], loss: [0.9, 0.5], "
                           "loss_every: 2}}\n",
                 kept ? ", reduction: {by: smallest_margin, when: start, keep: 0.3, shrink: 0.8, every: 1}" : "", name);
        check_sweep(text);
    }
}

static const char *const all_metrics =
    GAUSSIANS "train: {epochs: 7, batch_size: 16, learning_rate: 0.1}\n"
              "metrics:\n"
              "  margins: {at: [init, separated, end], every: 3, normalise: [frobenius, spectral, input_gradient]}\n"
              "  interpolation: {at: [end], epochs: [3], points: 7, modes: [linear, layers]}\n"
              "  sample_loss: {at: [end], every: 1}\n"
              "  memorization: {at: [end], steps: [10]}\n"
              "  stiffness: {at: [separated, end], every: 4, samples: 30}\n"
              "  gradients: {at: [init, end], samples: 30}\n"
              "  weights: {at: [end], loss: [0.8], loss_every: 1}\n";

static void all_metrics_together_go_on(void **state)
{
    (void)state;
    check_sweep(all_metrics);
}

static enum status die_after(void *context, struct error *error)
{
    int *left = context;
    (void)error;
    if ((*left)-- == 0)
        _exit(0);
    return STATUS_OK;
}

/* A process that writes checkpoints at every chance, and is gone after so many yields. */
static void train_until_killed(const char *text, int yields)
{
    const pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct process process;
        struct trial_ending ending;
        struct error error;
        const struct yield yield = {.context = &yields, .call = die_after};
        const struct results_row *row = NULL;
        process_start(&process, text);
        process.store.interval = 1e-9;
        trial_run(process.runner, 0, &yield, &ending, &row, &error);
        _exit(1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void a_kill_costs_what_came_after_the_last_checkpoint(void **state)
{
    (void)state;
    enum { MOST_BETWEEN = 40 }; /* yields of the longest measurement, and of evaluations before it */
    struct outcome expected = run_undisturbed(all_metrics);
    for (int kill = 1; kill < 8; kill++) {
        struct outcome found = {0};
        const int yields = expected.yields * kill / 8;
        train_until_killed(all_metrics, yields);
        assert_true(start_trial(all_metrics, INT32_MAX, &found));
        assert_in_range(found.yields, expected.yields - yields, expected.yields - yields + MOST_BETWEEN);
        assert_same_outcome(all_metrics, &expected, &found);
        free(found.bytes);
    }
    free(expected.bytes);
}

static void networks_with_memory_of_their_own_go_on(void **state)
{
    (void)state;
    check_sweep(GLYPHS "model: {kind: cnn, channels: [3, 4], batch_norm: true, hidden: [8], dropout: 0.3}\n"
                       "train: {epochs: 12, batch_size: 9, learning_rate: 0.05}\n"
                       "metrics:\n"
                       "  weights: {at: [end], steps: [5]}\n"
                       "  interpolation: {at: [end], points: 5, running_statistics: estimated}\n");
}

static void stages_go_on(void **state)
{
    (void)state;
    check_sweep(GAUSSIANS "train:\n"
                          "  epochs: 4\n"
                          "  batch_size: 16\n"
                          "  stages:\n"
                          "    - {epochs: 0, label_noise: {kind: permute}}\n"
                          "    - {epochs: 4, label_noise: {kind: permute}, optimizer: adam, learning_rate: 0.01}\n"
                          "    - {epochs: 9, stop: {train_loss: 0.7, every: 4}}\n"
                          "metrics: {weights: {at: [init, end]}}\n");
}

static void rules_that_end_training_go_on(void **state)
{
    (void)state;
    check_sweep(GAUSSIANS "train: {epochs: 40, batch_size: 16, learning_rate: 0.3, stop: {patience: 4}}\n"
                          "metrics: {weights: {at: [end]}}\n");
    check_sweep(GAUSSIANS "train: {epochs: 40, batch_size: 16, stop: {steps: 37}}\nmetrics: {weights: {at: [end]}}\n");
    check_sweep(GAUSSIANS "train: {epochs: 40, batch_size: 16, stop: {train_loss: 0.6, every: 4}}\n"
                          "metrics: {weights: {at: [end]}, sample_loss: {at: [end]}}\n");
}

static void reduced_data_goes_on(void **state)
{
    (void)state;
    const char *const reductions[] = {"by: random, when: start, keep: 10, shrink: 0.5, every: 1",
                                      "by: balanced_random, when: start, keep: 0.2, freeze: true",
                                      "by: largest_margin, when: separated, keep: 0.3, every: 2, nested: false"};
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++) {
        char text[1024];
        snprintf(
            text, sizeof text,
            "data: {source: gaussians, dimensions: 6, classes: 3, train_count: 90, test_count: 40, separation: 60}\n"
            "train: {epochs: 14, batch_size: 16, reduction: {%s}}\n"
            "metrics: {reduction: {at: [end]}, weights: {at: [end]}, gradients: {every: 1, samples: 20}}\n",
            reductions[i]);
        check_sweep(text);
    }
}

static void a_trial_that_diverges_does_so_after_a_stop_too(void **state)
{
    (void)state;
    check_sweep(GAUSSIANS "train: {epochs: 30, batch_size: 16, learning_rate: 3, warmup: 25, loss: mse_logits}\n"
                          "metrics: {margins: {at: [init, end]}}\n");
}

/* A run of 90 yields into a checkpoint. */
static const char *const half = GAUSSIANS "train: {epochs: 30, batch_size: 16}\nmetrics: {weights: {at: [end]}}\n";

static void checkpoint_path(char path[2 * FOLDER_PATH_BYTES])
{
    struct process process;
    char identity[HASH_TEXT_BYTES];
    process_start(&process, half);
    hash_text(plan_trial(process.plan, 0)->identity, identity);
    process_end(&process);
    snprintf(path, 2 * FOLDER_PATH_BYTES, "%s.checkpoints/%s.checkpoint", results_path, identity);
}

/* Yields that the trial takes from a checkpoint changed by this. */
static int yields_after(const unsigned char *bytes, size_t count, const struct outcome *expected)
{
    char path[2 * FOLDER_PATH_BYTES];
    struct outcome found = {0};
    checkpoint_path(path);
    file_write(path, bytes, count, false);
    assert_true(start_trial(half, INT32_MAX, &found));
    assert_same_outcome(half, expected, &found);
    free(found.bytes);
    return found.yields;
}

static void a_damaged_checkpoint_is_left_out(void **state)
{
    (void)state;
    struct outcome expected = run_undisturbed(half), stopped = {0};
    unsigned char *bytes = malloc(1 << 20);
    char path[2 * FOLDER_PATH_BYTES];
    assert_false(start_trial(half, 90, &stopped));
    checkpoint_path(path);
    const size_t count = file_read(path, bytes, 1 << 20);
    assert_in_range(count, 200, (1 << 20) - 1);
    assert_int_equal(yields_after(bytes, count, &expected), expected.yields - 90);
    for (size_t at = 0; at < count; at += 1 + at / 4) { /* a flipped bit anywhere */
        bytes[at] ^= 1;
        assert_int_equal(yields_after(bytes, count, &expected), expected.yields);
        bytes[at] ^= 1;
    }
    const size_t shorter[] = {0, 1, 55, 56, 100, count / 2, count - 1};
    for (size_t i = 0; i < sizeof shorter / sizeof *shorter; i++)
        assert_int_equal(yields_after(bytes, shorter[i], &expected), expected.yields);
    bytes[count] = 0;
    assert_int_equal(yields_after(bytes, count + 1, &expected), expected.yields);
    assert_int_equal(yields_after(bytes, count, &expected), expected.yields - 90);
    free(bytes);
    free(expected.bytes);
}

static void only_its_own_checkpoint_is_read(void **state)
{
    (void)state;
    struct checkpoint_store store;
    struct checkpoint *file = NULL;
    struct error error;
    uint64_t number = 7, read = 0;
    struct checkpoint_part part = {.data = &number, .bytes = sizeof number};
    const struct checkpoint_mark mark = {.identity = {1, 2}, .build = 3, .layout = 4};
    assert_int_equal(checkpoint_store_of(results_path, 0, 0, &store, &error), STATUS_OK);
    assert_int_equal(checkpoint_open(&store, &mark, &file, &error), STATUS_OK);
    assert_null(file);
    assert_int_equal(checkpoint_write(&store, &mark, 1, &part, &error), STATUS_OK);
    struct checkpoint_mark other = mark;
    other.build = 5;
    assert_int_equal(checkpoint_open(&store, &other, &file, &error), STATUS_BAD_RESULTS);
    assert_non_null(strstr(error.text, "another build"));
    other = mark;
    other.layout = 5;
    assert_int_equal(checkpoint_open(&store, &other, &file, &error), STATUS_BAD_RESULTS);
    assert_non_null(strstr(error.text, "another layout"));
    assert_int_equal(checkpoint_open(&store, &mark, &file, &error), STATUS_OK);
    part.data = &read;
    assert_int_equal(checkpoint_read(file, 0, 1, &part, &error), STATUS_OK);
    assert_int_equal(read, 7);
    assert_int_equal(checkpoint_read(file, 1, 1, &part, &error), STATUS_INTERNAL);
    part.bytes--;
    assert_int_equal(checkpoint_read(file, 0, 1, &part, &error), STATUS_INTERNAL);
    checkpoint_close(&file);
    checkpoint_close(&file);
    checkpoint_remove(&store, mark.identity);
    checkpoint_remove(&store, mark.identity);
}

static void the_folder_is_swept(void **state)
{
    (void)state;
    struct process process;
    struct outcome stopped = {0};
    struct error error;
    char path[2 * FOLDER_PATH_BYTES];
    bool ended[1] = {false}, begun[1] = {false};
    int64_t count = 0;
    assert_false(start_trial(half, 50, &stopped));
    process_start(&process, half);
    snprintf(path, sizeof path, "%s.checkpoints/0123456789abcdef0123456789abcdef.checkpoint", results_path);
    file_write(path, "x", 1, false);
    assert_int_equal(checkpoint_sweep(&process.store, process.plan, ended, begun, &count, &error), STATUS_OK);
    assert_true(begun[0] && count == 1 && access(path, F_OK) != 0);
    ended[0] = true;
    snprintf(path, sizeof path, "%s.checkpoints/notes.txt", results_path);
    file_write(path, "x", 1, false);
    assert_int_equal(checkpoint_sweep(&process.store, process.plan, ended, begun, &count, &error), STATUS_OK);
    assert_true(!begun[0] && count == 0 && access(path, F_OK) == 0);
    unlink(path);
    assert_int_equal(checkpoint_sweep(&process.store, process.plan, NULL, NULL, &count, &error), STATUS_OK);
    checkpoints_path(path);
    assert_int_not_equal(access(path, F_OK), 0);
    process_end(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_optimizer_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_schedule_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_metric_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_metrics_together_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_costs_what_came_after_the_last_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(networks_with_memory_of_their_own_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stages_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_that_end_training_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reduced_data_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trial_that_diverges_does_so_after_a_stop_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_checkpoint_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_its_own_checkpoint_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folder_is_swept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
