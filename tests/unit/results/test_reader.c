#include <fcntl.h>
#include <hdf5.h>

#include "unit/results/fixture.h"

static void copy_file(const char *from, const char *to, size_t bytes)
{
    size_t size = 0;
    unsigned char *content = file_bytes(from, &size);
    FILE *file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, bytes < size ? bytes : size, file), bytes < size ? bytes : size);
    fclose(file);
    free(content);
}

static char whole[640], changed[640];

static size_t make_whole(void)
{
    struct error error;
    struct stat info;
    snprintf(whole, sizeof whole, "%s", path_of("whole.h5"));
    snprintf(changed, sizeof changed, "%s", path_of("changed.h5"));
    if (access(whole, F_OK) != 0) {
        struct results_writer *writer = open_new(whole);
        run_trial(writer, 4);
        must(results_close(&writer, &error), &error);
    }
    assert_int_equal(stat(whole, &info), 0);
    return (size_t)info.st_size;
}

/* Reader and writer both refuse `changed` with this text, and neither changes a byte. */
static void expect_refusal(const char *text)
{
    struct error error = {0};
    struct results_reader *reader = NULL;
    struct results_writer *writer = NULL;
    size_t size_before = 0, size_after = 0;
    unsigned char *before = file_bytes(changed, &size_before);
    assert_int_equal(results_reader_open(changed, &reader, &error), STATUS_BAD_RESULTS);
    assert_null(reader);
    expect_message(&error, text);
    expect_message(&error, changed);
    assert_int_equal(results_open(changed, &fixture_schema, &fixture_communicator, &writer, &error),
                     STATUS_BAD_RESULTS);
    expect_message(&error, text);
    unsigned char *after = file_bytes(changed, &size_after);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    free(before);
    free(after);
}

static void a_truncated_file_is_refused_at_every_length(void **state)
{
    (void)state;
    const size_t size = make_whole();
    copy_file(whole, changed, 0);
    expect_refusal("has only 0 bytes");
    copy_file(whole, changed, 7);
    expect_refusal("has only 7 bytes");
    copy_file(whole, changed, size - 1);
    expect_refusal("truncated");
    for (size_t length = 8; length < size; length += size / 17) {
        copy_file(whole, changed, length);
        expect_refusal("damaged or truncated");
    }
}

static void a_foreign_file_is_refused(void **state)
{
    (void)state;
    make_whole();
    FILE *file = fopen(changed, "w");
    fputs("epoch,loss\n0,2.3\n", file);
    fclose(file);
    expect_refusal("is not an HDF5 file");
    H5Fclose(H5Fcreate(changed, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    expect_refusal("not a results file of seedbed");
}

static void set_version(const char *path, int64_t version)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT64, &version) >= 0);
    H5Aclose(attribute);
    H5Fclose(file);
}

static void a_newer_version_is_refused_with_both_numbers(void **state)
{
    (void)state;
    copy_file(whole, changed, make_whole());
    set_version(changed, 7);
    expect_refusal("newer seedbed (format_version 7, this one knows up to 2)");
    set_version(changed, 0);
    expect_refusal("has no valid format_version");
}

