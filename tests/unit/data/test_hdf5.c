#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "folder.h"
#include "settings.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { TRAIN = 4, TEST = 2, HEIGHT = 3, WIDTH = 2, CHANNELS = 2, SAMPLE = HEIGHT * WIDTH * CHANNELS };
/* Most of a small HDF5 file is empty: of its zeros every so many is changed. */
enum { FILE_BYTES_MAX = 1 << 16, ZERO_STRIDE = 61, CUT_STRIDE = 97 };

static char folder[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
static const int64_t labels[TRAIN] = {1, 0, 4, 1};
static float values[TRAIN * SAMPLE];

static int set_up(void **state)
{
    (void)state;
    folder_create(folder);
    folder_path(folder, "set.h5", path);
    for (int i = 0; i < TRAIN * SAMPLE; i++)
        values[i] = (float)(5 * i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_balance() == 0 ? 0 : -1;
}

/* How a set is written. */
struct form {
    hid_t input_type, label_type; /* in the file */
    int rank;                     /* of the inputs */
    hsize_t dimensions[4];        /* after the first */
    bool in_groups;               /* train/x rather than x_train */
    bool compressed;
};

static struct form plain_form(void)
{
    return (struct form){
        .input_type = H5T_STD_U8LE, .label_type = H5T_STD_I64LE, .rank = 4, .dimensions = {HEIGHT, WIDTH, CHANNELS}};
}

static void write_array(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dimensions, bool compressed,
                        hid_t memory_type, const void *from)
{
    const hid_t links = H5Pcreate(H5P_LINK_CREATE), properties = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(rank, dimensions, NULL);
    H5Pset_create_intermediate_group(links, 1);
    if (compressed) {
        H5Pset_chunk(properties, rank, dimensions);
        H5Pset_shuffle(properties);
        H5Pset_deflate(properties, 9);
    }
    const hid_t dataset = H5Dcreate2(file, name, type, space, links, properties, H5P_DEFAULT);
    assert_true(dataset >= 0 && H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, from) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(properties);
    H5Pclose(links);
}

static void write_part(hid_t file, const struct form *form, const char *part, hsize_t count)
{
    char name[32];
    const hsize_t dimensions[4] = {count, form->dimensions[0], form->dimensions[1], form->dimensions[2]};
    snprintf(name, sizeof name, form->in_groups ? "%s/x" : "x_%s", part);
    write_array(file, name, form->input_type, form->rank, dimensions, form->compressed, H5T_NATIVE_FLOAT, values);
    snprintf(name, sizeof name, form->in_groups ? "%s/y" : "y_%s", part);
    write_array(file, name, form->label_type, 1, &count, form->compressed, H5T_NATIVE_INT64, labels);
}

static void write_set(const struct form *form)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    write_part(file, form, "train", TRAIN);
    write_part(file, form, "test", TEST);
    H5Fclose(file);
}

/* Puts another array in the place of one. */
static void replace(const char *name, hid_t type, int rank, const hsize_t *dimensions, hid_t memory_type,
                    const void *from)
{
    const struct form form = plain_form();
    write_set(&form);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, name, H5P_DEFAULT);
    write_array(file, name, type, rank, dimensions, false, memory_type, from);
    H5Fclose(file);
}

static struct data_config config_for(const char *group)
{
    struct data_config config = {0};
    settings_default(data_fields, &config);
    config.source = choice_of(&dataset_table, "hdf5");
    snprintf((char *)config.source.settings, FIELD_TEXT_BYTES, "%s", path);
    snprintf((char *)config.source.settings + FIELD_TEXT_BYTES, FIELD_TEXT_BYTES, "%s", group);
    return config;
}

