/* Fifty full-batch steps from given weights end where PyTorch ends, for every optimizer's settings, clipping,
 * schedules, warm-up.
 */
#include "../../golden/optimizers.h"
#include "unit/training/golden_run.h"

static struct train_config golden_train(const struct golden_case *golden)
{
    struct train_config train = golden_defaults();
    train.learning_rate = golden->learning_rate;
    train.optimizer = choice_spelled(&optimizer_table, golden->optimizer);
    train.clip_norm = golden->clip_norm;
    train.schedule = choice_spelled(&schedule_table, golden->schedule);
    train.warmup = golden->warmup;
    return train;
}

static void fifty_steps_end_where_pytorch_ends(void **state)
{
    (void)state;
    struct samples samples = golden_samples();
    for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++) {
        const struct golden_case *const golden = &golden_cases[i];
        const struct train_config train = golden_train(golden);
        const double found = golden_distance(&train, "tanh", &samples, golden->end);
        if (!(found < 1e-5))
            fail_msg("case %zu (%s, %s): %g away", i, golden->optimizer, golden->schedule, found);
    }
    toy_samples_free(&samples);
}

static void every_optimizer_and_schedule_has_a_case(void **state)
{
    (void)state;
    const struct kind_table *const tables[] = {&optimizer_table, &schedule_table};
    for (int table = 0; table < 2; table++)
        for (const struct kind *const *kind = tables[table]->kinds; *kind != NULL; kind++) {
            int cases = 0;
            for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++) {
                const struct golden_case *const golden = &golden_cases[i];
                cases += choice_spelled(tables[table], table == 0 ? golden->optimizer : golden->schedule).kind == *kind;
            }
            assert_true(cases > 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fifty_steps_end_where_pytorch_ends),
                                       cmocka_unit_test(every_optimizer_and_schedule_has_a_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
