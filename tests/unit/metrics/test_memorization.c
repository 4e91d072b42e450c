#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"
#include "metrics/predictions.h"
#include "network/network.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 1000, CLASSES = 4, EPOCHS = 3, COLUMNS_MAX = 32 };

static const struct metric_ops *metric;
static struct choice settings;
static void *state_memory, *row[COLUMNS_MAX];
static double room[COLUMNS_MAX][COUNT];
static int16_t labels[COUNT], true_labels[COUNT];
static float logits[COUNT * CLASSES];

/* eta: one label in `flip_every` is wrong; 0: none. */
static void begin(int flip_every)
{
    const struct metric_sizes sizes = {.train_samples = COUNT, .classes = CLASSES, .epochs = EPOCHS};
    settings = choice_of(&metric_table, "memorization");
    metric = (const struct metric_ops *)(const void *)settings.kind;
    free(state_memory);
    state_memory = calloc(1, metric->state_bytes(settings.settings, &sizes));
    for (int c = 0; c < metric->column_count; c++) {
        row[c] = room[c];
        const bool real = metric->columns[c].type == COLUMN_FLOAT64;
        memset(room[c], -1, sizeof room[c]); /* -1 in every whole number */
        for (int i = 0; real && i < COUNT; i++)
            room[c][i] = NAN;
    }
    for (int i = 0; i < COUNT; i++) {
        true_labels[i] = (int16_t)(i % CLASSES);
        labels[i] = (int16_t)((true_labels[i] + (flip_every > 0 && i % flip_every == 0)) % CLASSES);
    }
}

static double *numbers(const char *name)
{
    for (int c = 0; c < metric->column_count; c++)
        if (strcmp(metric->columns[c].name, name) == 0)
            return room[c];
    fail_msg("no column is named %s", name);
    return NULL;
}

/* Logits by which `predicted` wins by `margin`. */
static void predict(const int16_t *predicted, float margin)
{
    memset(logits, 0, sizeof logits);
    for (int i = 0; i < COUNT; i++)
        logits[i * CLASSES + predicted[i]] = margin;
}

static void end_epoch(int epoch)
{
    struct measurement at = {.point = -1, .epoch = epoch, .classes = CLASSES};
    at.parts[PART_TRAIN] =
        (struct evaluation){.count = COUNT, .logits = logits, .labels = labels, .true_labels = true_labels};
    assert_int_equal(metric->epoch(settings.settings, &at, state_memory, row, NULL), STATUS_OK);
}

static void pass_batch(int first, int n)
{
    int32_t which[COUNT];
    for (int i = 0; i < n; i++)
        which[i] = first + i;
    const struct metric_batch batch = {.epoch = 1,
                                       .n = n,
                                       .classes = CLASSES,
                                       .which = which,
                                       .logits = logits + (size_t)first * CLASSES,
                                       .labels = labels,
                                       .true_labels = true_labels};
    metric->batch(settings.settings, &batch, state_memory);
}

/* At any rate: exactly 1 and 0. */
static void a_memoriser_has_an_index_of_one_and_a_resister_of_zero(void **state)
{
    (void)state;
    for (int flip_every = 1; flip_every < 12; flip_every++) {
        begin(flip_every);
        predict(labels, 1);
        end_epoch(0);
        predict(true_labels, 1);
        end_epoch(1);
        const double eta = (double)((COUNT - 1) / flip_every + 1) / COUNT;
        assert_true(numbers("index")[0] == 1 && numbers("index")[1] == 0);
        assert_true(numbers("observed_accuracy")[0] == 1 && numbers("true_accuracy")[1] == 1);
        assert_true(fabs(numbers("true_accuracy")[0] - (1 - eta)) < 1e-15);
        assert_true(fabs(numbers("observed_accuracy")[1] - (1 - eta)) < 1e-15);
        assert_true(numbers("flipped_fitted")[0] == 1 && numbers("flipped_fitted")[1] == 0);
        assert_true(numbers("flipped_restored")[0] == 0 && numbers("flipped_restored")[1] == 1);
        if (flip_every == 1)
            assert_true(isnan(numbers("unflipped_accuracy")[0]));
        else
            assert_true(numbers("unflipped_accuracy")[0] == 1 && numbers("unflipped_accuracy")[1] == 1);
    }
}

