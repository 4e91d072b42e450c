/* Values against closed forms and NumPy's numbers, gradients against differences of the values, both at any logit. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* How far found is from the slope: the mean of both sides, or at a kink anything between them. */
static double slope_error(double found, double backward, double forward)
{
    const double mean = (backward + forward) / 2, scale = 1 + fabs(mean);
    const bool kink = fabs(forward - backward) > 0.1 * scale;
    if (kink && found >= fmin(backward, forward) - 1e-5 && found <= fmax(backward, forward) + 1e-5)
        return 0;
    return fabs(found - mean) / scale;
}

/* Largest error of a gradient's component, against central differences. Steps are powers of two, so z + h is exact. */
static double worst_gradient(const struct loss_ops *loss, const void *settings, double size, uint32_t substream)
{
    enum { SAMPLES = 7 };
    const float step = 0x1p-7f;
    float z[SAMPLES * CLASSES], gradient[SAMPLES * CLASSES];
    int16_t labels[SAMPLES];
    double above[SAMPLES], middle[SAMPLES], below[SAMPLES], worst = 0;
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
        loss->value(settings, SAMPLES, CLASSES, z, labels, middle);
        const int sample = i / CLASSES;
        const double forward = (above[sample] - middle[sample]) / (double)step;
        const double backward = (middle[sample] - below[sample]) / (double)step;
        const double error = slope_error((double)gradient[i] / 0.25, backward, forward);
        worst = error > worst ? error : worst;
    }
    return worst;
}

/* Settings to try: the defaults with each number moved towards either end of its range. */
static void check_settings(const struct kind *kind, void (*check)(const struct choice *choice))
{
    static const double factors[] = {0.3, 1.4};
    struct choice choice = choice_of(&loss_table, kind->name);
    check(&choice);
    for (const struct field *field = kind->fields; field != NULL && field->name != NULL; field++)
        for (int i = 0; i < 2 && field->type == FIELD_REAL; i++) {
            choice = choice_of(&loss_table, kind->name);
            double value;
            memcpy(&value, choice.settings + field->offset, sizeof value);
            choice_real(&choice, field->name, fmin(value * factors[i], field->maximum));
            check(&choice);
        }
}

static void check_gradient(const struct choice *choice)
{
    for (uint32_t substream = 0; substream < 5; substream++) {
        const struct loss_ops *const loss = (const struct loss_ops *)choice->kind;
        const double error = worst_gradient(loss, choice->settings, substream + 1, substream);
        if (!(error <= 3e-5))
            fail_msg("%s: gradient is off by %g", choice->kind->name, error);
    }
}

static void every_gradient_is_that_of_its_value(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        check_settings(*kind, check_gradient);
}

static double sum_over_labels(const struct choice *choice, const float *z)
{
    double total = 0;
    for (int16_t y = 0; y < CLASSES; y++) {
        double value;
        ((const struct loss_ops *)choice->kind)->value(choice->settings, 1, CLASSES, z, &y, &value);
        total += value;
    }
    return total;
}

static void symmetric_losses_sum_to_their_constant_over_all_labels(void **state)
{
    (void)state;
    const struct {
        const char *loss;
        double constant;
    } symmetric[] = {{"rll", CLASSES * log(1.1 / 0.1)}, {"nmse", 1}, {"mae", 2 * (CLASSES - 1)}, {"nce", 1}};
    const float extremes[][CLASSES] = {{0, 0, 0, 0, 0}, {1000, -1000, 990, 0, -3}, {60, 0, 0, 0, 0}};
    struct random random = random_start(STREAM_DATA, 9, 0);
    for (int s = 0; s < 4; s++) {
        const struct choice choice = choice_of(&loss_table, symmetric[s].loss);
        for (int i = 0; i < 3; i++)
            assert_close(sum_over_labels(&choice, extremes[i]), symmetric[s].constant);
        for (int i = 0; i < 100; i++) {
            float z[CLASSES];
            for (int j = 0; j < CLASSES; j++)
                z[j] = (float)(i * random_normal(&random));
            assert_close(sum_over_labels(&choice, z), symmetric[s].constant);
        }
    }
}

