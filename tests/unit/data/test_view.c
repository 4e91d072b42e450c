#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "seedbed/random.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

extern const struct dataset_ops dataset_stripes;

enum { TRAIN = 1000, TEST = 100, VALUES_MAX = 28 * 28 };

static struct dataset *glyphs, *stripes;
static const struct data_seeds seeds = {0};

static struct data_config default_config(void)
{
    struct data_config config = {0};
    settings_default(data_fields, &config);
    choice_integer(&config.source, "train_count", TRAIN);
    choice_integer(&config.source, "test_count", TEST);
    return config;
}

static struct data_config stripes_config(const char *normalisation)
{
    struct data_config config = default_config();
    config.source = (struct choice){.kind = &dataset_stripes.kind};
    settings_default(dataset_stripes.kind.fields, config.source.settings);
    config.normalisation = kind_find(&normalisation_table, normalisation);
    return config;
}

static int set_up(void **state)
{
    (void)state;
    const struct data_config config = default_config(), plugin = stripes_config("none");
    return data_load(&config, 0, &glyphs, NULL) != STATUS_OK || data_load(&plugin, 0, &stripes, NULL) != STATUS_OK;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_destroy(&glyphs);
    dataset_destroy(&stripes);
    return memory_balance() == 0 ? 0 : -1;
}

static struct data_view *see(const struct dataset *dataset, const struct data_config *config)
{
    struct data_view *view = NULL;
    assert_int_equal(data_view_create(dataset, config, &seeds, &view, NULL), STATUS_OK);
    return view;
}

static bool holds(const struct samples *samples, int32_t position)
{
    for (int i = 0; i < samples->count; i++)
        if (samples->index[i] == position)
            return true;
    return false;
}

static void all_samples_are_seen_in_order_when_no_size_is_given(void **state)
{
    (void)state;
    const struct data_config config = default_config();
    struct data_view *view = see(glyphs, &config);
    assert_int_equal(view->parts[PART_TRAIN].count, TRAIN);
    assert_int_equal(view->parts[PART_TEST].count, TEST);
    for (int i = 0; i < TRAIN; i++)
        assert_int_equal(view->parts[PART_TRAIN].index[i], i);
    assert_memory_equal(view->parts[PART_TEST].labels, dataset_labels(glyphs, PART_TEST), TEST * sizeof(int16_t));
    data_view_destroy(&view);
    data_view_destroy(&view);
}

static void smaller_subsets_lie_in_larger_ones(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.train_size = 500;
    struct data_view *large = see(glyphs, &config);
    for (int size = 1; size < 500; size += 83) {
        config.train_size = size;
        struct data_view *small = see(glyphs, &config);
        const struct samples *samples = &small->parts[PART_TRAIN];
        assert_int_equal(samples->count, size);
        for (int i = 0; i < size; i++) {
            assert_true(i == 0 || samples->index[i] > samples->index[i - 1]);
            assert_true(holds(&large->parts[PART_TRAIN], samples->index[i]));
            assert_int_equal(samples->true_labels[i], dataset_labels(glyphs, PART_TRAIN)[samples->index[i]]);
        }
        data_view_destroy(&small);
    }
    data_view_destroy(&large);
}

static void the_subset_is_drawn_by_its_seed_evenly(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.train_size = 100;
    int hits[TRAIN] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        const struct data_seeds drawn = {.subset = seed};
        struct data_view *view = NULL;
        assert_int_equal(data_view_create(glyphs, &config, &drawn, &view, NULL), STATUS_OK);
        for (int i = 0; i < 100; i++)
            hits[view->parts[PART_TRAIN].index[i]]++;
        data_view_destroy(&view);
    }
    double chi_square = 0; /* 999 degrees of freedom, less for drawing without replacement */
    for (int i = 0; i < TRAIN; i++)
        chi_square += (hits[i] - 20.0) * (hits[i] - 20.0) / 20;
    assert_true(chi_square > 700 && chi_square < 1200);
}