static void without_noise_what_needs_flipped_samples_is_absent(void **state)
{
    (void)state;
    begin(0);
    predict(labels, 1);
    end_epoch(0);
    assert_true(numbers("observed_accuracy")[0] == 1 && numbers("true_accuracy")[0] == 1);
    assert_true(isnan(numbers("index")[0]) && isnan(numbers("flipped_fitted")[0]));
    assert_true(isnan(numbers("flipped_restored")[0]));
    assert_int_equal(*(int32_t *)(void *)numbers("crossing_epoch"), -1);
}

static void the_crossing_is_the_first_epoch_that_fits_more_than_it_restores(void **state)
{
    (void)state;
    begin(3);
    predict(labels, 1);
    end_epoch(0); /* J1 > J2, but J2 was never above */
    predict(true_labels, 1);
    end_epoch(1);
    predict(labels, 1);
    end_epoch(2);
    end_epoch(3);
    assert_int_equal(*(int32_t *)(void *)numbers("crossing_epoch"), 2);
}

static void samples_are_followed_from_epoch_to_epoch(void **state)
{
    (void)state;
    begin(2); /* even samples have wrong labels */
    predict(labels, 2);
    end_epoch(0); /* all learned */
    predict(true_labels, 3);
    end_epoch(1); /* even ones forgotten, margin -3 */
    predict(labels, 1);
    end_epoch(2);
    predict(true_labels, 5);
    end_epoch(3);
    const int32_t *learned = (const int32_t *)(void *)numbers("learned_epoch");
    const int32_t *forgotten = (const int32_t *)(void *)numbers("forgetting_events");
    const float *aum = (const float *)(void *)numbers("aum");
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(learned[i], 0);
        assert_int_equal(forgotten[i], i % 2 == 0 ? 2 : 0);
        assert_true(aum[i] == (i % 2 == 0 ? -7.0f / 3 : 3.0f));
    }
}

static void mini_batches_are_counted_epoch_by_epoch(void **state)
{
    (void)state;
    begin(4);
    predict(labels, 1);
    end_epoch(0);
    pass_batch(0, COUNT / 2);
    predict(true_labels, 1);
    pass_batch(COUNT / 2, COUNT / 2);
    end_epoch(1);
    pass_batch(0, COUNT);
    end_epoch(2);
    assert_true(isnan(numbers("running_observed_accuracy")[0]));
    assert_true(numbers("running_observed_accuracy")[1] == 0.875 && numbers("running_true_accuracy")[1] == 0.875);
    assert_true(numbers("running_flipped_fitted")[1] == 0.5 && numbers("running_flipped_restored")[1] == 0.5);
    assert_true(numbers("running_observed_accuracy")[2] == 0.75 && numbers("running_true_accuracy")[2] == 1);
    assert_true(numbers("running_unflipped_accuracy")[2] == 1);
}

static void the_error_norm_is_right_from_certainty_to_certainty(void **state)
{
    (void)state;
    const float even[] = {7, 7, 7, 7}, sure[] = {-40, 60, -40, -40};
    assert_true(fabs(sample_error_norm(4, even, 2) - sqrt(0.75)) < 1e-15);
    assert_true(fabs(sample_error_norm(4, sure, 0) - sqrt(2)) < 1e-15);
    /* softmax leaves e = exp(-100) to each of three others: sqrt(3 e^2 + 9 e^2) */
    const double wanted = sqrt(12) * exp(-100);
    assert_true(fabs(sample_error_norm(4, sure, 1) - wanted) < 1e-12 * wanted);
}

static int tear_down(void **state)
{
    (void)state;
    free(state_memory);
    state_memory = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memoriser_has_an_index_of_one_and_a_resister_of_zero),
        cmocka_unit_test(without_noise_what_needs_flipped_samples_is_absent),
        cmocka_unit_test(the_crossing_is_the_first_epoch_that_fits_more_than_it_restores),
        cmocka_unit_test(samples_are_followed_from_epoch_to_epoch),
        cmocka_unit_test(mini_batches_are_counted_epoch_by_epoch),
        cmocka_unit_test(the_error_norm_is_right_from_certainty_to_certainty),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
