#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/data.h"
#include "folder.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { TRAIN = 4, TEST = 2, SIDE = 2, PIXELS = SIDE * SIDE };

static char folder[FOLDER_PATH_BYTES];

static void write_images(const char *name, int count, int side, bool gzipped)
{
    uint8_t values[256], bytes[512];
    for (int i = 0; i < 256; i++)
        values[i] = (uint8_t)i;
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, name, path);
    const size_t size =
        idx_bytes_of(3, (int[]){count, side, side}, values, (size_t)count * (size_t)side * (size_t)side, bytes);
    file_write(path, bytes, size, gzipped);
}

static void write_labels(const char *name, int count, const uint8_t *labels, bool gzipped)
{
    uint8_t bytes[512];
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, name, path);
    file_write(path, bytes, idx_bytes_of(1, &count, labels, (size_t)count, bytes), gzipped);
}

static int set_up(void **state)
{
    (void)state;
    folder_create(folder);
    write_images("train-images-idx3-ubyte", TRAIN, SIDE, false);
    write_labels("train-labels-idx1-ubyte.gz", TRAIN, (const uint8_t[]){1, 0, 2, 1}, true);
    write_images("t10k-images.idx3-ubyte", TEST, SIDE, false);
    write_labels("t10k-labels.idx1-ubyte.gz", TEST, (const uint8_t[]){0, 4}, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_balance() == 0 ? 0 : -1;
}

static struct data_config config_for(const char *path)
{
    struct data_config config = {0};
    settings_default(data_fields, &config);
    config.source = choice_of(&dataset_table, "mnist");
    snprintf((char *)config.source.settings, FIELD_TEXT_BYTES, "%s", path);
    return config;
}

static struct dataset *load(const char *path)
{
    const struct data_config config = config_for(path);
    struct error error = {0};
    struct dataset *dataset = NULL;
    if (data_load(&config, 0, &dataset, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void expect_failure(const char *path, const char *part)
{
    const struct data_config config = config_for(path);
    struct error error = {0};
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, &error), STATUS_BAD_DATA);
    assert_null(dataset);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected '%s' in: %s", part, error.text);
}

static void four_files_of_any_spelling_make_a_data_set(void **state)
{
    (void)state;
    struct dataset *dataset = load(folder);
    assert_int_equal(dataset->shape.count[PART_TRAIN], TRAIN);
    assert_int_equal(dataset->shape.count[PART_TEST], TEST);
    assert_int_equal(dataset->shape.classes, 5);
    assert_int_equal(dataset->shape.sample.height, SIDE);
    const uint8_t *values = dataset_values(dataset, PART_TRAIN);
    for (int i = 0; i < TRAIN * PIXELS; i++)
        assert_int_equal(values[i], i);
    assert_memory_equal(dataset_labels(dataset, PART_TRAIN), ((int16_t[]){1, 0, 2, 1}), TRAIN * sizeof(int16_t));
    assert_memory_equal(dataset_labels(dataset, PART_TEST), ((int16_t[]){0, 4}), TEST * sizeof(int16_t));
    dataset_destroy(&dataset);
}

static void a_missing_file_says_which_names_were_looked_for(void **state)
{
    (void)state;
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, "t10k-images.idx3-ubyte", path);
    unlink(path);
    expect_failure(folder, "has none of t10k-images-idx3-ubyte, t10k-images-idx3-ubyte.gz, t10k-images.idx3-ubyte");
    expect_failure("no/such/folder", "folder 'no/such/folder': No such file");
}

static void images_and_labels_must_agree(void **state)
{
    (void)state;
    write_images("train-images-idx3-ubyte", TRAIN + 1, SIDE, false);
    expect_failure(folder, "train-images has 5 images, but train-labels has 4 labels");
}

static void both_parts_must_have_one_image_size(void **state)
{
    (void)state;
    write_images("t10k-images.idx3-ubyte", TEST, SIDE + 1, false);
    expect_failure(folder, "train-images has images of 2 x 2, but t10k-images of 3 x 3");
}

static void one_class_is_not_enough(void **state)
{
    (void)state;
    write_labels("train-labels-idx1-ubyte.gz", TRAIN, (const uint8_t[]){0, 0, 0, 0}, true);
    write_labels("t10k-labels.idx1-ubyte.gz", TEST, (const uint8_t[]){0, 0}, true);
    expect_failure(folder, "every label is 0; at least two classes are needed");
}

static void a_source_is_the_same_by_its_path(void **state)
{
    (void)state;
    const struct data_config one = config_for(folder), other = config_for("elsewhere");
    struct data_config again = config_for(folder);
    memset(again.source.settings + strlen(folder) + 1, 7, 20);
    assert_true(data_same_source(&one, 0, &again, 1));
    assert_false(data_same_source(&one, 0, &other, 0));
}

static double mean_of(const struct dataset *dataset)
{
    const uint8_t *values = dataset_values_const(dataset, PART_TRAIN);
    const size_t count = (size_t)dataset->shape.count[PART_TRAIN] * 784;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return (double)sum / (double)count / 255;
}

/* Loads a real set, or says in a line that it is not there. */
static struct dataset *load_real(const char *path)
{
    if (access(path, R_OK) != 0) {
        print_message("%s is not there: skipped\n", path);
        skip();
    }
    struct dataset *dataset = load(path);
    assert_int_equal(dataset->shape.count[PART_TRAIN], 60000);
    assert_int_equal(dataset->shape.count[PART_TEST], 10000);
    assert_int_equal(dataset->shape.classes, 10);
    assert_int_equal(dataset->shape.sample.height * dataset->shape.sample.width, 784);
    return dataset;
}

static void count_labels(const struct dataset *dataset, int part, int counts[10])
{
    memset(counts, 0, 10 * sizeof counts[0]);
    for (int i = 0; i < dataset->shape.count[part]; i++)
        counts[dataset_labels_const(dataset, part)[i]]++;
}

static void mnist_is_read(void **state)
{
    (void)state;
    static const int known[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    struct dataset *dataset = load_real("../../shared/data/mnist");
    int counts[10];
    count_labels(dataset, PART_TRAIN, counts);
    assert_memory_equal(counts, known, sizeof known);
    assert_memory_equal(dataset_labels(dataset, PART_TRAIN), ((int16_t[]){5, 0, 4, 1, 9}), 5 * sizeof(int16_t));
    assert_memory_equal(dataset_labels(dataset, PART_TEST), ((int16_t[]){7, 2, 1, 0, 4}), 5 * sizeof(int16_t));
    assert_true(fabs(mean_of(dataset) - 0.1306604762738429) < 1e-12);
    dataset_destroy(&dataset);
}

static void fashion_mnist_is_read(void **state)
{
    (void)state;
    struct dataset *dataset = load_real("../../shared/data/fashion-mnist");
    int counts[10];
    count_labels(dataset, PART_TRAIN, counts);
    for (int class = 0; class < 10; class ++)
        assert_int_equal(counts[class], 6000);
    count_labels(dataset, PART_TEST, counts);
    for (int class = 0; class < 10; class ++)
        assert_int_equal(counts[class], 1000);
    assert_int_equal(dataset_labels(dataset, PART_TRAIN)[0], 9);
    assert_true(fabs(mean_of(dataset) - 0.286) < 1e-4);
    dataset_destroy(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(four_files_of_any_spelling_make_a_data_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_says_which_names_were_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(images_and_labels_must_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_parts_must_have_one_image_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_class_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_is_the_same_by_its_path, set_up, tear_down),
        cmocka_unit_test(mnist_is_read),
        cmocka_unit_test(fashion_mnist_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
