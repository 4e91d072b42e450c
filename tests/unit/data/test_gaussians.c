#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/data.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { DIMENSIONS = 8, CLASSES = 40, COUNT = 40000 };

static struct data_config config_of(double separation, double deviation, double condition)
{
    struct data_config config = {0};
    settings_default(data_fields, &config);
    config.source = choice_of(&dataset_table, "gaussians");
    choice_integer(&config.source, "dimensions", DIMENSIONS);
    choice_integer(&config.source, "classes", CLASSES);
    choice_integer(&config.source, "train_count", COUNT);
    choice_integer(&config.source, "test_count", 100);
    choice_real(&config.source, "separation", separation);
    choice_real(&config.source, "deviation", deviation);
    choice_real(&config.source, "condition", condition);
    return config;
}

static struct dataset *draw(double separation, double deviation, double condition)
{
    const struct data_config config = config_of(separation, deviation, condition);
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, NULL), STATUS_OK);
    return dataset;
}

static void class_means(const struct dataset *dataset, double means[CLASSES][DIMENSIONS])
{
    const float *values = dataset_values_const(dataset, PART_TRAIN);
    const int16_t *labels = dataset_labels_const(dataset, PART_TRAIN);
    for (int i = 0; i < CLASSES * DIMENSIONS; i++)
        means[i / DIMENSIONS][i % DIMENSIONS] = 0;
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < DIMENSIONS; j++)
            means[labels[i]][j] += (double)values[i * DIMENSIONS + j] * CLASSES / COUNT;
}

/* Covariance within classes. */
static void covariance_of(const struct dataset *dataset, double out[DIMENSIONS][DIMENSIONS])
{
    static double means[CLASSES][DIMENSIONS];
    class_means(dataset, means);
    const float *values = dataset_values_const(dataset, PART_TRAIN);
    const int16_t *labels = dataset_labels_const(dataset, PART_TRAIN);
    for (int j = 0; j < DIMENSIONS; j++)
        for (int k = 0; k < DIMENSIONS; k++) {
            out[j][k] = 0;
            for (int i = 0; i < COUNT; i++)
                out[j][k] += ((double)values[i * DIMENSIONS + j] - means[labels[i]][j]) *
                             ((double)values[i * DIMENSIONS + k] - means[labels[i]][k]) / COUNT;
        }
}

/* By elimination: the product of the eigenvalues. */
static double determinant_of(double matrix[DIMENSIONS][DIMENSIONS])
{
    double product = 1;
    for (int i = 0; i < DIMENSIONS; i++) {
        product *= matrix[i][i];
        for (int j = i + 1; j < DIMENSIONS; j++)
            for (int k = DIMENSIONS - 1; k >= i; k--)
                matrix[j][k] -= matrix[i][k] * matrix[j][i] / matrix[i][i];
    }
    return product;
}

static void classes_are_balanced_and_means_as_far_apart_as_asked(void **state)
{
    (void)state;
    static double means[CLASSES][DIMENSIONS];
    struct dataset *dataset = draw(10, 0.1, 1);
    class_means(dataset, means);
    double squares = 0;
    for (int a = 0; a < CLASSES; a++)
        for (int b = 0; b < a; b++)
            for (int j = 0; j < DIMENSIONS; j++)
                squares += (means[a][j] - means[b][j]) * (means[a][j] - means[b][j]);
    const double distance = sqrt(squares / (CLASSES * (CLASSES - 1) / 2));
    assert_true(fabs(distance - 10) < 1.5);
    dataset_destroy(&dataset);
}

static void a_round_class_has_the_deviation_asked_for_in_every_direction(void **state)
{
    (void)state;
    double covariance[DIMENSIONS][DIMENSIONS];
    struct dataset *dataset = draw(5, 2, 1);
    covariance_of(dataset, covariance);
    for (int j = 0; j < DIMENSIONS; j++)
        for (int k = 0; k < DIMENSIONS; k++)
            assert_true(fabs(covariance[j][k] - (j == k ? 4 : 0)) < 0.15);
    dataset_destroy(&dataset);
}

/* Trace and determinant of a geometric spectrum of deviations from 2/sqrt(9) to 2 sqrt(9). */
static void a_long_class_has_the_spectrum_asked_for(void **state)
{
    (void)state;
    double covariance[DIMENSIONS][DIMENSIONS], trace = 0, wanted = 0, apart = 0;
    struct dataset *dataset = draw(5, 2, 9);
    covariance_of(dataset, covariance);
    for (int j = 0; j < DIMENSIONS; j++) {
        trace += covariance[j][j];
        wanted += 4 * pow(9, 2 * ((double)j / (DIMENSIONS - 1) - 0.5));
        apart = fmax(apart, fabs(covariance[j][(j + 1) % DIMENSIONS]));
    }
    assert_true(fabs(trace / wanted - 1) < 0.03);
    assert_true(fabs(determinant_of(covariance) / pow(4, DIMENSIONS) - 1) < 0.08);
    assert_true(apart > 0.5);
    dataset_destroy(&dataset);
}

/* The share of samples nearest to their own class mean: overlap is a setting. */
static double nearest_mean_accuracy(double separation)
{
    static double means[CLASSES][DIMENSIONS];
    struct dataset *dataset = draw(separation, 1, 1);
    class_means(dataset, means);
    const float *values = dataset_values_const(dataset, PART_TRAIN);
    int right = 0;
    for (int i = 0; i < COUNT; i++) {
        int best = 0;
        double least = INFINITY;
        for (int class = 0; class < CLASSES; class ++) {
            double distance = 0;
            for (int j = 0; j < DIMENSIONS; j++)
                distance += pow((double)values[i * DIMENSIONS + j] - means[class][j], 2);
            best = distance < least ? class : best;
            least = fmin(distance, least);
        }
        right += best == dataset_labels_const(dataset, PART_TRAIN)[i];
    }
    dataset_destroy(&dataset);
    return (double)right / COUNT;
}

static void separation_sets_the_overlap(void **state)
{
    (void)state;
    assert_true(nearest_mean_accuracy(0) < 0.1);
    const double middle = nearest_mean_accuracy(4);
    assert_true(middle > 0.4 && middle < 0.9);
    assert_true(nearest_mean_accuracy(20) > 0.99);
}

static void settings_and_seeds_tell_sources_apart(void **state)
{
    (void)state;
    const struct data_config one = config_of(5, 1, 1), same = config_of(5, 1, 1), other = config_of(5, 1, 2);
    struct data_config glyphs = {0};
    settings_default(data_fields, &glyphs);
    assert_true(data_same_source(&one, 3, &same, 3));
    assert_false(data_same_source(&one, 3, &same, 4));
    assert_false(data_same_source(&one, 3, &other, 3));
    assert_false(data_same_source(&one, 3, &glyphs, 3));
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_balanced_and_means_as_far_apart_as_asked),
        cmocka_unit_test(a_round_class_has_the_deviation_asked_for_in_every_direction),
        cmocka_unit_test(a_long_class_has_the_spectrum_asked_for),
        cmocka_unit_test(separation_sets_the_overlap),
        cmocka_unit_test(settings_and_seeds_tell_sources_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