static struct dataset *load(void)
{
    const struct data_config config = config_for("/");
    struct error error = {0};
    struct dataset *dataset = NULL;
    if (data_load(&config, 0, &dataset, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void expect_failure_in(const char *group, const char *part)
{
    const struct data_config config = config_for(group);
    struct error error = {0};
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, &error), STATUS_BAD_DATA);
    assert_null(dataset);
    if (strstr(error.text, part) == NULL || strstr(error.text, path) == NULL)
        fail_msg("expected the path and '%s' in: %s", part, error.text);
}

static void expect_failure(const char *part)
{
    expect_failure_in("/", part);
}

static void expect_values(const struct form *form, int height, int width, int channels)
{
    write_set(form);
    struct dataset *dataset = load();
    const struct shape *sample = &dataset->shape.sample;
    const bool bytes = dataset->shape.type == SAMPLE_UINT8;
    assert_int_equal(sample->height, height);
    assert_int_equal(sample->width, width);
    assert_int_equal(sample->channels, channels);
    assert_int_equal(dataset->shape.classes, 5);
    assert_int_equal(dataset->shape.count[PART_TRAIN], TRAIN);
    assert_int_equal(dataset->shape.count[PART_TEST], TEST);
    for (int part = 0; part < DATASET_PARTS; part++)
        for (int i = 0; i < dataset->shape.count[part] * height * width * channels; i++) {
            const void *found = dataset_values_const(dataset, part);
            assert_int_equal(bytes ? ((const uint8_t *)found)[i] : (int)((const float *)found)[i], 5 * i);
        }
    assert_memory_equal(dataset_labels(dataset, PART_TRAIN), ((int16_t[]){1, 0, 4, 1}), TRAIN * sizeof(int16_t));
    assert_memory_equal(dataset_labels(dataset, PART_TEST), ((int16_t[]){1, 0}), TEST * sizeof(int16_t));
    dataset_destroy(&dataset);
}

static void images_and_features_of_bytes_and_floats_are_read(void **state)
{
    (void)state;
    const hid_t inputs[] = {H5T_STD_U8LE, H5T_IEEE_F32LE, H5T_IEEE_F32BE};
    const hid_t numbers[] = {H5T_STD_I64LE, H5T_STD_U8LE, H5T_STD_I32BE};
    for (int i = 0; i < 3; i++)
        for (int variant = 0; variant < 4; variant++) {
            struct form form = plain_form();
            form.input_type = inputs[i];
            form.label_type = numbers[i];
            form.in_groups = variant & 1;
            form.compressed = variant & 2;
            expect_values(&form, HEIGHT, WIDTH, CHANNELS);
            form.rank = 3;
            expect_values(&form, HEIGHT, WIDTH, 1);
            form.rank = 2;
            expect_values(&form, 1, HEIGHT, 1);
        }
}

static void a_group_may_hold_the_set(void **state)
{
    (void)state;
    struct form form = plain_form();
    write_set(&form);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t group = H5Gcreate2(file, "noisy", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    form.input_type = H5T_IEEE_F32LE;
    write_part(group, &form, "train", TRAIN);
    write_part(group, &form, "test", TEST);
    H5Gclose(group);
    H5Fclose(file);
    const struct data_config config = config_for("noisy");
    struct dataset *dataset = NULL;
    assert_int_equal(data_load(&config, 0, &dataset, NULL), STATUS_OK);
    assert_int_equal(dataset->shape.type, SAMPLE_FLOAT32);
    dataset_destroy(&dataset);
    expect_failure_in("quiet", "group 'quiet': expected a dataset x_train or train/x, found nothing to read");
}

static void a_missing_dataset_says_what_is_there(void **state)
{
    (void)state;
    const struct form form = plain_form();
    write_set(&form);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "y_test", H5P_DEFAULT);
    H5Fclose(file);
    expect_failure("group '/': expected a dataset y_test or test/y, found x_test, x_train, y_train");
}

static void what_is_no_hdf5_file_is_said_so(void **state)
{
    (void)state;
    expect_failure("No such file or directory");
    file_write(path, "label,pixel\n", 12, false);
    expect_failure("expected a whole HDF5 file: HDF5 says: ");
}

static void wrong_types_are_named_with_those_that_are_right(void **state)
{
    (void)state;
    const hsize_t four[4] = {TRAIN, HEIGHT, WIDTH, CHANNELS};
    replace("x_train", H5T_IEEE_F64LE, 4, four, H5T_NATIVE_FLOAT, values);
    expect_failure("/x_train: expected uint8 or float32, found float64");
    replace("x_train", H5T_STD_I8LE, 4, four, H5T_NATIVE_FLOAT, values);
    expect_failure("/x_train: expected uint8 or float32, found int8");
    replace("y_train", H5T_IEEE_F32LE, 1, four, H5T_NATIVE_INT64, labels);
    expect_failure("/y_train: expected integers, found float32");
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 8);
    replace("y_train", text, 1, four, text, labels);
    expect_failure("/y_train: expected integers, found values other than numbers");
    H5Tclose(text);
}

static void wrong_shapes_are_named_with_those_that_are_right(void **state)
{
    (void)state;
    const hsize_t one[1] = {TRAIN}, column[2] = {TRAIN, 1}, few[1] = {TRAIN - 1}, five[5] = {2, 1, 1, 1, 1};
    replace("x_train", H5T_STD_U8LE, 1, one, H5T_NATIVE_FLOAT, values);
    expect_failure("/x_train: expected [n, height, width, channels], [n, height, width] or [n, features], found [4]");
    replace("x_train", H5T_STD_U8LE, 5, five, H5T_NATIVE_FLOAT, values);
    expect_failure("/x_train: expected 1 to 4 dimensions, found 5");
    replace("y_train", H5T_STD_I64LE, 2, column, H5T_NATIVE_INT64, labels);
    expect_failure("/y_train: expected [4], one label for each sample of /x_train, found 2 dimensions, the first of 4");
    replace("y_train", H5T_STD_I64LE, 1, few, H5T_NATIVE_INT64, labels);
    expect_failure("/y_train: expected [4], one label for each sample of /x_train, found 1 dimension, the first of 3");
    const hsize_t other[4] = {TEST, WIDTH, HEIGHT, CHANNELS};
    replace("x_test", H5T_STD_U8LE, 4, other, H5T_NATIVE_FLOAT, values);
    expect_failure("/x_test: expected samples like those of /x_train, 3 x 2 x 2 of uint8, found 2 x 3 x 2 of uint8");
}

