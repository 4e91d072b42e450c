/* Several ranks on one results file. */
#include "../unit/results/fixture.h"

static int rank, ranks;
static char shared[256];

/* Rank 0 makes the folder; all know its name. */
static int all_set_up(void **state)
{
    if (rank == 0)
        folder_set_up(state);
    MPI_Bcast(folder, (int)sizeof folder, MPI_BYTE, 0, MPI_COMM_WORLD);
    return 0;
}

static int all_tear_down(void **state)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        return folder_tear_down(state);
    return memory_balance() == 0 ? 0 : -1;
}

static const char *create_shared(const char *name)
{
    struct error error;
    snprintf(shared, sizeof shared, "%.128s/%.64s", folder, name);
    if (rank == 0)
        must(results_create(shared, &fixture_schema, &error), &error);
    MPI_Barrier(MPI_COMM_WORLD);
    return shared;
}

static void expect_trials(const char *path)
{
    struct error error;
    struct results_reader *reader = NULL;
    must(results_reader_open(path, &reader, &error), &error);
    for (int64_t trial = 0; trial < TRIALS; trial++) {
        void *margins = NULL, *checksums = NULL;
        int64_t count = 0;
        uint64_t checksum = 0;
        must(results_read_unit(reader, "/margins/train", trial, RESULTS_FLOAT32, &margins, &count, &error), &error);
        for (int i = 0; i < POINTS * SAMPLES; i++)
            assert_true(((float *)margins)[i] == margin_of(trial, i));
        must(results_read(reader, "/trials/checksum", RESULTS_UINT64, &checksums, &count, &error), &error);
        must(results_checksum(reader, trial, &checksum, &error), &error);
        assert_true(checksum == ((uint64_t *)checksums)[trial]);
        memory_free(margins);
        memory_free(checksums);
    }
    results_reader_close(&reader);
}

static void every_rank_commits_its_trials_when_it_likes(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = NULL;
    const char *path = create_shared("shared.h5");
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    for (int64_t trial = 0; trial < TRIALS; trial++)
        if (trial % ranks == rank) {
            usleep((useconds_t)(1000 * rank));
            run_trial(writer, trial);
        }
    must(results_close(&writer, &error), &error);
    expect_trials(path);
    for (int64_t trial = 0; trial < TRIALS; trial++)
        assert_true(number_at(path, "/trials/session", trial) == 0);
}

/* Only rank 0 writes; the others do nothing and still may close. */
static void no_rank_waits_for_another_between_open_and_close(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = NULL;
    const char *path = create_shared("alone.h5");
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    if (rank == ranks - 1)
        for (int64_t trial = 0; trial < TRIALS; trial++)
            run_trial(writer, trial);
    if (rank == ranks - 1)
        expect_trials(path);
    must(results_close(&writer, &error), &error);
}

static void all_ranks_get_the_message_of_the_one_that_cannot_open(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = NULL;
    const char *path = create_shared("differs.h5");
    struct results_array arrays[ROW_COUNT];
    struct results_schema schema = fixture_schema;
    memcpy(arrays, fixture_arrays, sizeof arrays);
    if (rank == ranks - 1)
        arrays[ROW_EPOCHS].type = RESULTS_INT64;
    schema.arrays = arrays;
    assert_int_equal(results_open(path, &schema, &fixture_communicator, &writer, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "/trials/epochs_run is not of type int64");
    assert_null(writer);
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    must(results_close(&writer, &error), &error);
}

static void all_ranks_are_told_that_another_run_writes(void **state)
{
    (void)state;
    struct error error;
    struct results_writer *writer = NULL, *second = NULL;
    const char *path = create_shared("busy.h5");
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    assert_int_equal(results_open(path, &fixture_schema, &fixture_communicator, &second, &error), STATUS_BUSY);
    expect_message(&error, "another run is writing");
    must(results_close(&writer, &error), &error);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_rank_commits_its_trials_when_it_likes),
    cmocka_unit_test(no_rank_waits_for_another_between_open_and_close),
    cmocka_unit_test(all_ranks_get_the_message_of_the_one_that_cannot_open),
    cmocka_unit_test(all_ranks_are_told_that_another_run_writes),
};

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const int failures = cmocka_run_group_tests(tests, all_set_up, all_tear_down);
    MPI_Finalize();
    return failures;
}
