#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/data.h"
#include "folder.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { PLANE = 32 * 32, IMAGE = 3 * PLANE, RECORD10 = 1 + IMAGE, RECORD100 = 2 + IMAGE, RECORDS_MAX = 8 };

static char folder[FOLDER_PATH_BYTES];
static uint8_t bytes[RECORDS_MAX * RECORD100];

static uint8_t value_at(int record, int channel, int pixel)
{
    return (uint8_t)(37 * record + 101 * channel + 7 * pixel + pixel / 32);
}

/* Records [first, first + count) with their number as the label, or as the fine one with a tenth of it as the coarse;
 * returns their size. */
static size_t fill_records(int first, int count, bool two_labels)
{
    uint8_t *at = bytes;
    for (int record = first; record < first + count; record++) {
        if (two_labels)
            *at++ = (uint8_t)(record / 2);
        *at++ = (uint8_t)record;
        for (int channel = 0; channel < 3; channel++)
            for (int pixel = 0; pixel < PLANE; pixel++)
                *at++ = value_at(record, channel, pixel);
    }
    return (size_t)(at - bytes);
}

static void write_bytes(const char *name, size_t size, bool gzipped)
{
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, name, path);
    file_write(path, bytes, size, gzipped);
}

static void remove_file(const char *name)
{
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, name, path);
    assert_int_equal(unlink(path), 0);
}