static void a_file_without_its_columns_is_refused(void **state)
{
    (void)state;
    copy_file(whole, changed, make_whole());
    const hid_t file = H5Fopen(changed, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "/trials/state", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    expect_refusal("has no /trials/state");
}

/* Damage anywhere in the metadata is refused or harmless; never a crash, never a changed byte. */
static void a_damaged_byte_does_no_harm(void **state)
{
    (void)state;
    const size_t size = make_whole();
    int refused = 0;
    for (size_t offset = 0; offset < size; offset += 1 + size / 400) {
        copy_file(whole, changed, size);
        const int descriptor = open(changed, O_RDWR);
        unsigned char byte = 0;
        assert_int_equal(pread(descriptor, &byte, 1, (off_t)offset), 1);
        byte ^= 0x5a;
        assert_int_equal(pwrite(descriptor, &byte, 1, (off_t)offset), 1);
        close(descriptor);
        struct error error = {0};
        struct results_reader *reader = NULL;
        if (results_reader_open(changed, &reader, &error) == STATUS_OK) {
            uint64_t checksum = 0;
            results_checksum(reader, 4, &checksum, &error);
            results_reader_close(&reader);
            continue;
        }
        refused++;
        expect_message(&error, changed);
    }
    assert_true(refused > 0);
}

static void a_missing_file_and_a_folder_are_refused(void **state)
{
    (void)state;
    struct error error;
    struct results_reader *reader = NULL;
    assert_int_equal(results_reader_open(path_of("none.h5"), &reader, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "No such file");
    assert_int_equal(results_reader_open(folder, &reader, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "is not a file");
}

static void wrong_questions_are_answered_with_a_message(void **state)
{
    (void)state;
    make_whole();
    struct error error;
    struct results_reader *reader = NULL;
    void *data = NULL;
    char *texts = NULL;
    size_t each = 0;
    int64_t count = 0;
    uint64_t checksum = 0;
    must(results_reader_open(whole, &reader, &error), &error);
    assert_int_equal(results_read(reader, "/a/b", RESULTS_INT32, &data, &count, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "has no dataset /a/b");
    assert_int_equal(results_read(reader, "/trials/note", RESULTS_INT32, &data, &count, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "not of a type that can be read as int32");
    assert_int_equal(results_read(reader, "/trials/train_loss", RESULTS_ENUM, &data, &count, &error),
                     STATUS_BAD_RESULTS);
    assert_int_equal(results_read_texts(reader, "/trials/train_loss", &texts, &each, &count, &error),
                     STATUS_BAD_RESULTS);
    assert_int_equal(results_read_unit(reader, "/margins/train", TRIALS, RESULTS_FLOAT32, &data, &count, &error),
                     STATUS_USAGE);
    expect_message(&error, "there is no trial 12: the file has 0 to 11");
    assert_int_equal(results_read_unit(reader, "/dataset/train_label", 0, RESULTS_INT32, &data, &count, &error),
                     STATUS_BAD_RESULTS);
    assert_int_equal(results_checksum(reader, -1, &checksum, &error), STATUS_USAGE);
    results_reader_close(&reader);
    results_reader_close(&reader);
}

static void one_trial_is_shown_whole(void **state)
{
    (void)state;
    make_whole();
    struct error error;
    struct results_reader *reader = NULL;
    struct text text = {0};
    must(results_reader_open(whole, &reader, &error), &error);
    must(results_show(reader, 4, &text, &error), &error);
    error.text[0] = '\0';
    static const char *const parts[] = {"trial 4 of ",
                                        "identity                     t04",
                                        "outcome                      done",
                                        "state                        committed",
                                        "note                         note 4",
                                        "train_loss                   2\n",
                                        "seconds                      1.5 s\n",
                                        "kind                         plain strange plain",
                                        "train                        [3, 50] min 4, mean 22.625, max 41.25\n",
                                        "speed                        nan nan nan nan nan s-1\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text.data, parts[i]) == NULL)
            fail_msg("'%s' is not in:\n%s", parts[i], text.data);
    text_free(&text);
    must(results_show(reader, 5, &text, &error), &error);
    assert_non_null(strstr(text.data, "not committed"));
    assert_non_null(strstr(text.data, "t05"));
    assert_null(strstr(text.data, "margins"));
    text_free(&text);
    assert_int_equal(results_show(reader, 99, &text, &error), STATUS_USAGE);
    text_free(&text);
    results_reader_close(&reader);
}

static void two_readers_work_side_by_side(void **state)
{
    (void)state;
    make_whole();
    struct error error;
    struct results_reader *reader = NULL;
    must(results_reader_open(whole, &reader, &error), &error);
    struct results_reader *another = NULL;
    must(results_reader_open(whole, &another, &error), &error);
    results_reader_close(&reader);
    results_reader_close(&another);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_truncated_file_is_refused_at_every_length),
    cmocka_unit_test(a_foreign_file_is_refused),
    cmocka_unit_test(a_newer_version_is_refused_with_both_numbers),
    cmocka_unit_test(a_file_without_its_columns_is_refused),
    cmocka_unit_test(a_damaged_byte_does_no_harm),
    cmocka_unit_test(a_missing_file_and_a_folder_are_refused),
    cmocka_unit_test(wrong_questions_are_answered_with_a_message),
    cmocka_unit_test(one_trial_is_shown_whole),
    cmocka_unit_test(two_readers_work_side_by_side),
};

RUN_TESTS(tests)