static void a_noisy_label_is_the_same_in_every_subset(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.label_noise = choice_of(&label_noise_table, "symmetric");
    choice_real(&config.label_noise, "rate", 0.4);
    struct data_view *whole = see(glyphs, &config);
    config.train_size = 300;
    struct data_view *some = see(glyphs, &config);
    const struct samples *samples = &some->parts[PART_TRAIN];
    int wrong = 0;
    for (int i = 0; i < samples->count; i++) {
        assert_int_equal(samples->labels[i], whole->parts[PART_TRAIN].labels[samples->index[i]]);
        wrong += samples->labels[i] != samples->true_labels[i];
    }
    assert_true(wrong == lround(some->noise_rate * 300) && wrong > 80 && wrong < 160);
    assert_memory_equal(whole->parts[PART_TEST].labels, whole->parts[PART_TEST].true_labels, TEST * sizeof(int16_t));
    data_view_destroy(&whole);
    data_view_destroy(&some);
}

static void more_samples_than_there_are_is_an_error_with_the_number(void **state)
{
    (void)state;
    struct data_config config = default_config();
    struct error error = {0};
    struct data_view *view = NULL;
    config.test_size = TEST + 1;
    assert_int_equal(data_view_create(glyphs, &config, &seeds, &view, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, "data.test_size: 101 samples, but the source 'glyphs' has 100; allowed: 0 for "
                                    "all, or 1 to 100");
    assert_null(view);
}

static struct data_view *see_sizes(int train_size, int validation_size)
{
    struct data_config config = default_config();
    config.train_size = train_size;
    config.validation_size = validation_size;
    return see(glyphs, &config);
}

static void expect_same_samples(const struct samples *a, const struct samples *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->index, b->index, (size_t)a->count * sizeof *a->index);
}

static void the_validation_part_leaves_the_training_part_as_it_is(void **state)
{
    (void)state;
    static const int sizes[] = {1, 83, 300, TRAIN - 300};
    struct data_view *alone = see_sizes(300, 0), *whole = see_sizes(1, TRAIN - 300);
    assert_int_equal(alone->parts[PART_VALIDATION].count, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct data_view *both = see_sizes(300, sizes[i]), *other = see_sizes(7, sizes[i]);
        const struct samples *validation = &both->parts[PART_VALIDATION];
        expect_same_samples(&both->parts[PART_TRAIN], &alone->parts[PART_TRAIN]);
        expect_same_samples(validation, &other->parts[PART_VALIDATION]);
        assert_int_equal(validation->count, sizes[i]);
        for (int j = 0; j < validation->count; j++) {
            assert_false(holds(&both->parts[PART_TRAIN], validation->index[j]));
            assert_true(holds(&whole->parts[PART_VALIDATION], validation->index[j]));
            assert_int_equal(validation->true_labels[j], dataset_labels(glyphs, PART_TRAIN)[validation->index[j]]);
        }
        assert_memory_equal(validation->mean, alone->parts[PART_TRAIN].mean, sizeof validation->mean);
        assert_memory_equal(validation->deviation, alone->parts[PART_TRAIN].deviation, sizeof validation->deviation);
        data_view_destroy(&both);
        data_view_destroy(&other);
    }
    data_view_destroy(&alone);
    data_view_destroy(&whole);
}

static void without_a_train_size_training_takes_what_validation_leaves(void **state)
{
    (void)state;
    struct data_view *rest = see_sizes(0, 200), *spelled = see_sizes(TRAIN - 200, 200);
    for (int part = 0; part < PART_COUNT; part++)
        expect_same_samples(&rest->parts[part], &spelled->parts[part]);
    assert_int_equal(rest->parts[PART_TRAIN].count, TRAIN - 200);
    data_view_destroy(&rest);
    data_view_destroy(&spelled);
}

static void validation_labels_are_noisy_as_those_trained_on_or_true(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.label_noise = choice_of(&label_noise_table, "symmetric");
    choice_real(&config.label_noise, "rate", 0.4);
    struct data_view *whole = see(glyphs, &config);
    config.train_size = 500;
    config.validation_size = 300;
    struct data_view *observed = see(glyphs, &config);
    config.validation_labels = kind_find(&validation_label_table, "true");
    struct data_view *true_ones = see(glyphs, &config);
    const struct samples *noisy = &observed->parts[PART_VALIDATION], *clean = &true_ones->parts[PART_VALIDATION];
    const struct samples *train = &observed->parts[PART_TRAIN];
    for (int i = 0; i < 300; i++)
        assert_int_equal(noisy->labels[i], whole->parts[PART_TRAIN].labels[noisy->index[i]]);
    assert_memory_not_equal(noisy->labels, noisy->true_labels, 300 * sizeof(int16_t));
    assert_memory_equal(clean->labels, clean->true_labels, 300 * sizeof(int16_t));
    assert_memory_equal(clean->true_labels, noisy->true_labels, 300 * sizeof(int16_t));
    assert_memory_equal(train->labels, true_ones->parts[PART_TRAIN].labels, 500 * sizeof(int16_t));
    data_view_destroy(&whole);
    data_view_destroy(&observed);
    data_view_destroy(&true_ones);
}