/* Two of CIFAR-10's five training files, and CIFAR-100 beside them. */
static int set_up(void **state)
{
    (void)state;
    folder_create(folder);
    write_bytes("data_batch_2.bin.gz", fill_records(0, 3, false), true);
    write_bytes("data_batch_4.bin", fill_records(3, 2, false), false);
    write_bytes("test_batch.bin", fill_records(5, 2, false), false);
    write_bytes("train.bin", fill_records(1, 4, true), false);
    write_bytes("test.bin.gz", fill_records(6, 1, true), true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_balance() == 0 ? 0 : -1;
}

static struct data_config config_for(const char *source, const char *path, const char *labels)
{
    struct data_config config = {0};
    settings_default(data_fields, &config);
    config.source = choice_of(&dataset_table, source);
    snprintf((char *)config.source.settings, FIELD_TEXT_BYTES, "%s", path);
    if (labels != NULL)
        choice_name(&config.source, "labels", labels);
    return config;
}

static struct dataset *load(const char *source, const char *path, const char *labels)
{
    const struct data_config config = config_for(source, path, labels);
    struct error error = {0};
    struct dataset *dataset = NULL;
    if (data_load(&config, 0, &dataset, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void expect_failure(const char *source, const char *part)
{
    const struct data_config config = config_for(source, folder, NULL);
    struct error error = {0};
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, &error), STATUS_BAD_DATA);
    assert_null(dataset);
    if (strstr(error.text, part) == NULL || strstr(error.text, folder) == NULL)
        fail_msg("expected the folder and '%s' in: %s", part, error.text);
}

static void expect_records(const struct dataset *dataset, int part, int first, int count)
{
    const uint8_t *values = dataset_values_const(dataset, part);
    assert_int_equal(dataset->shape.count[part], count);
    for (int i = 0; i < count; i++)
        for (int pixel = 0; pixel < PLANE; pixel++)
            for (int channel = 0; channel < 3; channel++)
                assert_int_equal(values[(i * PLANE + pixel) * 3 + channel], value_at(first + i, channel, pixel));
}

static void the_files_that_are_there_follow_each_other_pixel_by_pixel(void **state)
{
    (void)state;
    struct dataset *dataset = load("cifar10", folder, NULL);
    assert_int_equal(dataset->shape.classes, 10);
    assert_int_equal(dataset->shape.sample.height, 32);
    assert_int_equal(dataset->shape.sample.width, 32);
    assert_int_equal(dataset->shape.sample.channels, 3);
    expect_records(dataset, PART_TRAIN, 0, 5);
    expect_records(dataset, PART_TEST, 5, 2);
    assert_memory_equal(dataset_labels(dataset, PART_TRAIN), ((int16_t[]){0, 1, 2, 3, 4}), 5 * sizeof(int16_t));
    assert_memory_equal(dataset_labels(dataset, PART_TEST), ((int16_t[]){5, 6}), 2 * sizeof(int16_t));
    dataset_destroy(&dataset);
}

static void fine_and_coarse_labels_are_chosen_by_name(void **state)
{
    (void)state;
    struct dataset *fine = load("cifar100", folder, NULL), *coarse = load("cifar100", folder, "coarse");
    assert_int_equal(fine->shape.classes, 100);
    assert_int_equal(coarse->shape.classes, 20);
    expect_records(fine, PART_TRAIN, 1, 4);
    expect_records(coarse, PART_TEST, 6, 1);
    assert_memory_equal(dataset_labels(fine, PART_TRAIN), ((int16_t[]){1, 2, 3, 4}), 4 * sizeof(int16_t));
    assert_memory_equal(dataset_labels(coarse, PART_TRAIN), ((int16_t[]){0, 1, 1, 2}), 4 * sizeof(int16_t));
    assert_int_equal(dataset_labels(fine, PART_TEST)[0], 6);
    assert_int_equal(dataset_labels(coarse, PART_TEST)[0], 3);
    dataset_destroy(&fine);
    dataset_destroy(&coarse);
}

static void coarse_labels_are_the_superclasses_of_fine_ones(void **state)
{
    (void)state;
    struct dataset *fine = load("cifar100", folder, NULL), *coarse = load("cifar100", folder, "coarse");
    assert_memory_equal(dataset_superclasses_const(fine), ((int16_t[]){-1, 0, 1, 1, 2, -1, 3}), 7 * sizeof(int16_t));
    assert_null(dataset_superclasses_const(coarse));
    dataset_destroy(&coarse);
    const size_t size = fill_records(1, 4, true);
    bytes[RECORD100 + 1] = 1; /* the second record: also of class 1, but with another coarse label */
    write_bytes("train.bin", size, false);
    struct dataset *disputed = load("cifar100", folder, NULL);
    assert_memory_equal(dataset_superclasses_const(disputed), ((int16_t[]){-1, -1, -1, 1, 2}), 5 * sizeof(int16_t));
    bytes[RECORD100] = 0;
    write_bytes("train.bin", size, false);
    struct dataset *agreed = load("cifar100", folder, NULL);
    assert_int_equal(dataset_superclasses_const(agreed)[1], 0);
    assert_memory_equal(disputed->digest, agreed->digest, sizeof agreed->digest);
    dataset_destroy(&fine);
    dataset_destroy(&disputed);
    dataset_destroy(&agreed);
}

static void a_missing_part_says_which_names_were_looked_for(void **state)
{
    (void)state;
    remove_file("test.bin.gz");
    expect_failure("cifar100", "has none of test.bin, test.bin.gz");
    remove_file("data_batch_2.bin.gz");
    remove_file("data_batch_4.bin");
    expect_failure("cifar10", "has none of data_batch_1.bin, data_batch_1.bin.gz, data_batch_2.bin, "
                              "data_batch_2.bin.gz, data_batch_3.bin, data_batch_3.bin.gz, data_batch_4.bin, "
                              "data_batch_4.bin.gz, data_batch_5.bin, data_batch_5.bin.gz");
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    const struct data_config config = config_for("cifar10", "no/such/folder", NULL);
    struct error error = {0};
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "data.path: folder 'no/such/folder': No such file or directory");
}

static void a_record_that_is_cut_off_is_an_error_with_its_place(void **state)
{
    (void)state;
    const size_t size = fill_records(0, 3, false);
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        remove_file(gzipped ? "data_batch_4.bin" : "data_batch_2.bin.gz");
        const char *name = gzipped ? "data_batch_4.bin.gz" : "data_batch_4.bin";
        write_bytes(name, size - 1, gzipped);
        expect_failure("cifar10",
                       "ends at byte 9218, but expected a record of 3073 bytes from byte 6146 on: truncated");
        write_bytes(name, 2 * RECORD10 + 1, gzipped);
        expect_failure("cifar10",
                       "ends at byte 6147, but expected a record of 3073 bytes from byte 6146 on: truncated");
        write_bytes(name, 0, gzipped);
        expect_failure("cifar10", "ends at byte 0, but expected a record of 3073 bytes from byte 0 on: truncated");
        if (!gzipped)
            write_bytes("data_batch_2.bin.gz", size, true);
    }
}

static void a_label_out_of_range_is_an_error_with_its_place(void **state)
{
    (void)state;
    size_t size = fill_records(0, 3, false);
    bytes[2 * RECORD10] = 10;
    write_bytes("data_batch_4.bin", size, false);
    expect_failure("cifar10",
                   "data_batch_4.bin: byte 6146: expected a label of 0 to 9 before the image of record 2, found 10");
    size = fill_records(0, 3, true);
    bytes[RECORD100] = 20;
    write_bytes("train.bin", size, false);
    expect_failure("cifar100",
                   "train.bin: byte 3074: expected a label of 0 to 19 before the image of record 1, found 20");
    bytes[RECORD100] = 19;
    bytes[RECORD100 + 1] = 100;
    write_bytes("train.bin", size, false);
    expect_failure("cifar100",
                   "train.bin: byte 3075: expected a label of 0 to 99 before the image of record 1, found 100");
}

