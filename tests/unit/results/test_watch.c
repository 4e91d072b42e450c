#include <fcntl.h>

#include "unit/results/fixture.h"

/* Commits trial 0, lets `disturb` change the file, and expects that nothing of trial 1 goes in. */
static void expect_refusal(const char *name, void (*disturb)(const char *path), const char *message)
{
    char path[640];
    snprintf(path, sizeof path, "%s", path_of(name));
    struct error error;
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    struct results_writer *writer = open_new(path);
    run_trial(writer, 0);
    must(results_begin(writer, 1, &error), &error);
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    disturb(path);
    assert_int_equal(results_commit(writer, 1, row, &ending, &error), STATUS_IO);
    expect_message(&error, message);
    expect_message(&error, name);
    assert_int_equal(results_begin(writer, 2, &error), STATUS_IO);
    expect_message(&error, message);
    assert_int_equal(results_session_end(writer, "failed", &error), STATUS_IO);
    results_row_destroy(&row);
    (void)results_close(&writer, &error);
    assert_null(writer);
}

static void move_away(const char *path)
{
    char other[700];
    snprintf(other, sizeof other, "%s.moved", path);
    assert_int_equal(rename(path, other), 0);
}

static void put_another(const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("something else", file);
    fclose(file);
}

static void unlink_it(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void unlink_and_put_another(const char *path)
{
    unlink_it(path);
    put_another(path);
}

static void move_and_put_another(const char *path)
{
    move_away(path);
    put_another(path);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 5000), 0);
}

static void a_file_that_is_removed_moved_replaced_or_cut_takes_no_more_rows(void **state)
{
    (void)state;
    expect_refusal("removed.h5", unlink_it, "was removed while the run was writing to it");
    expect_refusal("moved.h5", move_away, "was moved while the run was writing to it");
    expect_refusal("replaced.h5", unlink_and_put_another, "replaced by another file");
    expect_refusal("exchanged.h5", move_and_put_another, "under its new name");
    expect_refusal("cut.h5", cut, "to 5000 bytes");
}

static void what_was_committed_stays_in_a_file_that_is_moved(void **state)
{
    (void)state;
    const char *path = path_of("moved.h5.moved");
    assert_int_equal(enum_at(path, "/trials/state", 0), TRIAL_COMMITTED);
    assert_int_equal(enum_at(path, "/trials/state", 1), TRIAL_RUNNING);
}

static void a_file_of_the_same_name_elsewhere_on_the_way_is_the_same_file(void **state)
{
    (void)state;
    struct error error;
    char path[640], link[700];
    snprintf(path, sizeof path, "%s", path_of("linked.h5"));
    snprintf(link, sizeof link, "%s.link", path);
    must(results_create(path, &fixture_schema, &error), &error);
    assert_int_equal(symlink(path, link), 0);
    struct results_writer *writer = NULL;
    must(results_open(link, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    run_trial(writer, 0);
    must(results_close(&writer, &error), &error);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_that_is_removed_moved_replaced_or_cut_takes_no_more_rows),
    cmocka_unit_test(what_was_committed_stays_in_a_file_that_is_moved),
    cmocka_unit_test(a_file_of_the_same_name_elsewhere_on_the_way_is_the_same_file),
};

RUN_TESTS(tests)