static void permuted_validation_labels_stay_in_the_validation_part(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.label_noise = choice_of(&label_noise_table, "permute");
    config.train_size = 500;
    struct data_view *alone = see(glyphs, &config);
    config.validation_size = 300;
    struct data_view *both = see(glyphs, &config);
    const struct samples *validation = &both->parts[PART_VALIDATION];
    int counts[10] = {0};
    for (int i = 0; i < 300; i++) {
        counts[validation->labels[i]]++;
        counts[validation->true_labels[i]]--;
    }
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 0);
    assert_memory_not_equal(validation->labels, validation->true_labels, 300 * sizeof(int16_t));
    assert_memory_equal(both->parts[PART_TRAIN].labels, alone->parts[PART_TRAIN].labels, 500 * sizeof(int16_t));
    data_view_destroy(&alone);
    data_view_destroy(&both);
}

static void expect_refused(int train_size, int validation_size, const char *text)
{
    struct data_config config = default_config();
    struct error error = {0};
    struct data_view *view = NULL;
    config.train_size = train_size;
    config.validation_size = validation_size;
    assert_int_equal(data_view_create(glyphs, &config, &seeds, &view, &error), STATUS_BAD_SWEEP);
    assert_string_equal(error.text, text);
    assert_null(view);
}

static void a_validation_part_that_does_not_fit_is_an_error_with_the_numbers(void **state)
{
    (void)state;
    expect_refused(0, TRAIN,
                   "data.validation_size: 1000 samples beside at least 1 to train on, but the source 'glyphs' has "
                   "1000; allowed: 0 for none, and at most 999");
    expect_refused(900, 101,
                   "data.validation_size: 101 samples beside 900 to train on, but the source 'glyphs' has 1000; "
                   "allowed: 0 for none, and at most 100");
    expect_refused(
        TRAIN, INT32_MAX,
        "data.validation_size: 2147483647 samples beside 1000 to train on, but the source 'glyphs' has 1000; "
        "allowed: 0 for none, and at most 0");
}

/* Mean and variance of one channel of everything gathered, in double. */
static void moments(const struct samples *samples, int channel, double *mean, double *variance)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    const int pixels = shape->height * shape->width;
    static float x[VALUES_MAX];
    double sum = 0, squares = 0;
    for (int i = 0; i < samples->count; i++) {
        samples_gather(samples, NULL, i, 1, x);
        for (int pixel = 0; pixel < pixels; pixel++) {
            const double value = (double)x[pixel * shape->channels + channel];
            sum += value;
            squares += value * value;
        }
    }
    *mean = sum / samples->count / pixels;
    *variance = squares / samples->count / pixels - *mean * *mean;
}

static void standard_inputs_have_no_mean_and_unit_variance_over_the_subset(void **state)
{
    (void)state;
    struct data_config config = default_config(), plugin = stripes_config("standard");
    config.train_size = 200;
    plugin.train_size = 20;
    struct data_view *views[] = {see(glyphs, &config), see(stripes, &plugin)};
    for (int i = 0; i < 2; i++) {
        for (int channel = 0; channel < views[i]->shape.channels; channel++) {
            double mean, variance;
            moments(&views[i]->parts[PART_TRAIN], channel, &mean, &variance);
            assert_true(fabs(mean) < 1e-5 && fabs(variance - 1) < 1e-5);
        }
        assert_memory_equal(views[i]->parts[PART_TRAIN].mean, views[i]->parts[PART_TEST].mean, sizeof(float));
        assert_memory_equal(views[i]->parts[PART_TRAIN].deviation, views[i]->parts[PART_TEST].deviation, sizeof(float));
        data_view_destroy(&views[i]);
    }
}

static void expect_constants(const struct dataset *dataset, const struct data_config *config, double mean,
                             double deviation)
{
    struct data_view *view = see(dataset, config);
    assert_true(fabs((double)view->parts[PART_TEST].mean[0] - mean) < 1e-7);
    assert_true(fabs((double)view->parts[PART_TEST].deviation[0] - deviation) < 1e-7);
    data_view_destroy(&view);
}

