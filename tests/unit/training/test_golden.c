/* Fifty full-batch steps from given weights end where PyTorch ends, for every optimizer setting, loss and schedule. */
#include "../../golden/training.h"
#include "unit/training/golden_run.h"

static struct train_config golden_train(const struct golden_case *golden)
{
    struct train_config train = golden_defaults();
    train.learning_rate = golden_rate;
    train.loss = choice_of(&loss_table, golden->loss);
    for (int i = 0; i < GOLDEN_LOSS_SETTINGS && golden->settings[i].key != NULL; i++)
        if (golden->settings[i].name != NULL)
            choice_name(&train.loss, golden->settings[i].key, golden->settings[i].name);
        else
            choice_real(&train.loss, golden->settings[i].key, golden->settings[i].value);
    if (golden->settings[0].name != NULL && strcmp(golden->settings[0].name, "class_conditional") == 0)
        choice_matrix(&train.loss, "matrix", GOLDEN_CLASSES, GOLDEN_CLASSES, golden_matrix);
    choice_real(&train.optimizer, "momentum", golden->momentum);
    choice_real(&train.optimizer, "weight_decay", golden->decay);
    choice_flag(&train.optimizer, "nesterov", golden->nesterov);
    train.schedule = choice_of(&schedule_table, golden->schedule);
    if (strcmp(golden->schedule, "step") == 0) {
        choice_integer(&train.schedule, "every", 20);
        choice_real(&train.schedule, "factor", 0.5);
    }
    return train;
}

static void fifty_steps_end_where_pytorch_ends(void **state)
{
    (void)state;
    struct samples samples = golden_samples();
    for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++) {
        const struct golden_case *const golden = &golden_cases[i];
        const struct train_config train = golden_train(golden);
        const double found = golden_distance(&train, golden->activation, &samples, golden->end);
        if (!(found < 1e-5))
            fail_msg("case %zu (%s, %s): %g away", i, golden->loss, golden->activation, found);
    }
    toy_samples_free(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fifty_steps_end_where_pytorch_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
