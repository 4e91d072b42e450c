#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "unit/results/fixture.h"

static struct results_session session_here(void)
{
    return (struct results_session){
        .started = 1.7e9, .host = "first-host", .process = 4321, .ranks = 3, .engine = "0.1.0"};
}

static void a_second_run_is_refused_with_the_host_and_process_of_the_first(void **state)
{
    (void)state;
    const char *path = path_of("second.h5");
    struct error error;
    struct results_writer *writer = open_new(path), *second = NULL;
    const struct results_session session = session_here();
    must(results_session_begin(writer, &session, &error), &error);
    assert_int_equal(results_open(path, &fixture_schema, &fixture_communicator, &second, &error), STATUS_BUSY);
    expect_message(&error, "another run");
    expect_message(&error, "process 4321 on first-host, since 2023-11-14 22:13:20 UTC");
    assert_null(second);
    run_trial(writer, 0);
    must(results_session_end(writer, "complete", &error), &error);
    must(results_close(&writer, &error), &error);
    must(results_open(path, &fixture_schema, &fixture_communicator, &second, &error), &error);
    must(results_close(&second, &error), &error);
}

static void a_program_that_writes_to_the_file_keeps_a_run_out(void **state)
{
    (void)state;
    const char *path = path_of("exclusive.h5");
    struct error error;
    struct results_writer *writer = NULL;
    must(results_create(path, &fixture_schema, &error), &error);
    const int descriptor = open(path, O_RDWR);
    assert_int_equal(flock(descriptor, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), STATUS_IO);
    expect_message(&error, "another program");
    close(descriptor);
}

/* In a child without the parent's HDF5 state, as another program would be. */
static int opens_serially(const char *path, unsigned mode)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        unsetenv("HDF5_USE_FILE_LOCKING");
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        const int descriptor = open(path, mode == H5F_ACC_RDONLY ? O_RDONLY : O_RDWR);
        const int operation = mode == H5F_ACC_RDONLY ? LOCK_SH : LOCK_EX;
        _exit(flock(descriptor, operation | LOCK_NB) == 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void readers_may_open_the_file_of_a_run_and_writers_may_not(void **state)
{
    (void)state;
    const char *path = path_of("shared.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    struct results_reader *reader = NULL;
    assert_true(opens_serially(path, H5F_ACC_RDONLY));
    assert_false(opens_serially(path, H5F_ACC_RDWR));
    must(results_reader_open(path, &reader, &error), &error);
    for (int64_t trial = 0; trial < 4; trial++) {
        void *states = NULL;
        int64_t count = 0;
        run_trial(writer, trial);
        must(results_read(reader, "/trials/state", RESULTS_ENUM, &states, &count, &error), &error);
        for (int64_t other = 0; other < TRIALS; other++)
            assert_int_equal(((uint8_t *)states)[other], other <= trial ? TRIAL_COMMITTED : TRIAL_WAITING);
        memory_free(states);
    }
    results_reader_close(&reader);
    run_trial(writer, 5);
    assert_false(opens_serially(path, H5F_ACC_RDWR));
    must(results_close(&writer, &error), &error);
    assert_true(opens_serially(path, H5F_ACC_RDWR));
}

static void run_session(const char *path, int64_t process, const char *ending)
{
    struct error error;
    struct results_writer *writer = NULL;
    struct results_session session = session_here();
    session.process = process;
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    must(results_session_begin(writer, &session, &error), &error);
    if (strcmp(ending, "stopped") == 0)
        run_trial(writer, 2);
    must(results_session_end(writer, ending, &error), &error);
    must(results_close(&writer, &error), &error);
}

static struct results_session last_session(const char *path, int *index)
{
    struct error error;
    struct results_reader *reader = NULL;
    struct results_session last;
    must(results_reader_open(path, &reader, &error), &error);
    must(results_read_last_session(reader, &last, index, &error), &error);
    results_reader_close(&reader);
    return last;
}

/* As if the sessions [first, count) had been there. */
static void pretend_sessions(const char *path, int first, int count)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t endings = H5Dopen2(file, "/sessions/ending", H5P_DEFAULT);
    const off_t offset = (off_t)H5Dget_offset(endings);
    H5Dclose(endings);
    H5Fclose(file);
    const int descriptor = open(path, O_RDWR);
    for (int i = first; i < count; i++)
        assert_int_equal(pwrite(descriptor, "complete", 8, offset + 32 * i), 8);
    close(descriptor);
}

static void sessions_follow_each_other_and_the_last_row_is_used_again(void **state)
{
    (void)state;
    const char *path = path_of("sessions.h5");
    struct error error;
    int index = 0;
    must(results_create(path, &fixture_schema, &error), &error);
    last_session(path, &index);
    assert_int_equal(index, -1);
    run_session(path, 1000, "complete");
    run_session(path, 1001, "stopped");
    struct results_session last = last_session(path, &index);
    assert_int_equal(index, 1);
    assert_string_equal(last.ending, "stopped");
    assert_string_equal(last.host, "first-host");
    assert_int_equal(last.ranks, 3);
    assert_true(last.started == 1.7e9);
    assert_true(last.ended > 1.7e9);
    assert_true(number_at(path, "/trials/session", 2) == 1);
    pretend_sessions(path, 2, 1023);
    for (int i = 0; i < 3; i++) {
        run_session(path, 2000 + i, "complete");
        last = last_session(path, &index);
        assert_int_equal(index, 1023);
        assert_int_equal(last.process, 2000 + i);
    }
    assert_true(number_at(path, "/sessions/process", 1) == 1001);
}

static void a_file_of_another_sweep_is_refused_with_the_difference(void **state)
{
    (void)state;
    const char *path = path_of("other.h5");
    struct error error;
    struct results_writer *writer = NULL;
    must(results_create(path, &fixture_schema, &error), &error);
    struct results_dimension dimensions[4];
    struct results_array arrays[ROW_COUNT];
    struct results_schema schema = fixture_schema;
    memcpy(dimensions, fixture_dimensions, sizeof dimensions);
    memcpy(arrays, fixture_arrays, sizeof arrays);
    schema.dimensions = dimensions;
    schema.arrays = arrays;
    dimensions[3].size = 9;
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "/curves/speed has the shape [12, 5], this sweep needs [12, 9]");
    dimensions[3].size = EPOCHS;
    arrays[ROW_LOSS].type = RESULTS_FLOAT32;
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "/trials/train_loss is not of type float32");
    arrays[ROW_LOSS].type = RESULTS_FLOAT64;
    snprintf(arrays[ROW_LOSS].name, sizeof arrays[ROW_LOSS].name, "test_loss");
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "it has no /trials/test_loss");
    schema.array_count = ROW_COUNT - 1;
    memcpy(arrays, fixture_arrays, sizeof arrays);
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "this one has no /margins/kind");
}