static void check_finite(const struct choice *choice)
{
    static const float sizes[] = {0, 1000, -1000, 1e30f, -1e30f};
    const struct loss_ops *const loss = (const struct loss_ops *)choice->kind;
    for (int i = 0; i < 5 * CLASSES * CLASSES; i++) {
        const float z[CLASSES] = {[0] = 1, [2] = sizes[4 - i % 5], [3] = -2, [4] = sizes[i % 5]};
        float gradient[CLASSES];
        const int16_t y = (int16_t)(i / 5 % CLASSES);
        double value;
        loss->value(choice->settings, 1, CLASSES, z, &y, &value);
        loss->gradient(choice->settings, 1, CLASSES, z, &y, 1.0f, gradient);
        bool finite = isfinite(value) && value >= 0;
        for (int j = 0; j < CLASSES; j++)
            finite = finite && isfinite(gradient[j]);
        if (!finite)
            fail_msg("%s, logits of %g, label %d: value %g", choice->kind->name, (double)sizes[i % 5], y, value);
    }
}

static void every_loss_is_finite_and_not_negative_at_any_logit(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        check_settings(*kind, check_finite);
}

static void the_exponential_loss_ends_where_numbers_end(void **state)
{
    (void)state;
    const float z[3] = {1000, 0, -1000};
    float gradient[3];
    const struct choice choice = choice_of(&loss_table, "exponential");
    ((const struct loss_ops *)choice.kind)->gradient(choice.settings, 1, 3, z, &(int16_t){2}, 1.0f, gradient);
    assert_true(value_of("exponential", 3, z, 2) > 1e282);
    assert_true(gradient[0] == FLT_MAX && gradient[1] == FLT_MAX && gradient[2] == -FLT_MAX);
    assert_true(value_of("exponential", 3, z, 0) == exp(-1000) + exp(-2000));
}

static void a_loss_from_the_public_headers_alone_works(void **state)
{
    (void)state;
    struct choice choice = {.kind = &loss_huberised.kind};
    settings_default(loss_huberised.kind.fields, choice.settings);
    for (uint32_t substream = 0; substream < 5; substream++)
        assert_true(worst_gradient(&loss_huberised, choice.settings, 1, substream) < 2e-3);
}

static void check_direction(const struct choice *choice)
{
    struct random random = random_start(STREAM_DATA, 3, 1);
    for (int turn = 0; turn < 40; turn++) {
        float z[CLASSES], gradient[CLASSES], direction[CLASSES];
        const int16_t y = (int16_t)random_below(&random, CLASSES);
        double scale, largest = 0, size = 0;
        for (int j = 0; j < CLASSES; j++)
            z[j] = (float)(random_normal(&random) * turn / 4);
        ((const struct loss_ops *)choice->kind)->gradient(choice->settings, 1, CLASSES, z, &y, 1.0f, gradient);
        loss_direction(choice, 1, CLASSES, z, &y, &scale, direction);
        for (int j = 0; j < CLASSES; j++) {
            largest = fmax(largest, fabs((double)gradient[j]));
            size = fmax(size, fabs((double)direction[j]));
        }
        assert_true(scale >= 0 && (size == 0 || fabs(size - 1) < 1e-6));
        for (int j = 0; j < CLASSES; j++)
            if (!(fabs(scale * (double)direction[j] - (double)gradient[j]) <= 1e-5 * largest))
                fail_msg("%s: part %d of the gradient is %g by its direction, else %g", choice->kind->name, j,
                         scale * (double)direction[j], (double)gradient[j]);
    }
}

static void every_direction_is_that_of_the_gradient(void **state)
{
    (void)state;
    for (const struct kind *const *kind = loss_table.kinds; *kind != NULL; kind++)
        check_settings(*kind, check_direction);
}

static void the_direction_of_cross_entropy_is_right_at_any_confidence(void **state)
{
    (void)state;
    const struct choice choice = choice_of(&loss_table, "cross_entropy");
    const float z[4] = {600, 0, -1, 1}, wanted[] = {-1, 0.24472847f, 0.09003057f, 0.66524096f};
    float direction[4];
    double scale;
    loss_direction(&choice, 1, 4, z, &(int16_t){0}, &scale, direction);
    for (int j = 0; j < 4; j++)
        assert_true(fabsf(direction[j] - wanted[j]) < 1e-7f);
    assert_true(fabs(log(scale) - (-599 + log(1 + exp(-1) + exp(-2)))) < 1e-9);
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
        cmocka_unit_test(symmetric_losses_sum_to_their_constant_over_all_labels),
        cmocka_unit_test(every_loss_is_finite_and_not_negative_at_any_logit),
        cmocka_unit_test(the_exponential_loss_ends_where_numbers_end),
        cmocka_unit_test(a_loss_from_the_public_headers_alone_works),
        cmocka_unit_test(every_direction_is_that_of_the_gradient),
        cmocka_unit_test(the_direction_of_cross_entropy_is_right_at_any_confidence),
        cmocka_unit_test(bad_logits_make_bad_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
