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

enum { COUNT = 400, HEIGHT = 6, WIDTH = 5, CHANNELS = 2, VALUES = HEIGHT * WIDTH * CHANNELS };

static struct dataset *dataset;
static struct data_view *view;
static const struct samples *train;

/* Values from 1 on, so that a zero is what augmentation put there. */
static int set_up(void **state)
{
    (void)state;
    const struct data_seeds seeds = {0};
    const struct dataset_shape shape = {.sample = {.height = HEIGHT, .width = WIDTH, .channels = CHANNELS},
                                        .type = SAMPLE_UINT8,
                                        .classes = 2,
                                        .count = {COUNT, 1}};
    struct data_config config = {0};
    settings_default(data_fields, &config);
    config.normalisation = kind_find(&normalisation_table, "none");
    config.train_size = COUNT / 2;
    assert_int_equal(dataset_allocate(&shape, &dataset, NULL), STATUS_OK);
    uint8_t *values = dataset_values(dataset, PART_TRAIN);
    for (int i = 0; i < COUNT * VALUES; i++)
        values[i] = (uint8_t)(1 + i % VALUES);
    dataset_seal(dataset);
    assert_int_equal(data_view_create(dataset, &config, &seeds, &view, NULL), STATUS_OK);
    train = &view->parts[PART_TRAIN];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    data_view_destroy(&view);
    dataset_destroy(&dataset);
    return memory_balance() == 0 ? 0 : -1;
}

/* One sample, changed as in this epoch.   x [VALUES] */
static void change(const struct augment_config *config, uint32_t epoch, int32_t sample, float *x)
{
    const struct augmentation augmentation = {.config = config, .seed = 7, .epoch = epoch};
    samples_gather(train, &sample, 0, 1, x);
    samples_augment(train, &augmentation, &sample, 1, x);
}

static float original(int row, int column, int channel)
{
    return (float)(1 + (row * WIDTH + column) * CHANNELS + channel);
}

/* What stands where, from the definition: mirrored, then moved. */
static float expected(int row, int column, int channel, const int moved[2], bool flipped)
{
    const int from_row = row - moved[0], from_column = column - moved[1];
    if (from_row < 0 || from_row >= HEIGHT || from_column < 0 || from_column >= WIDTH)
        return 0;
    return original(from_row, flipped ? WIDTH - 1 - from_column : from_column, channel);
}

static bool agrees(const float *x, const int moved[2], bool flipped)
{
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++)
            for (int channel = 0; channel < CHANNELS; channel++)
                if (x[(row * WIDTH + column) * CHANNELS + channel] != expected(row, column, channel, moved, flipped))
                    return false;
    return true;
}

/* Counts in hits[rows + s][columns + s][flipped] which of the possible changes x is. */
static void find_change(const float *x, int shift, int hits[5][5][2])
{
    for (int rows = -shift; rows <= shift; rows++)
        for (int columns = -shift; columns <= shift; columns++)
            for (int flipped = 0; flipped < 2; flipped++)
                if (agrees(x, (const int[]){rows, columns}, flipped)) {
                    hits[rows + shift][columns + shift][flipped]++;
                    return;
                }
    fail_msg("a sample is neither moved nor mirrored as allowed");
}

static void nothing_changes_when_all_is_off(void **state)
{
    (void)state;
    const struct augment_config off = {0};
    for (int sample = 0; sample < train->count; sample++) {
        float x[VALUES];
        change(&off, 3, sample, x);
        assert_true(agrees(x, (const int[]){0, 0}, false));
    }
}

static void every_shift_and_flip_comes_equally_often(void **state)
{
    (void)state;
    const struct augment_config config = {.shift = 2, .flip = true};
    int hits[5][5][2] = {0};
    double chi_square = 0; /* 49 degrees of freedom */
    for (uint32_t epoch = 0; epoch < 25; epoch++)
        for (int sample = 0; sample < train->count; sample++) {
            float x[VALUES];
            change(&config, epoch, sample, x);
            find_change(x, 2, hits);
        }
    for (int i = 0; i < 50; i++) {
        const double excess = hits[i / 10][i / 2 % 5][i % 2] - 100.0;
        chi_square += excess * excess / 100;
    }
    assert_true(chi_square > 20 && chi_square < 95);
}

