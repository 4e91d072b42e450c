/* A run that is killed again and again while it commits rows large enough to be torn. */
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "unit/results/fixture.h"

enum { LARGE = 20000, KILLS = 30 };

static struct results_dimension dimensions[4];
static struct results_array arrays[ROW_COUNT];
static struct results_schema large_schema;

static void make_schema(void)
{
    large_schema = fixture_schema;
    memcpy(dimensions, fixture_dimensions, sizeof dimensions);
    memcpy(arrays, fixture_arrays, sizeof arrays);
    dimensions[1].size = LARGE;
    arrays[FIXED_LABELS].rank = 0;
    large_schema.dimensions = dimensions;
    large_schema.arrays = arrays;
}

/* Every commit writes other values than the one before: a row of two commits is seen. */
static void fill_large(struct results_row *row, int64_t trial, int number)
{
    results_row_clear(row);
    snprintf(results_row_data(row, ROW_NOTE), 16, "%d", number);
    float *margins = results_row_data(row, ROW_MARGINS);
    for (int i = 0; i < POINTS * LARGE; i++)
        margins[i] = (float)(trial + i % 1000) + 0.001F * (float)number;
}

/* The child: commits, up to three trials at a time, until it is killed; writes a byte before each row. */
static int write_for_ever(const char *path)
{
    struct error error;
    struct results_writer *writer = NULL;
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    MPI_Init(NULL, NULL);
    if (results_open(path, &large_schema, &fixture_communicator, &writer, &error) != STATUS_OK ||
        results_row_create(&large_schema, TABLE_TRIALS, &row, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    for (int number = (int)getpid();; number++) {
        const int64_t trial = number % TRIALS;
        if (write(STDOUT_FILENO, "", 1) != 1)
            return 3;
        fill_large(row, trial, number);
        if (results_begin(writer, trial, &error) != STATUS_OK ||
            results_write(writer, trial, row, &ending, &error) != STATUS_OK)
            return 3;
        if (number % 3 == 0 && results_settle(writer, &error) != STATUS_OK)
            return 3;
    }
}

/* Returns when the child has the file open and has committed so many trials. *progress: the other end of its output, to
 * be closed when it is dead. */
static pid_t start_child(const char *path, int commits, int *progress)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        setenv("OMPI_MCA_btl", "self", 1);
        setenv("TMPDIR", folder, 1);
        execl("/proc/self/exe", "test_kill", "write", path, (char *)NULL);
        _exit(4);
    }
    close(ends[1]);
    for (int i = 0; i <= commits; i++)
        assert_int_equal(read(ends[0], &byte, 1), 1);
    *progress = ends[0];
    return child;
}

static void check_trial(const struct results_reader *reader, int64_t trial, const char *note, uint64_t expected)
{
    struct error error;
    uint64_t checksum = 0;
    void *data = NULL;
    int64_t count = 0;
    must(results_checksum(reader, trial, &checksum, &error), &error);
    assert_true(checksum == expected);
    must(results_read_unit(reader, "/margins/train", trial, RESULTS_FLOAT32, &data, &count, &error), &error);
    const int number = atoi(note);
    assert_int_equal(number % TRIALS, trial);
    for (int i = 0; i < POINTS * LARGE; i++)
        if (((float *)data)[i] != (float)(trial + i % 1000) + 0.001F * (float)number)
            fail_msg("trial %d: item %d is of another commit", (int)trial, i);
    memory_free(data);
}

/* How many trials are committed; all of them right. */
static int check_committed(const char *path)
{
    struct error error;
    struct results_reader *reader = NULL;
    void *states = NULL, *checksums = NULL;
    char *notes = NULL;
    size_t each = 0;
    int64_t count = 0;
    int committed = 0;
    must(results_reader_open(path, &reader, &error), &error);
    must(results_read(reader, "/trials/state", RESULTS_ENUM, &states, &count, &error), &error);
    must(results_read(reader, "/trials/checksum", RESULTS_UINT64, &checksums, &count, &error), &error);
    must(results_read_texts(reader, "/trials/note", &notes, &each, &count, &error), &error);
    for (int64_t trial = 0; trial < TRIALS; trial++)
        if (((uint8_t *)states)[trial] == TRIAL_COMMITTED) {
            check_trial(reader, trial, notes + (size_t)trial * each, ((uint64_t *)checksums)[trial]);
            committed++;
        }
    memory_free(states);
    memory_free(checksums);
    memory_free(notes);
    results_reader_close(&reader);
    return committed;
}

static void every_committed_row_survives_a_kill_at_any_moment(void **state)
{
    (void)state;
    const char *path = path_of("killed.h5");
    struct error error;
    int most = 0;
    must(results_create(path, &large_schema, &error), &error);
    srand((unsigned)time(NULL));
    for (int i = 0; i < KILLS; i++) {
        int progress = -1;
        const pid_t child = start_child(path, rand() % (2 * TRIALS), &progress);
        clock_sleep(0.00001 * (rand() % 500));
        int status = 0;
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        close(progress);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        const int committed = check_committed(path);
        most = committed > most ? committed : most;
    }
    assert_true(most >= TRIALS - 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_committed_row_survives_a_kill_at_any_moment),
};

int main(int argc, char **argv)
{
    make_schema();
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_for_ever(argv[2]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