static void texts_and_provenance_of_a_resumed_run_may_differ(void **state)
{
    (void)state;
    const char *path = path_of("resumed.h5");
    struct error error;
    struct results_writer *writer = NULL;
    struct results_array arrays[ROW_COUNT];
    struct results_schema schema = fixture_schema;
    memcpy(arrays, fixture_arrays, sizeof arrays);
    schema.arrays = arrays;
    arrays[FIXED_LABELS].reproducible = false;
    must(results_create(path, &schema, &error), &error);
    arrays[FIXED_YAML].text_bytes += 20;
    snprintf(arrays[FIXED_LABELS].name, sizeof arrays[FIXED_LABELS].name, "other_label");
    must(results_open(path, &schema, &fixture_communicator, &writer, &error), &error);
    run_trial(writer, 0);
    must(results_close(&writer, &error), &error);
    arrays[ROW_NOTE].text_bytes += 1;
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "/trials/note has the shape [12, 16], this sweep needs [12, 17]");
}

static void what_is_not_a_results_file_is_refused_before_anything_is_written(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = NULL;
    assert_int_equal(results_open(path_of("absent"), &fixture_schema, &fixture_communicator, &writer, &error),
                     STATUS_IO);
    expect_message(&error, "cannot be opened");
    FILE *file = fopen(path_of("notes.txt"), "w");
    fputs("this is a note and no results file", file);
    fclose(file);
    assert_int_equal(results_open(path_of("notes.txt"), &fixture_schema, &fixture_communicator, &writer, &error),
                     STATUS_BAD_RESULTS);
    expect_message(&error, "not an HDF5 file");
    size_t size = 0;
    unsigned char *bytes = file_bytes(path_of("notes.txt"), &size);
    assert_memory_equal(bytes, "this is a note and no results file", size);
    free(bytes);
}

static herr_t mask_dataset(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const haddr_t offset = H5Dget_offset(dataset);
    memset((unsigned char *)context + offset, 0, (size_t)H5Dget_storage_size(dataset));
    H5Dclose(dataset);
    return 0;
}

static herr_t visit_all(hid_t file, H5O_iterate_t operation, void *context)
{
#if H5_VERSION_GE(1, 12, 0)
    return H5Ovisit3(file, H5_INDEX_NAME, H5_ITER_NATIVE, operation, context, H5O_INFO_BASIC);
#else
    return H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, operation, context, H5O_INFO_BASIC);
#endif
}

/* The file without its raw data: what is left is metadata. */
static unsigned char *metadata_of(const char *path, size_t *size)
{
    unsigned char *bytes = file_bytes(path, size);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(visit_all(file, mask_dataset, bytes) >= 0);
    H5Fclose(file);
    return bytes;
}

static void forty_starts_never_change_the_metadata(void **state)
{
    (void)state;
    const char *path = path_of("forty.h5");
    struct error error;
    size_t size_before = 0, size_after = 0, size_whole = 0;
    must(results_create(path, &fixture_schema, &error), &error);
    unsigned char *before = metadata_of(path, &size_before);
    unsigned char *whole_before = file_bytes(path, &size_whole);
    for (int i = 0; i < 40; i++) {
        struct results_writer *writer = NULL;
        const struct results_session session = session_here();
        must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
        must(results_session_begin(writer, &session, &error), &error);
        run_trial(writer, i % TRIALS);
        must(results_session_end(writer, "complete", &error), &error);
        must(results_close(&writer, &error), &error);
    }
    unsigned char *after = metadata_of(path, &size_after);
    unsigned char *whole_after = file_bytes(path, &size_whole);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    assert_true(memcmp(whole_before, whole_after, size_whole) != 0);
    free(before);
    free(after);
    free(whole_before);
    free(whole_after);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_second_run_is_refused_with_the_host_and_process_of_the_first),
    cmocka_unit_test(a_program_that_writes_to_the_file_keeps_a_run_out),
    cmocka_unit_test(readers_may_open_the_file_of_a_run_and_writers_may_not),
    cmocka_unit_test(sessions_follow_each_other_and_the_last_row_is_used_again),
    cmocka_unit_test(a_file_of_another_sweep_is_refused_with_the_difference),
    cmocka_unit_test(texts_and_provenance_of_a_resumed_run_may_differ),
    cmocka_unit_test(what_is_not_a_results_file_is_refused_before_anything_is_written),
    cmocka_unit_test(forty_starts_never_change_the_metadata),
};

RUN_TESTS(tests)