static void flip_alone_mirrors_half_of_the_samples(void **state)
{
    (void)state;
    const struct augment_config config = {.flip = true};
    int hits[5][5][2] = {0};
    for (int sample = 0; sample < train->count; sample++) {
        float x[VALUES];
        change(&config, 0, sample, x);
        find_change(x, 0, hits);
    }
    assert_in_range(hits[0][0][1], 70, 130);
}

/* The square around a pixel, for every side: the zeros of x are one of those, and each centre comes. */
static void cutout_is_a_square_around_each_pixel_cut_at_the_borders(void **state)
{
    (void)state;
    for (int side = 1; side <= WIDTH; side++) {
        const struct augment_config config = {.cutout = side};
        int hits[HEIGHT * WIDTH] = {0};
        for (int sample = 0; sample < 1000; sample++) {
            float x[VALUES];
            int found = 0;
            change(&config, (uint32_t)(sample / train->count), sample % train->count, x);
            for (int centre = 0; centre < HEIGHT * WIDTH; centre++) {
                bool same = true;
                for (int pixel = 0; pixel < HEIGHT * WIDTH; pixel++) {
                    const int down = pixel / WIDTH - centre / WIDTH + side / 2;
                    const int right = pixel % WIDTH - centre % WIDTH + side / 2;
                    const bool cut = down >= 0 && down < side && right >= 0 && right < side;
                    for (int channel = 0; channel < CHANNELS; channel++)
                        same = same && (x[pixel * CHANNELS + channel] == 0) == cut;
                }
                found += same;
                hits[centre] += same;
            }
            assert_true(found >= 1);
        }
        for (int centre = 0; centre < HEIGHT * WIDTH; centre++)
            assert_true(hits[centre] > 0);
    }
}

static void a_change_belongs_to_seed_epoch_and_position_not_to_the_batch(void **state)
{
    (void)state;
    enum { BATCH = 5 };
    const struct augment_config config = {.shift = 2, .flip = true, .cutout = 2};
    const struct augmentation augmentation = {.config = &config, .seed = 7, .epoch = 4};
    const int32_t which[BATCH] = {17, 3, 199, 3, 60};
    float batch[BATCH][VALUES], x[VALUES];
    samples_gather(train, which, 0, BATCH, batch[0]);
    samples_augment(train, &augmentation, which, BATCH, batch[0]);
    for (int i = 0; i < BATCH; i++) {
        change(&config, 4, which[i], x);
        assert_memory_equal(x, batch[i], sizeof x);
    }
    int same = 0;
    for (int sample = 0; sample < train->count; sample++) {
        float other[VALUES];
        change(&config, 4, sample, x);
        change(&config, 5, sample, other);
        same += memcmp(x, other, sizeof x) == 0;
    }
    assert_true(same < 10);
}

static void a_larger_subset_changes_a_sample_alike(void **state)
{
    (void)state;
    const struct augment_config config = {.shift = 2, .flip = true, .cutout = 2};
    struct samples all = *train;
    int32_t index[COUNT];
    for (int i = 0; i < COUNT; i++)
        index[i] = i;
    all.index = index;
    all.count = COUNT;
    for (int sample = 0; sample < train->count; sample++) {
        const struct augmentation augmentation = {.config = &config, .seed = 7, .epoch = 1};
        float x[VALUES], other[VALUES];
        change(&config, 1, sample, x);
        samples_gather(&all, &train->index[sample], 0, 1, other);
        samples_augment(&all, &augmentation, &train->index[sample], 1, other);
        assert_memory_equal(x, other, sizeof x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_when_all_is_off),
        cmocka_unit_test(every_shift_and_flip_comes_equally_often),
        cmocka_unit_test(flip_alone_mirrors_half_of_the_samples),
        cmocka_unit_test(cutout_is_a_square_around_each_pixel_cut_at_the_borders),
        cmocka_unit_test(a_change_belongs_to_seed_epoch_and_position_not_to_the_batch),
        cmocka_unit_test(a_larger_subset_changes_a_sample_alike),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
