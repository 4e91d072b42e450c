#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "results/h5.h"
#include "unit/results/fixture.h"

static int entries_in_folder(const char *part)
{
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += strstr(entry->d_name, part) != NULL;
    closedir(directory);
    return count;
}

static void a_new_file_holds_the_fixed_arrays_and_no_trial(void **state)
{
    (void)state;
    const char *path = path_of("new.h5");
    struct error error;
    must(results_create(path, &fixture_schema, &error), &error);
    assert_int_equal(entries_in_folder("new.h5"), 1);
    for (int i = 0; i < 3; i++)
        assert_true(number_at(path, "/dataset/train_label", i) == i + 1);
    for (int64_t trial = 0; trial < TRIALS; trial++) {
        assert_int_equal(enum_at(path, "/trials/state", trial), TRIAL_WAITING);
        assert_int_equal(enum_at(path, "/trials/outcome", trial), OUTCOME_NONE);
        assert_true(isnan(number_at(path, "/trials/seconds", trial)));
        assert_true(number_at(path, "/trials/rank", trial) == -1);
    }
    struct results_reader *reader = NULL;
    char *yamls = NULL;
    size_t each = 0;
    int64_t count = 0;
    must(results_reader_open(path, &reader, &error), &error);
    must(results_read_texts(reader, "/sweep/yaml", &yamls, &each, &count, &error), &error);
    assert_string_equal(yamls, yaml);
    memory_free(yamls);
    results_reader_close(&reader);
}

/* netCDF's library reads no array of texts of fixed length. */
static void texts_are_alone_or_of_variable_length_or_letters(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool variable;
        size_t bytes;
        int rank;
    } texts[] = {{"sweep/yaml", false, sizeof yaml, 0},
                 {"trials/identity", true, 0, 1},
                 {"trials/note", false, 1, 2},
                 {"trials/message", false, 1, 2},
                 {"sessions/ending", false, 1, 2}};
    const char *path = path_of("texts.h5");
    struct error error;
    must(results_create(path, &fixture_schema, &error), &error);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const hid_t dataset = H5Dopen2(file, texts[i].path, H5P_DEFAULT);
        const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
        assert_int_equal(H5Tis_variable_str(type) > 0, texts[i].variable);
        assert_true(texts[i].variable || H5Tget_size(type) == texts[i].bytes);
        assert_int_equal(H5Sget_simple_extent_ndims(space), texts[i].rank);
        H5Sclose(space);
        H5Tclose(type);
        H5Dclose(dataset);
    }
    H5Fclose(file);
}

static void texts_of_variable_length_are_read_whole(void **state)
{
    (void)state;
    const char *path = path_of("variable.h5");
    struct error error;
    struct results_reader *reader = NULL;
    char *found = NULL;
    size_t each = 0;
    int64_t count = 0;
    must(results_create(path, &fixture_schema, &error), &error);
    must(results_reader_open(path, &reader, &error), &error);
    must(results_read_texts(reader, "/trials/identity", &found, &each, &count, &error), &error);
    assert_int_equal(count, TRIALS);
    for (int64_t trial = 0; trial < TRIALS; trial++)
        assert_string_equal(found + (size_t)trial * each, identities[trial]);
    memory_free(found);
    results_reader_close(&reader);
}

static void groups_have_the_attributes_of_the_schema(void **state)
{
    (void)state;
    const char *path = path_of("attributes.h5");
    struct error error;
    char name[32] = "";
    int64_t points = 0;
    must(results_create(path, &fixture_schema, &error), &error);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t group = H5Gopen2(file, "margins", H5P_DEFAULT);
    assert_true(h5_attribute_read_text(file, "name", name, sizeof name) >= 0);
    assert_string_equal(name, "fixture");
    assert_true(h5_attribute_read_integer(group, "points", &points) >= 0);
    assert_int_equal(points, POINTS);
    assert_true(h5_attribute_read_integer(group, "nothing", &points) < 0);
    H5Gclose(group);
    H5Fclose(file);
}

static void the_same_schema_makes_the_same_bytes(void **state)
{
    (void)state;
    struct error error;
    size_t sizes[2];
    must(results_create(path_of("one.h5"), &fixture_schema, &error), &error);
    unsigned char *one = file_bytes(path_of("one.h5"), &sizes[0]);
    usleep(1100000); /* another second: no time stamp is among them */
    must(results_create(path_of("two.h5"), &fixture_schema, &error), &error);
    unsigned char *two = file_bytes(path_of("two.h5"), &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(one, two, sizes[0]);
    free(one);
    free(two);
}

static void the_measured_size_is_close_and_never_below(void **state)
{
    (void)state;
    struct error error;
    struct stat info;
    const char *path = path_of("size.h5");
    must(results_create(path, &fixture_schema, &error), &error);
    assert_int_equal(stat(path, &info), 0);
    int64_t bytes = 0;
    must(results_measure(&fixture_schema, &bytes, &error), &error);
    assert_true(bytes >= info.st_size && bytes < info.st_size + 262144);
}

static void an_existing_path_is_not_overwritten(void **state)
{
    (void)state;
    struct error error;
    const char *path = path_of("there.h5");
    const int descriptor = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(descriptor, "precious", 8), 8);
    close(descriptor);
    assert_int_equal(results_create(path, &fixture_schema, &error), STATUS_IO);
    expect_message(&error, "exists already");
    expect_message(&error, "--resume");
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(results_create(path_of("nowhere/a.h5"), &fixture_schema, &error), STATUS_IO);
    expect_message(&error, "nowhere");
}

