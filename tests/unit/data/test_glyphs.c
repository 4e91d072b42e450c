#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { PIXELS = 28 * 28, CLASSES = 10 };

static struct dataset *draw(int train_count, double noise, double deformation, uint64_t seed)
{
    struct data_config config = {0};
    struct dataset *dataset = NULL;
    settings_default(data_fields, &config);
    choice_integer(&config.source, "train_count", train_count);
    choice_integer(&config.source, "test_count", 500);
    choice_real(&config.source, "noise", noise);
    choice_real(&config.source, "deformation", deformation);
    assert_int_equal(data_load(&config, seed, &dataset, NULL), STATUS_OK);
    return dataset;
}

static void the_default_source_is_glyphs(void **state)
{
    (void)state;
    struct data_config config = {0};
    struct dataset *dataset = NULL;
    settings_default(data_fields, &config);
    assert_string_equal(config.source.kind->name, "glyphs");
    assert_int_equal(data_load(&config, 0, &dataset, NULL), STATUS_OK);
    assert_int_equal(dataset->shape.count[PART_TRAIN], 10000);
    assert_int_equal(dataset->shape.count[PART_TEST], 2000);
    assert_int_equal(dataset->shape.classes, CLASSES);
    assert_int_equal(dataset->shape.type, SAMPLE_UINT8);
    dataset_destroy(&dataset);
}

/* Drawn by hand-rounded arithmetic alone, so this holds on every machine and for every compiler and its options. */
static void the_bytes_of_the_default_set_never_change(void **state)
{
    (void)state;
    struct data_config config = {0};
    struct dataset *dataset = NULL;
    settings_default(data_fields, &config);
    assert_int_equal(data_load(&config, 0, &dataset, NULL), STATUS_OK);
    assert_int_equal(dataset->digest[0], UINT64_C(0x5e59ddc677ed6784));
    assert_int_equal(dataset->digest[1], UINT64_C(0x50b827302e7401b4));
    dataset_destroy(&dataset);
}

static void a_sample_does_not_depend_on_how_many_there_are(void **state)
{
    (void)state;
    struct dataset *small = draw(333, 0.15, 1, 4), *large = draw(1000, 0.15, 1, 4);
    assert_memory_equal(dataset_values(small, PART_TRAIN), dataset_values(large, PART_TRAIN), 333 * PIXELS);
    assert_memory_equal(dataset_labels(small, PART_TRAIN), dataset_labels(large, PART_TRAIN), 333 * sizeof(int16_t));
    assert_memory_equal(dataset_values(small, PART_TEST), dataset_values(large, PART_TEST), 500 * PIXELS);
    dataset_destroy(&small);
    dataset_destroy(&large);
}

static void parts_and_seeds_differ(void **state)
{
    (void)state;
    struct dataset *one = draw(500, 0.15, 1, 1), *other = draw(500, 0.15, 1, UINT64_C(1) << 32);
    const uint8_t *values = dataset_values(one, PART_TRAIN);
    assert_memory_not_equal(values, dataset_values(one, PART_TEST), PIXELS);
    assert_memory_not_equal(values, dataset_values(other, PART_TRAIN), PIXELS);
    assert_memory_not_equal(values, values + PIXELS, PIXELS);
    assert_true(one->digest[0] != other->digest[0]);
    dataset_destroy(&one);
    dataset_destroy(&other);
}

static void each_run_of_ten_holds_every_class_once(void **state)
{
    (void)state;
    struct dataset *dataset = draw(1000, 0, 1, 2);
    const int16_t *labels = dataset_labels(dataset, PART_TRAIN);
    int first[CLASSES] = {0};
    for (int run = 0; run < 100; run++) {
        unsigned seen = 0;
        for (int i = 0; i < CLASSES; i++)
            seen |= 1u << labels[CLASSES * run + i];
        assert_int_equal(seen, 0x3ff);
        first[labels[CLASSES * run]]++;
    }
    for (int class = 0; class < CLASSES; class ++)
        assert_in_range(first[class], 1, 25);
    dataset_destroy(&dataset);
}

static void without_noise_the_background_is_empty_and_the_pen_is_not(void **state)
{
    (void)state;
    struct dataset *dataset = draw(1000, 0, 1, 3);
    const uint8_t *values = dataset_values(dataset, PART_TRAIN);
    for (int i = 0; i < 1000; i++) {
        int inked = 0;
        for (int pixel = 0; pixel < PIXELS; pixel++)
            inked += values[i * PIXELS + pixel] > 128;
        assert_in_range(inked, 15, PIXELS / 2);
    }
    dataset_destroy(&dataset);
}

static double similarity(const uint8_t *a, const uint8_t *b)
{
    double product = 0, squares_a = 0, squares_b = 0;
    for (int pixel = 0; pixel < PIXELS; pixel++) {
        product += a[pixel] * b[pixel];
        squares_a += a[pixel] * a[pixel];
        squares_b += b[pixel] * b[pixel];
    }
    return product * product / (squares_a * squares_b);
}

/* Only pen and ink differ then: the most similar example has the same label. */
static void without_deformation_samples_of_a_class_are_alike(void **state)
{
    (void)state;
    struct dataset *dataset = draw(500, 0, 0, 3);
    const uint8_t *values = dataset_values(dataset, PART_TRAIN);
    const int16_t *labels = dataset_labels(dataset, PART_TRAIN);
    for (int i = CLASSES; i < 500; i++) {
        int best = 0;
        for (int j = 1; j < CLASSES; j++)
            if (similarity(values + i * PIXELS, values + j * PIXELS) >
                similarity(values + i * PIXELS, values + best * PIXELS))
                best = j;
        assert_int_equal(labels[best], labels[i]);
    }
    dataset_destroy(&dataset);
}

static void extreme_settings_stay_on_the_canvas(void **state)
{
    (void)state;
    struct dataset *dataset = draw(2000, 2, 3, 5);
    dataset_destroy(&dataset);
    assert_int_equal(memory_balance(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_source_is_glyphs),
        cmocka_unit_test(the_bytes_of_the_default_set_never_change),
        cmocka_unit_test(a_sample_does_not_depend_on_how_many_there_are),
        cmocka_unit_test(parts_and_seeds_differ),
        cmocka_unit_test(each_run_of_ten_holds_every_class_once),
        cmocka_unit_test(without_noise_the_background_is_empty_and_the_pen_is_not),
        cmocka_unit_test(without_deformation_samples_of_a_class_are_alike),
        cmocka_unit_test(extreme_settings_stay_on_the_canvas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
