/* The rules that end training, on made-up evaluations. */
#include "training/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct epoch {
    double train_loss, test_loss, accuracy;
};

/* The epoch that training ends after; -1: none of them. */
static int end_of(const struct stop_config *stop, const struct epoch *epochs, int count)
{
    struct stop_memory memory = {0};
    for (int epoch = 0; epoch < count; epoch++) {
        const struct evaluation parts[PART_COUNT] = {
            [PART_TRAIN] = {.mean_loss = epochs[epoch].train_loss, .accuracy = epochs[epoch].accuracy},
            [PART_TEST] = {.mean_loss = epochs[epoch].test_loss}};
        if (stop_at_epoch(stop, &memory, epoch, parts))
            return epoch;
    }
    return -1;
}

/* Separated before training already; test loss least at epochs 2, 4 and 5, rising from then on. */
static const struct epoch epochs[] = {{2, 5, 1},     {1.5, 6, 0.5},  {1, 4, 0.9},     {0.5, 4, 0.99}, {0.25, 3, 1},
                                      {0.125, 2, 1}, {0.0625, 3, 1}, {0.03125, 4, 1}, {0.01, 5, 1}};
enum { COUNT = sizeof epochs / sizeof *epochs };

static void no_rule_ends_nothing(void **state)
{
    (void)state;
    const struct stop_config stop = {.steps = 3, .every = 2};
    assert_int_equal(end_of(&stop, epochs, COUNT), -1);
}

static void a_loss_at_or_below_the_bound_ends_training(void **state)
{
    (void)state;
    assert_int_equal(end_of(&(struct stop_config){.train_loss = 0.5}, epochs, COUNT), 3);
    assert_int_equal(end_of(&(struct stop_config){.train_loss = 0.4999}, epochs, COUNT), 4);
    assert_int_equal(end_of(&(struct stop_config){.train_loss = 2}, epochs, COUNT), 0);
    assert_int_equal(end_of(&(struct stop_config){.train_loss = 0.001}, epochs, COUNT), -1);
}

static void separation_ends_training_once_there_was_any(void **state)
{
    (void)state;
    assert_int_equal(end_of(&(struct stop_config){.separated = true}, epochs, COUNT), 4);
}

static void patience_counts_epochs_since_the_least_test_loss(void **state)
{
    (void)state;
    assert_int_equal(end_of(&(struct stop_config){.patience = 1}, epochs, COUNT), 1);
    assert_int_equal(end_of(&(struct stop_config){.patience = 2}, epochs, COUNT), 7);
    assert_int_equal(end_of(&(struct stop_config){.patience = 3}, epochs, COUNT), 8);
    assert_int_equal(end_of(&(struct stop_config){.patience = 4}, epochs, COUNT), -1);
}

static void patience_watches_the_validation_part_where_there_is_one(void **state)
{
    (void)state;
    static const double validation[] = {3, 2, 4, 1, 2, 3}, test[] = {6, 5, 4, 3, 2, 1};
    const struct stop_config stop = {.patience = 2};
    for (int count = 0; count <= 1; count++) {
        struct stop_memory memory = {0};
        int end = -1;
        for (int epoch = 0; epoch < 6 && end < 0; epoch++) {
            const struct evaluation parts[PART_COUNT] = {
                [PART_TEST] = {.count = 1, .mean_loss = test[epoch]},
                [PART_VALIDATION] = {.count = count, .mean_loss = validation[epoch]}};
            end = stop_at_epoch(&stop, &memory, epoch, parts) ? epoch : -1;
        }
        assert_int_equal(end, count == 0 ? -1 : 5);
    }
}

static void the_first_rule_to_hold_ends_training(void **state)
{
    (void)state;
    const struct stop_config stop = {.patience = 3, .separated = true, .train_loss = 0.5};
    assert_int_equal(end_of(&stop, epochs, COUNT), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_ends_nothing),
        cmocka_unit_test(a_loss_at_or_below_the_bound_ends_training),
        cmocka_unit_test(separation_ends_training_once_there_was_any),
        cmocka_unit_test(patience_counts_epochs_since_the_least_test_loss),
        cmocka_unit_test(patience_watches_the_validation_part_where_there_is_one),
        cmocka_unit_test(the_first_rule_to_hold_ends_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
