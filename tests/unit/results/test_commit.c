#include <fcntl.h>
#include <hdf5.h>

#include "results/writer.h"
#include "unit/results/fixture.h"

static void a_committed_trial_is_read_back_whole(void **state)
{
    (void)state;
    const char *path = path_of("whole.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    for (int64_t trial = 0; trial < TRIALS; trial += 2)
        run_trial(writer, trial);
    must(results_close(&writer, &error), &error);
    struct results_reader *reader = NULL;
    must(results_reader_open(path, &reader, &error), &error);
    assert_int_equal(results_reader_trials(reader), TRIALS);
    void *margins = NULL;
    int64_t count = 0;
    must(results_read(reader, "/margins/train", RESULTS_FLOAT32, &margins, &count, &error), &error);
    assert_int_equal(count, TRIALS * POINTS * SAMPLES);
    for (int64_t trial = 0; trial < TRIALS; trial += 2)
        for (int i = 0; i < POINTS * SAMPLES; i++)
            assert_true(((float *)margins)[trial * POINTS * SAMPLES + i] == margin_of(trial, i));
    memory_free(margins);
    char *notes = NULL;
    size_t each = 0;
    must(results_read_texts(reader, "/trials/note", &notes, &each, &count, &error), &error);
    assert_int_equal(each, 17);
    assert_string_equal(notes + 4 * each, "note 4");
    assert_string_equal(notes + 5 * each, "");
    memory_free(notes);
    results_reader_close(&reader);
}

static void what_a_trial_leaves_out_is_absent(void **state)
{
    (void)state;
    const char *path = path_of("absent.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    struct results_row *row = NULL;
    struct trial_ending ending = ending_done();
    ending.outcome = OUTCOME_FAILED;
    snprintf(ending.message, sizeof ending.message, "no reason \xc3\xa9 \xff end");
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    assert_null(results_row_data(row, FIXED_YAML));
    must(results_begin(writer, 3, &error), &error);
    must(results_commit(writer, 3, row, &ending, &error), &error);
    results_row_destroy(&row);
    must(results_close(&writer, &error), &error);
    assert_true(isnan(number_at(path, "/trials/train_loss", 3)));
    assert_true(isnan(number_at(path, "/margins/train", 3 * POINTS * SAMPLES + 7)));
    assert_true(number_at(path, "/trials/epochs_run", 3) == -1);
    assert_int_equal(enum_at(path, "/trials/outcome", 3), OUTCOME_FAILED);
    struct results_reader *reader = NULL;
    must(results_reader_open(path, &reader, &error), &error);
    char *messages = NULL;
    size_t each = 0;
    int64_t count = 0;
    must(results_read_texts(reader, "/trials/message", &messages, &each, &count, &error), &error);
    assert_string_equal(messages + 3 * each, "no reason \xc3\xa9 ? end");
    memory_free(messages);
    results_reader_close(&reader);
}

static void a_trial_counts_only_after_its_commit(void **state)
{
    (void)state;
    const char *path = path_of("order.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    assert_int_equal(enum_at(path, "/trials/state", 5), TRIAL_WAITING);
    assert_true(number_at(path, "/trials/attempt", 5) == 0);
    must(results_begin(writer, 5, &error), &error);
    assert_int_equal(enum_at(path, "/trials/state", 5), TRIAL_RUNNING);
    assert_true(number_at(path, "/trials/attempt", 5) == 1);
    run_trial(writer, 5);
    assert_int_equal(enum_at(path, "/trials/state", 5), TRIAL_COMMITTED);
    assert_true(number_at(path, "/trials/attempt", 5) == 2);
    assert_int_equal(enum_at(path, "/trials/state", 4), TRIAL_WAITING);
    must(results_close(&writer, &error), &error);
}

static void a_trial_begun_again_no_longer_counts_until_it_is_committed(void **state)
{
    (void)state;
    const char *path = path_of("again.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    run_trial(writer, 1);
    must(results_begin(writer, 1, &error), &error);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_RUNNING);
    run_trial(writer, 1);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_COMMITTED);
    assert_true(number_at(path, "/trials/attempt", 1) == 3);
    must(results_close(&writer, &error), &error);
}

static void write_trial(struct results_writer *writer, int64_t trial)
{
    struct error error;
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    must(results_begin(writer, trial, &error), &error);
    fill_row(row, trial);
    must(results_write(writer, trial, row, &ending, &error), &error);
    results_row_destroy(&row);
}

static void trials_that_were_written_count_together_once_they_are_settled(void **state)
{
    (void)state;
    const char *path = path_of("group.h5");
    struct error error;
    struct results_flight flight = {0};
    struct results_writer *writer = open_new(path);
    results_show_flight(writer, &flight);
    must(results_settle(writer, &error), &error);
    for (int64_t trial = 0; trial < 3; trial++)
        write_trial(writer, trial);
    results_note_crash(&flight); /* none is in flight */
    for (int64_t trial = 0; trial < 3; trial++)
        assert_int_equal(enum_at(path, "/trials/state", trial), TRIAL_RUNNING);
    must(results_settle(writer, &error), &error);
    for (int64_t trial = 0; trial < TRIALS; trial++) {
        assert_int_equal(enum_at(path, "/trials/state", trial), trial < 3 ? TRIAL_COMMITTED : TRIAL_WAITING);
        assert_true(number_at(path, "/trials/crashes", trial) == 0);
    }
    must(results_close(&writer, &error), &error);
}

static void a_written_trial_begun_again_is_not_settled_with_half_a_row(void **state)
{
    (void)state;
    const char *path = path_of("half.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    write_trial(writer, 2);
    must(results_begin(writer, 2, &error), &error);
    must(results_settle(writer, &error), &error);
    assert_int_equal(enum_at(path, "/trials/state", 2), TRIAL_RUNNING);
    must(results_close(&writer, &error), &error);
}

/* The kernel tells of lost writes once: bringing the same rows to disk again would say that all is well. */
static void rows_that_did_not_reach_the_disk_never_count(void **state)
{
    (void)state;
    const char *path = path_of("unsettled.h5");
    struct error error;
    int ends[2];
    struct results_writer *writer = open_new(path);
    write_trial(writer, 1);
    assert_int_equal(pipe(ends), 0);
    const int descriptor = writer->descriptor;
    writer->descriptor = ends[1]; /* which has no disk */
    assert_int_equal(results_settle(writer, &error), STATUS_IO);
    writer->descriptor = descriptor;
    assert_int_equal(results_settle(writer, &error), STATUS_IO);
    assert_non_null(strstr(error.text, "--resume"));
    must(results_close(&writer, &error), &error);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_RUNNING);
    close(ends[0]);
    close(ends[1]);
}

static void a_trial_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = open_new(path_of("range.h5"));
    assert_int_equal(results_begin(writer, TRIALS, &error), STATUS_INTERNAL);
    assert_int_equal(results_begin(writer, -1, &error), STATUS_INTERNAL);
    must(results_close(&writer, &error), &error);
}

static void a_crash_is_counted_for_the_trial_in_flight(void **state)
{
    (void)state;
    const char *path = path_of("crash.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    struct results_flight flight = {0};
    results_note_crash(&flight);
    results_show_flight(writer, &flight);
    results_note_crash(&flight);
    must(results_begin(writer, 7, &error), &error);
    results_note_crash(&flight);
    results_note_crash(&flight); /* one death is one crash, whoever notes it */
    must(results_begin(writer, 7, &error), &error);
    results_note_crash(&flight);
    run_trial(writer, 8);
    results_note_crash(&flight);
    must(results_begin(writer, 9, &error), &error);
    results_show_flight(writer, NULL);
    results_note_crash(&flight);
    must(results_close(&writer, &error), &error);
    for (int64_t trial = 0; trial < TRIALS; trial++)
        assert_true(number_at(path, "/trials/crashes", trial) == (trial == 7 ? 2 : 0));
}

static void a_trial_that_is_tried_again_has_no_crashes_to_answer_for(void **state)
{
    (void)state;
    const char *path = path_of("retried.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    struct results_flight flight = {0};
    results_show_flight(writer, &flight);
    for (int i = 0; i < 3; i++) {
        must(results_begin(writer, 7, &error), &error);
        results_note_crash(&flight);
    }
    run_trial(writer, 7);
    assert_true(number_at(path, "/trials/crashes", 7) == 3);
    must(results_begin(writer, 7, &error), &error);
    assert_true(number_at(path, "/trials/crashes", 7) == 0);
    results_note_crash(&flight);
    assert_true(number_at(path, "/trials/crashes", 7) == 1);
    must(results_close(&writer, &error), &error);
}

static void a_crash_is_not_noted_in_a_file_that_took_the_place(void **state)
{
    (void)state;
    char moved[700];
    const char *path = path_of("replaced.h5");
    struct error error;
    struct results_flight flight = {0};
    struct results_writer *writer = open_new(path);
    results_show_flight(writer, &flight);
    must(results_begin(writer, 7, &error), &error);
    must(results_close(&writer, &error), &error);
    snprintf(moved, sizeof moved, "%s.moved", path);
    assert_int_equal(rename(path, moved), 0);
    writer = open_new(path);
    results_note_crash(&flight);
    assert_true(number_at(path, "/trials/crashes", 7) == 0);
    must(results_close(&writer, &error), &error);
}

static uint64_t checksum_now(const char *path, int64_t trial)
{
    struct error error;
    struct results_reader *reader = NULL;
    uint64_t checksum = 0;
    must(results_reader_open(path, &reader, &error), &error);
    must(results_checksum(reader, trial, &checksum, &error), &error);
    results_reader_close(&reader);
    return checksum;
}

static uint64_t checksum_committed(const char *path, int64_t trial)
{
    struct error error;
    struct results_reader *reader = NULL;
    void *data = NULL;
    int64_t count = 0;
    must(results_reader_open(path, &reader, &error), &error);
    must(results_read(reader, "/trials/checksum", RESULTS_UINT64, &data, &count, &error), &error);
    const uint64_t checksum = ((uint64_t *)data)[trial];
    memory_free(data);
    results_reader_close(&reader);
    return checksum;
}

static int64_t offset_of(const char *path, const char *dataset)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t object = H5Dopen2(file, dataset, H5P_DEFAULT);
    const int64_t offset = (int64_t)H5Dget_offset(object);
    H5Dclose(object);
    H5Fclose(file);
    return offset;
}

static void flip_bit(const char *path, int64_t offset, int bit)
{
    unsigned char byte = 0;
    const int descriptor = open(path, O_RDWR);
    assert_int_equal(pread(descriptor, &byte, 1, offset), 1);
    byte = (unsigned char)(byte ^ (1U << bit));
    assert_int_equal(pwrite(descriptor, &byte, 1, offset), 1);
    close(descriptor);
}

/* Every bit of the trial's slab of one dataset changes the checksum, or none does. */
static void flip_slab(const char *path, const char *dataset, int64_t slab_bytes, int64_t trial, bool covered)
{
    const int64_t first = offset_of(path, dataset) + trial * slab_bytes;
    const int64_t step = slab_bytes > 64 ? 37 : 1;
    for (int64_t byte = 0; byte < slab_bytes; byte += step) {
        const int bit = (int)(byte % 8);
        flip_bit(path, first + byte, bit);
        if (covered)
            assert_true(checksum_now(path, trial) != checksum_committed(path, trial));
        else
            assert_true(checksum_now(path, trial) == checksum_committed(path, trial));
        flip_bit(path, first + byte, bit);
    }
    assert_true(checksum_now(path, trial) == checksum_committed(path, trial));
}

static void the_checksum_covers_every_reproducible_bit_and_no_other(void **state)
{
    (void)state;
    const char *path = path_of("checksum.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    run_trial(writer, 2);
    run_trial(writer, 6);
    must(results_close(&writer, &error), &error);
    assert_true(checksum_committed(path, 2) != checksum_committed(path, 6));
    assert_true(checksum_now(path, 6) == checksum_committed(path, 6));
    flip_slab(path, "/trials/train_loss", 8, 2, true);
    flip_slab(path, "/trials/epochs_run", 4, 2, true);
    flip_slab(path, "/trials/note", 16, 2, true);
    flip_slab(path, "/margins/train", POINTS * SAMPLES * 4, 2, true);
    flip_slab(path, "/trials/outcome", 1, 2, true);
    flip_slab(path, "/trials/message", MESSAGE_BYTES, 2, true);
    flip_slab(path, "/curves/speed", EPOCHS * 8, 2, false);
    flip_slab(path, "/trials/seconds", 8, 2, false);
}

static void equal_texts_are_equal_bytes(void **state)
{
    (void)state;
    const char *path = path_of("texts.h5");
    struct error error;
    struct results_writer *writer = open_new(path);
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    memcpy(results_row_data(row, ROW_NOTE), "same\0", 5);
    must(results_commit(writer, 0, row, &ending, &error), &error);
    memcpy(results_row_data(row, ROW_NOTE), "same\0left over", 14);
    must(results_commit(writer, 1, row, &ending, &error), &error);
    results_row_destroy(&row);
    must(results_close(&writer, &error), &error);
    assert_true(checksum_committed(path, 0) == checksum_committed(path, 1));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_committed_trial_is_read_back_whole),
    cmocka_unit_test(what_a_trial_leaves_out_is_absent),
    cmocka_unit_test(a_trial_counts_only_after_its_commit),
    cmocka_unit_test(a_trial_begun_again_no_longer_counts_until_it_is_committed),
    cmocka_unit_test(trials_that_were_written_count_together_once_they_are_settled),
    cmocka_unit_test(a_written_trial_begun_again_is_not_settled_with_half_a_row),
    cmocka_unit_test(rows_that_did_not_reach_the_disk_never_count),
    cmocka_unit_test(a_trial_that_does_not_exist_is_refused),
    cmocka_unit_test(a_crash_is_counted_for_the_trial_in_flight),
    cmocka_unit_test(a_crash_is_not_noted_in_a_file_that_took_the_place),
    cmocka_unit_test(a_trial_that_is_tried_again_has_no_crashes_to_answer_for),
    cmocka_unit_test(the_checksum_covers_every_reproducible_bit_and_no_other),
    cmocka_unit_test(equal_texts_are_equal_bytes),
};

RUN_TESTS(tests)