static void unit_divides_bytes_by_255_and_floats_by_their_range(void **state)
{
    (void)state;
    struct data_config config = default_config(), plugin = stripes_config("unit");
    config.normalisation = kind_find(&normalisation_table, "unit");
    expect_constants(glyphs, &config, 0, 255);
    expect_constants(stripes, &plugin, 0, 3);
    plugin = stripes_config("none");
    expect_constants(stripes, &plugin, 0, 1);
}

static void a_channel_without_spread_is_only_moved(void **state)
{
    (void)state;
    const struct data_config plugin = stripes_config("standard");
    const struct dataset_shape shape = {
        .sample = {.height = 1, .width = 3, .channels = 1}, .type = SAMPLE_FLOAT32, .classes = 2, .count = {7, 1}};
    struct dataset *dataset = NULL;
    assert_int_equal(dataset_allocate(&shape, &dataset, NULL), STATUS_OK);
    for (int i = 0; i < 21; i++)
        ((float *)dataset_values(dataset, PART_TRAIN))[i] = 0.1f;
    dataset_seal(dataset);
    expect_constants(dataset, &plugin, (double)0.1f, 1);
    dataset_destroy(&dataset);
}

static float raw_of(const struct dataset *dataset, int part, int place)
{
    if (dataset->shape.type == SAMPLE_UINT8)
        return (float)((const uint8_t *)dataset_values_const(dataset, part))[place];
    return ((const float *)dataset_values_const(dataset, part))[place];
}

/* Bit for bit (raw - mean) * (1 / deviation), each operation rounded to float32. */
static void expect_gathered(const struct samples *samples, const int32_t *which, int first, int n)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    const int values = shape->height * shape->width * shape->channels;
    float *x = calloc((size_t)n * (size_t)values, sizeof *x);
    samples_gather(samples, which, first, n, x);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < values; j++) {
            const int position = samples->index[which == NULL ? first + i : which[i]];
            const volatile float difference =
                raw_of(samples->dataset, samples->part, position * values + j) - samples->mean[j % shape->channels];
            const volatile float inverse = 1 / samples->deviation[j % shape->channels];
            const float wanted = difference * inverse;
            assert_memory_equal(&x[i * values + j], &wanted, sizeof wanted);
        }
    free(x);
}

/* 40 and 30 samples of 5 x 3 pixels with random values; free with dataset_destroy. */
static struct dataset *random_values(enum sample_type type, int channels)
{
    const struct dataset_shape shape = {
        .sample = {.height = 5, .width = 3, .channels = channels}, .type = type, .classes = 2, .count = {40, 30}};
    struct dataset *dataset = NULL;
    struct random random = random_start(STREAM_DATA, 5, 0);
    assert_int_equal(dataset_allocate(&shape, &dataset, NULL), STATUS_OK);
    for (int part = 0; part < DATASET_PARTS; part++)
        for (int i = 0; i < shape.count[part] * 15 * channels; i++)
            if (type == SAMPLE_UINT8)
                ((uint8_t *)dataset_values(dataset, part))[i] = (uint8_t)random_word(&random);
            else
                ((float *)dataset_values(dataset, part))[i] = (float)random_normal(&random);
    dataset_seal(dataset);
    return dataset;
}

static void gathering_is_bitwise_the_documented_formula(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.train_size = 35;
    for (int channels = 1; channels <= CHANNELS_MAX; channels++)
        for (int type = SAMPLE_UINT8; type <= SAMPLE_FLOAT32; type++) {
            struct dataset *dataset = random_values((enum sample_type)type, channels);
            struct data_view *view = see(dataset, &config);
            for (int part = 0; part < DATASET_PARTS; part++) {
                const struct samples *samples = &view->parts[part];
                expect_gathered(samples, NULL, 3, samples->count - 3);
                expect_gathered(samples, (const int32_t[]){9, 0, 29, 29, 4}, 0, 5);
            }
            data_view_destroy(&view);
            dataset_destroy(&dataset);
        }
}

/* The documented sum, lane by lane instead of side by side. */
static float unit_length_scale(int n, const float *x)
{
    double sum = 0;
    for (int lane = 0; lane < UNIT_LENGTH_LANES; lane++) {
        double squares = 0;
        for (int i = lane; i < n; i += UNIT_LENGTH_LANES)
            squares += (double)x[i] * (double)x[i];
        sum += squares;
    }
    return (float)(1 / sqrt(sum));
}