static void wrong_values_are_named_with_their_place(void **state)
{
    (void)state;
    const hsize_t count[1] = {TRAIN};
    replace("y_train", H5T_STD_I64LE, 1, count, H5T_NATIVE_INT64, (const int64_t[]){0, 1, -1, 0});
    expect_failure("/y_train[2]: expected a label of 0 to 32766, found -1");
    replace("y_train", H5T_STD_I64LE, 1, count, H5T_NATIVE_INT64, (const int64_t[]){0, 1, 0, 32767});
    expect_failure("/y_train[3]: expected a label of 0 to 32766, found 32767");
    values[SAMPLE + 3] = NAN;
    struct form form = plain_form();
    form.input_type = H5T_IEEE_F32LE;
    write_set(&form);
    expect_failure("/x_train: expected finite numbers, found nan as value 3 of sample 1");
}

/* A set with an array `superclass` beside the others. */
static void write_superclasses(hid_t type, hsize_t count, const int64_t *supers)
{
    const struct form form = plain_form();
    write_set(&form);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    write_array(file, "superclass", type, 1, &count, false, H5T_NATIVE_INT64, supers);
    H5Fclose(file);
}

static void superclasses_are_read_where_there_are_some(void **state)
{
    (void)state;
    static const int64_t supers[] = {7, 7, 0, 2, 7};
    const struct form form = plain_form();
    write_set(&form);
    struct dataset *plain = load();
    assert_null(dataset_superclasses_const(plain));
    write_superclasses(H5T_STD_U8LE, 5, supers);
    struct dataset *grouped = load();
    for (int i = 0; i < 5; i++)
        assert_int_equal(dataset_superclasses_const(grouped)[i], supers[i]);
    assert_memory_not_equal(plain->digest, grouped->digest, sizeof plain->digest);
    dataset_destroy(&plain);
    dataset_destroy(&grouped);
    write_superclasses(H5T_STD_U8LE, 4, supers);
    expect_failure("/superclass: expected [5], a super-class for each class, found 1 dimension, the first of 4");
    write_superclasses(H5T_IEEE_F32LE, 5, supers);
    expect_failure("/superclass: expected integers, found float32");
    write_superclasses(H5T_STD_I64LE, 5, (const int64_t[]){0, 0, 1, -1, 1});
    expect_failure("/superclass[3]: expected a super-class of 0 to 32767, found -1");
}

static void one_class_is_not_enough(void **state)
{
    (void)state;
    const hsize_t count[1] = {TRAIN}, two[1] = {TEST};
    replace("y_train", H5T_STD_I64LE, 1, count, H5T_NATIVE_INT64, (const int64_t[]){0, 0, 0, 0});
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "y_test", H5P_DEFAULT);
    write_array(file, "y_test", H5T_STD_I64LE, 1, two, false, H5T_NATIVE_INT64, (const int64_t[]){0, 0});
    H5Fclose(file);
    expect_failure("every label is 0; at least two classes are needed");
}

static void a_promise_that_the_file_cannot_hold_costs_no_memory(void **state)
{
    (void)state;
    const struct form form = plain_form();
    write_set(&form);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hsize_t huge[4] = {1 << 20, 1 << 10, 1 << 10, 1};
    const hid_t space = H5Screate_simple(4, huge, NULL);
    H5Ldelete(file, "x_train", H5P_DEFAULT);
    H5Dclose(H5Dcreate2(file, "x_train", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(file);
    expect_failure("/x_train: expected 1099511627776 bytes of values, but the file holds ");
}

/* A status, whatever it is; no crash, no leak. */
static void load_anything(void)
{
    const struct data_config config = config_for("/");
    struct dataset *dataset = NULL;
    if (data_load(&config, 0, &dataset, NULL) == STATUS_OK)
        dataset_destroy(&dataset);
    assert_int_equal(memory_balance(), 0);
}

static void no_damaged_byte_and_no_truncation_crashes(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_BYTES_MAX];
    for (int compressed = 0; compressed < 2; compressed++) {
        struct form form = plain_form();
        form.compressed = compressed;
        form.in_groups = compressed;
        write_set(&form);
        const size_t size = file_read(path, bytes, sizeof bytes);
        assert_true(size < sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            if (i % (bytes[i] == 0 ? ZERO_STRIDE : 2) != (size_t)compressed)
                continue;
            const uint8_t mask = i % 3 ? 0x01 : 0xff;
            bytes[i] ^= mask;
            file_write(path, bytes, size, false);
            load_anything();
            bytes[i] ^= mask;
        }
        for (size_t cut = 0; cut < size; cut += CUT_STRIDE) {
            file_write(path, bytes, cut, false);
            expect_failure("");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(images_and_features_of_bytes_and_floats_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_may_hold_the_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_dataset_says_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_hdf5_file_is_said_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_types_are_named_with_those_that_are_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_shapes_are_named_with_those_that_are_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_values_are_named_with_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(superclasses_are_read_where_there_are_some, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_class_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_promise_that_the_file_cannot_hold_costs_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_damaged_byte_and_no_truncation_crashes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
