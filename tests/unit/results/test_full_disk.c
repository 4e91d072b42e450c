/* A disk that fills up: a small tmpfs in a mount namespace of this process's own. */
#include <sched.h>
#include <sys/mount.h>

#include "unit/results/fixture.h"

enum { DISK_KILOBYTES = 2048, FILLER_KILOBYTES = 100 };

static struct results_dimension dimensions[4];
static struct results_array arrays[ROW_COUNT];
static struct results_schema large_schema;
static int no_namespace;

static void make_schema(void)
{
    large_schema = fixture_schema;
    memcpy(dimensions, fixture_dimensions, sizeof dimensions);
    memcpy(arrays, fixture_arrays, sizeof arrays);
    dimensions[1].size = 10000;
    arrays[FIXED_LABELS].rank = 0;
    large_schema.dimensions = dimensions;
    large_schema.arrays = arrays;
}

static int mount_disk(void **state)
{
    folder_set_up(state);
    char size[32];
    snprintf(size, sizeof size, "size=%dk", DISK_KILOBYTES);
    if (!no_namespace && mount("tmpfs", folder, "tmpfs", 0, size) != 0)
        no_namespace = 1;
    return 0;
}

static int unmount_disk(void **state)
{
    if (!no_namespace)
        umount2(folder, MNT_DETACH);
    return folder_tear_down(state);
}

/* Takes all that is free but so many kilobytes. */
static void leave_free(const char *path, int kilobytes)
{
    static const char block[1024];
    FILE *file = fopen(path, "wb");
    while (fwrite(block, 1, sizeof block, file) == sizeof block && fflush(file) == 0)
        continue;
    fclose(file);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size - 1024 * kilobytes), 0);
}

static void a_full_disk_stops_the_commit_and_room_lets_it_go_on(void **state)
{
    (void)state;
    if (no_namespace) {
        print_message("skipped: no mount namespace may be made here\n");
        skip();
    }
    struct error error;
    char path[640], filler[640];
    struct results_writer *writer = NULL;
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    snprintf(path, sizeof path, "%s", path_of("full.h5"));
    snprintf(filler, sizeof filler, "%s", path_of("filler"));
    must(results_create(path, &large_schema, &error), &error);
    must(results_open(path, &large_schema, &fixture_communicator, &writer, &error), &error);
    must(results_row_create(&large_schema, TABLE_TRIALS, &row, &error), &error);
    memset(results_row_data(row, ROW_MARGINS), 0x41, (size_t)POINTS * 10000 * sizeof(float));
    must(results_begin(writer, 0, &error), &error);
    must(results_commit(writer, 0, row, &ending, &error), &error);
    leave_free(filler, FILLER_KILOBYTES);
    must(results_begin(writer, 1, &error), &error);
    assert_int_equal(results_commit(writer, 1, row, &ending, &error), STATUS_NO_SPACE);
    expect_message(&error, "the disk is full");
    expect_message(&error, "--resume");
    expect_message(&error, "full.h5");
    assert_int_equal(enum_at(path, "/trials/state", 0), TRIAL_COMMITTED);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_RUNNING);
    unlink(filler);
    must(results_commit(writer, 1, row, &ending, &error), &error);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_COMMITTED);
    results_row_destroy(&row);
    must(results_close(&writer, &error), &error);
}

static void a_file_that_does_not_fit_is_not_begun(void **state)
{
    (void)state;
    if (no_namespace)
        skip();
    struct error error;
    dimensions[1].size = 100000;
    assert_int_equal(results_create(path_of("large.h5"), &large_schema, &error), STATUS_NO_SPACE);
    expect_message(&error, "0.016 GB");
    expect_message(&error, "0.00");
    dimensions[1].size = 10000;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_full_disk_stops_the_commit_and_room_lets_it_go_on),
    cmocka_unit_test(a_file_that_does_not_fit_is_not_begun),
};

int main(int argc, char **argv)
{
    make_schema();
    no_namespace = unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0;
    MPI_Init(&argc, &argv);
    const int failures = cmocka_run_group_tests(tests, mount_disk, unmount_disk);
    MPI_Finalize();
    return failures;
}