static void sphere_scales_standard_samples_to_unit_length_bit_by_bit(void **state)
{
    (void)state;
    enum { VALUES = 45 };
    struct data_config standard = default_config(), sphere = default_config();
    sphere.normalisation = kind_find(&normalisation_table, "sphere");
    struct dataset *dataset = random_values(SAMPLE_UINT8, 3);
    struct data_view *from = see(dataset, &standard), *to = see(dataset, &sphere);
    assert_memory_equal(from->parts[PART_TEST].mean, to->parts[PART_TEST].mean, sizeof from->parts[PART_TEST].mean);
    for (int i = 0; i < from->parts[PART_TEST].count; i++) {
        float raw[VALUES], x[VALUES];
        double squares = 0;
        samples_gather(&from->parts[PART_TEST], NULL, i, 1, raw);
        samples_gather(&to->parts[PART_TEST], &i, 0, 1, x);
        const float scale = unit_length_scale(VALUES, raw);
        for (int j = 0; j < VALUES; j++) {
            const float wanted = raw[j] * scale;
            assert_memory_equal(&x[j], &wanted, sizeof wanted);
            squares += (double)x[j] * (double)x[j];
        }
        assert_true(fabs(squares - 1) < 1e-6);
    }
    data_view_destroy(&from);
    data_view_destroy(&to);
    dataset_destroy(&dataset);
}

static void a_sample_of_zeros_has_no_direction_and_stays(void **state)
{
    (void)state;
    struct data_config config = default_config();
    config.normalisation = kind_find(&normalisation_table, "sphere");
    struct dataset *dataset = random_values(SAMPLE_FLOAT32, 1);
    struct data_view *view = see(dataset, &config);
    float x[15], *raw = dataset_values(dataset, PART_TEST);
    for (int i = 0; i < 15; i++)
        raw[i] = view->parts[PART_TEST].mean[0];
    samples_gather(&view->parts[PART_TEST], NULL, 0, 1, x);
    for (int i = 0; i < 15; i++)
        assert_true(x[i] == 0);
    data_view_destroy(&view);
    dataset_destroy(&dataset);
}

static void too_many_channels_are_refused(void **state)
{
    (void)state;
    const struct data_config config = default_config();
    const struct dataset_shape shape = {
        .sample = {.height = 1, .width = 1, .channels = 5}, .type = SAMPLE_UINT8, .classes = 2, .count = {2, 2}};
    struct dataset *dataset = NULL;
    struct data_view *view = NULL;
    struct error error = {0};
    assert_int_equal(dataset_allocate(&shape, &dataset, NULL), STATUS_OK);
    assert_int_equal(data_view_create(dataset, &config, &seeds, &view, &error), STATUS_BAD_DATA);
    assert_non_null(strstr(error.text, "5 channels: at most 4"));
    dataset_destroy(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_samples_are_seen_in_order_when_no_size_is_given),
        cmocka_unit_test(smaller_subsets_lie_in_larger_ones),
        cmocka_unit_test(the_subset_is_drawn_by_its_seed_evenly),
        cmocka_unit_test(a_noisy_label_is_the_same_in_every_subset),
        cmocka_unit_test(more_samples_than_there_are_is_an_error_with_the_number),
        cmocka_unit_test(the_validation_part_leaves_the_training_part_as_it_is),
        cmocka_unit_test(without_a_train_size_training_takes_what_validation_leaves),
        cmocka_unit_test(validation_labels_are_noisy_as_those_trained_on_or_true),
        cmocka_unit_test(permuted_validation_labels_stay_in_the_validation_part),
        cmocka_unit_test(a_validation_part_that_does_not_fit_is_an_error_with_the_numbers),
        cmocka_unit_test(standard_inputs_have_no_mean_and_unit_variance_over_the_subset),
        cmocka_unit_test(unit_divides_bytes_by_255_and_floats_by_their_range),
        cmocka_unit_test(a_channel_without_spread_is_only_moved),
        cmocka_unit_test(gathering_is_bitwise_the_documented_formula),
        cmocka_unit_test(sphere_scales_standard_samples_to_unit_length_bit_by_bit),
        cmocka_unit_test(a_sample_of_zeros_has_no_direction_and_stays),
        cmocka_unit_test(too_many_channels_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
