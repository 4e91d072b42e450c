/* Values against closed forms and NumPy's numbers, gradients against differences of the values, both at any logit. */
#include <math.h>
#include <stdint.h>

#include "network/network.h"
#include "seedbed/random.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct loss_ops loss_huberised; /* of tests/plugins */

enum { CLASSES = 5 };

/* numpy: z = np.array([0.5, -1.25, 2., 0.125, -0.75]); g = np.exp(z)/np.exp(z).sum(); y = 1 */
static const float logits[CLASSES] = {0.5f, -1.25f, 2.0f, 0.125f, -0.75f};
static const int16_t label = 1;

static double value_of(const char *name, int classes, const float *z, int16_t y)
{
    const struct choice choice = choice_of(&loss_table, name);
    double value;
    ((const struct loss_ops *)choice.kind)->value(choice.settings, 1, classes, z, &y, &value);
    return value;
}

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fabs(expected)))
        fail_msg("%.17g is not %.17g", found, expected);
}

static void values_are_those_that_numpy_finds(void **state)
{
    (void)state;
    assert_close(value_of("cross_entropy", CLASSES, logits, label), 3.641492745044518);
    assert_close(value_of("mse", CLASSES, logits, label), 1.440671256879455);
    assert_close(value_of("mse_logits", CLASSES, logits, label), 9.890625);
}

static void equal_logits_have_the_values_of_pure_chance(void **state)
{
    (void)state;
    const float z[4] = {3, 3, 3, 3};
    assert_close(value_of("cross_entropy", 4, z, 2), log(4));
    assert_close(value_of("mse", 4, z, 2), 0.75);
    assert_close(value_of("mse_logits", 4, z, 2), 3 * 9 + 4);
}

static void values_are_right_at_logits_of_a_thousand(void **state)
{
    (void)state;
    const float z[3] = {1000, -1000, 990};
    assert_close(value_of("cross_entropy", 3, z, 0), log1p(exp(-10)));
    assert_close(value_of("cross_entropy", 3, z, 1), 2000 + log1p(exp(-10)));
    const double small = exp(-10) / (1 + exp(-10));
    assert_close(value_of("mse", 3, z, 0), 2 * small * small);
    assert_close(value_of("mse", 3, z, 1), (1 - small) * (1 - small) + 1 + small * small);
    assert_close(value_of("mse_logits", 3, z, 0), 999.0 * 999 + 1e6 + 990.0 * 990);
}

static void confident_losses_keep_their_digits(void **state)
{
    (void)state;
    const float z[2] = {60, 0};
    assert_close(value_of("cross_entropy", 2, z, 0), log1p(exp(-60)));
    float gradient[2];
    const struct choice choice = choice_of(&loss_table, "cross_entropy");
    ((const struct loss_ops *)choice.kind)->gradient(choice.settings, 1, 2, z, &(int16_t){0}, 1.0f, gradient);
    assert_true(fabs((double)gradient[0] / -exp(-60) - 1) < 1e-6);
    assert_true(fabs((double)gradient[1] / exp(-60) - 1) < 1e-6);
}

/* Largest error of a gradient's component, against central differences. Steps are powers of two, so z + h is exact. */
static double worst_gradient(const struct loss_ops *loss, const void *settings, double size, uint32_t substream)
{
    enum { SAMPLES = 7 };
    const float step = 0x1p-7f;
    float z[SAMPLES * CLASSES], gradient[SAMPLES * CLASSES];
    int16_t labels[SAMPLES];
    double above[SAMPLES], below[SAMPLES], worst = 0;
    struct random random = random_start(STREAM_DATA, 5, substream);
    for (int i = 0; i < SAMPLES * CLASSES; i++)
        z[i] = (float)rint(256 * size * random_normal(&random)) / 256;
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = (int16_t)random_below(&random, CLASSES);
    loss->gradient(settings, SAMPLES, CLASSES, z, labels, 0.25f, gradient);
    for (int i = 0; i < SAMPLES * CLASSES; i++) {
        const float kept = z[i];
        z[i] = kept + step;
        loss->value(settings, SAMPLES, CLASSES, z, labels, above);
        z[i] = kept - step;
        loss->value(settings, SAMPLES, CLASSES, z, labels, below);
        z[i] = kept;
        const double difference = (above[i / CLASSES] - below[i / CLASSES]) / (2 * (double)step);
        const double error = fabs((double)gradient[i] - 0.25 * difference) / (1 + fabs(difference));
        worst = error > worst ? error : worst;
    }
    return worst;
}

static void every_gradient_is_that_of_its_value(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        for (uint32_t substream = 0; substream < 5; substream++) {
            const struct choice choice = choice_of(&loss_table, (*kind)->name);
            const struct loss_ops *const loss = (const struct loss_ops *)*kind;
            const double error = worst_gradient(loss, choice.settings, substream + 1, substream);
            if (error > 2e-5)
                fail_msg("%s: gradient is off by %g", (*kind)->name, error);
        }
}

static void a_loss_from_the_public_headers_alone_works(void **state)
{
    (void)state;
    struct choice choice = {.kind = &loss_huberised.kind};
    settings_default(loss_huberised.kind.fields, choice.settings);
    for (uint32_t substream = 0; substream < 5; substream++)
        assert_true(worst_gradient(&loss_huberised, choice.settings, 1, substream) < 2e-3);
}

static void bad_logits_make_bad_gradients(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        for (int i = 0; i < 2; i++) {
            const struct choice choice = choice_of(&loss_table, (*kind)->name);
            const float z[3] = {0, bad[i], 1};
            float gradient[3];
            ((const struct loss_ops *)*kind)->gradient(choice.settings, 1, 3, z, &(int16_t){0}, 1.0f, gradient);
            assert_false(isfinite(gradient[0]) && isfinite(gradient[1]) && isfinite(gradient[2]));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_that_numpy_finds),
        cmocka_unit_test(equal_logits_have_the_values_of_pure_chance),
        cmocka_unit_test(values_are_right_at_logits_of_a_thousand),
        cmocka_unit_test(confident_losses_keep_their_digits),
        cmocka_unit_test(every_gradient_is_that_of_its_value),
        cmocka_unit_test(a_loss_from_the_public_headers_alone_works),
        cmocka_unit_test(bad_logits_make_bad_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