static void a_damaged_gzip_file_is_said_so(void **state)
{
    (void)state;
    char path[FOLDER_PATH_BYTES];
    folder_path(folder, "test.bin.gz", path);
    const size_t size = file_read(path, bytes, sizeof bytes);
    bytes[size - 8] ^= 1; /* its checksum */
    file_write(path, bytes, size, false);
    expect_failure("cifar100", "test.bin.gz: damaged gzip file at byte ");
}

/* Loads a real set, or says in a line that it is not there. */
static struct dataset *load_real(const char *source, const char *path, const char *labels)
{
    if (access(path, R_OK) != 0) {
        print_message("%s is not there: skipped\n", path);
        skip();
    }
    return load(source, path, labels);
}

static void expect_sums(const struct dataset *dataset, int part, const uint64_t known[3])
{
    const uint8_t *values = dataset_values_const(dataset, part);
    uint64_t sums[3] = {0};
    for (size_t i = 0; i < (size_t)dataset->shape.count[part] * PLANE; i++)
        for (size_t channel = 0; channel < 3; channel++)
            sums[channel] += values[3 * i + channel];
    assert_memory_equal(sums, known, sizeof sums);
}

static void expect_counts(const struct dataset *dataset, int part, int classes, const int *known)
{
    int counts[100] = {0};
    for (int i = 0; i < dataset->shape.count[part]; i++)
        counts[dataset_labels_const(dataset, part)[i]]++;
    assert_memory_equal(counts, known, (size_t)classes * sizeof counts[0]);
}

/* Counts and sums here and below were taken from the files by NumPy. */
static void cifar_10_is_read(void **state)
{
    (void)state;
    static const int train[10] = {1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981};
    static const int test[10] = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
    struct dataset *dataset = load_real("cifar10", "../../shared/data/cifar-10-batches-bin", NULL);
    if (dataset->shape.count[PART_TRAIN] == 10000) {
        expect_counts(dataset, PART_TRAIN, 10, train);
        expect_sums(dataset, PART_TRAIN, (const uint64_t[]){1288517123, 1262189222, 1167674233});
    }
    expect_counts(dataset, PART_TEST, 10, test);
    expect_sums(dataset, PART_TEST, (const uint64_t[]){1290492328, 1266775083, 1176108223});
    assert_memory_equal(dataset_labels(dataset, PART_TRAIN), ((int16_t[]){6, 9, 9, 4, 1}), 5 * sizeof(int16_t));
    assert_memory_equal(dataset_values(dataset, PART_TRAIN), ((uint8_t[]){59, 62, 63, 43, 46, 45}), 6);
    dataset_destroy(&dataset);
}

static void cifar_100_is_read(void **state)
{
    (void)state;
    static const int known[20] = {533, 492, 511, 494, 514, 499, 505, 466, 475, 456,
                                  500, 512, 531, 509, 498, 490, 480, 483, 539, 513};
    const char *path = "../../shared/data/cifar-100-binary";
    struct dataset *fine = load_real("cifar100", path, NULL), *coarse = load_real("cifar100", path, "coarse");
    expect_counts(coarse, PART_TRAIN, 20, known);
    expect_sums(fine, PART_TRAIN, (const uint64_t[]){1322001713, 1271341452, 1146247302});
    expect_sums(fine, PART_TEST, (const uint64_t[]){268092251, 255988842, 230808454});
    assert_memory_equal(dataset_labels(fine, PART_TRAIN), ((int16_t[]){19, 29, 0, 11, 1}), 5 * sizeof(int16_t));
    assert_memory_equal(dataset_labels(coarse, PART_TEST), ((int16_t[]){10, 10, 0, 4, 10}), 5 * sizeof(int16_t));
    dataset_destroy(&fine);
    dataset_destroy(&coarse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_files_that_are_there_follow_each_other_pixel_by_pixel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(coarse_labels_are_the_superclasses_of_fine_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fine_and_coarse_labels_are_chosen_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_part_says_which_names_were_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_is_cut_off_is_an_error_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_label_out_of_range_is_an_error_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_gzip_file_is_said_so, set_up, tear_down),
        cmocka_unit_test(cifar_10_is_read),
        cmocka_unit_test(cifar_100_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