static void a_file_larger_than_the_disk_is_refused_with_both_numbers(void **state)
{
    (void)state;
    struct error error;
    struct results_dimension dimensions[4];
    memcpy(dimensions, fixture_dimensions, sizeof dimensions);
    dimensions[1].size = INT64_C(1000000000000);
    struct results_array arrays[ROW_COUNT];
    memcpy(arrays, fixture_arrays, sizeof arrays);
    arrays[FIXED_LABELS].rank = 0;
    struct results_schema schema = fixture_schema;
    schema.dimensions = dimensions;
    schema.arrays = arrays;
    assert_int_equal(results_create(path_of("huge.h5"), &schema, &error), STATUS_NO_SPACE);
    expect_message(&error, "152000.");
    expect_message(&error, "free");
    assert_int_equal(entries_in_folder("huge.h5"), 0);
    dimensions[1].size = INT64_MAX / 2;
    int64_t bytes = 0;
    must(results_measure(&schema, &bytes, &error), &error);
    assert_true(bytes == INT64_MAX);
}

static void a_left_over_temporary_file_is_not_in_the_way(void **state)
{
    (void)state;
    struct error error;
    char name[320], host[256] = "";
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "left.h5.creating-%.200s-%ld", host, (long)getpid());
    const int descriptor = open(path_of(name), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(descriptor, "torn", 4), 4);
    close(descriptor);
    must(results_create(path_of("left.h5"), &fixture_schema, &error), &error);
    assert_int_equal(entries_in_folder("left.h5"), 1);
}

static void a_wrong_schema_is_our_own_mistake(void **state)
{
    (void)state;
    struct error error;
    struct results_array arrays[ROW_COUNT];
    struct results_schema schema = fixture_schema;
    schema.arrays = arrays;
    memcpy(arrays, fixture_arrays, sizeof arrays);
    arrays[ROW_MARGINS].dimensions[2] = 17;
    assert_int_equal(results_create(path_of("wrong.h5"), &schema, &error), STATUS_INTERNAL);
    memcpy(arrays, fixture_arrays, sizeof arrays);
    snprintf(arrays[ROW_LOSS].name, sizeof arrays[ROW_LOSS].name, "state");
    assert_int_equal(results_create(path_of("wrong.h5"), &schema, &error), STATUS_INTERNAL);
    expect_message(&error, "/trials/state is there twice");
    memcpy(arrays, fixture_arrays, sizeof arrays);
    arrays[ROW_LOSS].dimensions[0] = 1;
    assert_int_equal(results_create(path_of("wrong.h5"), &schema, &error), STATUS_INTERNAL);
    assert_int_equal(entries_in_folder("wrong.h5"), 0);
}

/* A killed creation leaves nothing under the name, or the whole file. */
static void an_interrupted_creation_leaves_nothing_half_made(void **state)
{
    (void)state;
    int absent = 0;
    for (int i = 0; i < 30; i++) {
        const char *path = path_of("killed.h5");
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            results_create(path, &fixture_schema, NULL);
            _exit(0);
        }
        usleep((useconds_t)(i * 300));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct error error;
        if (access(path, F_OK) == 0) {
            struct results_reader *reader = NULL;
            must(results_reader_open(path, &reader, &error), &error);
            results_reader_close(&reader);
        } else {
            absent++;
            must(results_create(path, &fixture_schema, &error), &error);
        }
        unlink(path);
    }
    assert_true(absent > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_new_file_holds_the_fixed_arrays_and_no_trial),
    cmocka_unit_test(texts_are_alone_or_of_variable_length_or_letters),
    cmocka_unit_test(texts_of_variable_length_are_read_whole),
    cmocka_unit_test(groups_have_the_attributes_of_the_schema),
    cmocka_unit_test(the_same_schema_makes_the_same_bytes),
    cmocka_unit_test(the_measured_size_is_close_and_never_below),
    cmocka_unit_test(an_existing_path_is_not_overwritten),
    cmocka_unit_test(a_missing_folder_is_named),
    cmocka_unit_test(a_file_larger_than_the_disk_is_refused_with_both_numbers),
    cmocka_unit_test(a_left_over_temporary_file_is_not_in_the_way),
    cmocka_unit_test(a_wrong_schema_is_our_own_mistake),
    cmocka_unit_test(an_interrupted_creation_leaves_nothing_half_made),
};

RUN_TESTS(tests)
