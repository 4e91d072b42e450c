#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/best_scale.h"
#include "seedbed/random.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { COUNT = 200, CLASSES = 5 };

/* Two classes, |margin| = m, a share w wrong: the mean of log(1 + exp(-s m)) and log(1 + exp(s m)) is least where the
 * softmax says 1 - w: s = log((1 - w) / w) / m, and there it is the entropy of w. */
static void two_classes_of_one_margin_have_a_closed_form(void **state)
{
    (void)state;
    for (int wrong = 1; wrong < COUNT / 2; wrong += 7) {
        for (int power = -6; power <= 8; power += 7) {
            const double m = pow(10, power), w = (double)wrong / COUNT;
            float logits[COUNT * 2];
            int16_t labels[COUNT] = {0};
            for (int i = 0; i < COUNT; i++) {
                logits[2 * i] = i < wrong ? 0 : (float)m;
                logits[2 * i + 1] = i < wrong ? (float)m : 0;
            }
            const struct best_scale best = find_best_scale(COUNT, 2, logits, labels, 1);
            const double wanted = log((1 - w) / w) / (double)(float)m;
            assert_true(fabs(best.scale - wanted) <= 1e-8 * wanted);
            assert_true(fabs(best.loss + w * log(w) + (1 - w) * log(1 - w)) < 1e-12);
        }
    }
}

static double loss_at(double s, const float *logits, const int16_t *labels)
{
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        double most = -INFINITY, total = 0;
        for (int j = 0; j < CLASSES; j++)
            most = fmax(most, s * (double)logits[i * CLASSES + j]);
        for (int j = 0; j < CLASSES; j++)
            total += exp(s * (double)logits[i * CLASSES + j] - most);
        sum += most + log(total) - s * (double)logits[i * CLASSES + labels[i]];
    }
    return sum / COUNT;
}

/* By golden section, which knows no derivative. */
static double least_by_search(const float *logits, const int16_t *labels)
{
    const double ratio = 0.5 * (sqrt(5) - 1);
    double low = 0, high = 64;
    for (int i = 0; i < 120; i++) {
        const double a = high - ratio * (high - low), b = low + ratio * (high - low);
        if (loss_at(a, logits, labels) < loss_at(b, logits, labels))
            high = b;
        else
            low = a;
    }
    return 0.5 * (low + high);
}

static void the_scale_is_where_a_search_finds_it(void **state)
{
    (void)state;
    float logits[COUNT * CLASSES];
    int16_t labels[COUNT];
    struct random random = random_start(STREAM_METRIC, 5, 0);
    for (int round = 0; round < 12; round++) {
        const double spread = exp(random_normal(&random));
        for (int i = 0; i < COUNT; i++) {
            labels[i] = (int16_t)(i % CLASSES);
            for (int j = 0; j < CLASSES; j++)
                logits[i * CLASSES + j] = (float)(spread * (random_normal(&random) + (j == labels[i] ? 1.5 : 0)));
        }
        const struct best_scale best = find_best_scale(COUNT, CLASSES, logits, labels, round % 2 == 0 ? 1 : 1e3);
        const double wanted = least_by_search(logits, labels);
        assert_true(fabs(best.scale - wanted) < 1e-6 * (1 + wanted));
        assert_true(fabs(best.loss - loss_at(best.scale, logits, labels)) < 1e-12);
    }
}

static void the_ends_are_right(void **state)
{
    (void)state;
    const int16_t labels[] = {0, 1};
    const struct best_scale right = find_best_scale(2, 2, (const float[]){1, 0, 0, 1}, labels, 1);
    assert_true(isinf(right.scale) && right.loss == 0);
    const struct best_scale tied = find_best_scale(2, 2, (const float[]){1, 1, 0, 1}, labels, 1);
    assert_true(isinf(tied.scale) && fabs(tied.loss - log(2) / 2) < 1e-15);
    const struct best_scale worse = find_best_scale(2, 2, (const float[]){0, 1, 1, 0}, labels, 1);
    assert_true(worse.scale == 0 && fabs(worse.loss - log(2)) < 1e-15);
    const struct best_scale far = find_best_scale(2, 2, (const float[]){3000, 0, 2999, 0}, labels, 1);
    assert_true(far.scale > 0 && isfinite(far.loss) && far.loss < log(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_of_one_margin_have_a_closed_form),
        cmocka_unit_test(the_scale_is_where_a_search_finds_it),
        cmocka_unit_test(the_ends_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
