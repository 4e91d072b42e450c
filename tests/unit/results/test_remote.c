/* A rank that does not write, in this process: what it asks for goes straight to the writer. */
#include "results/remote.h"

#include "unit/results/fixture.h"

static int calls;

static enum status hand_over(void *context, const void *request, size_t bytes, void *reply, size_t reply_bytes,
                             struct error *error)
{
    (void)error;
    calls++;
    memset(reply, 0, reply_bytes);
    results_serve(context, request, bytes, reply, reply_bytes);
    return STATUS_OK;
}

/* The other rank's writer. */
static struct results_writer *other_of(struct results_writer *writer, const struct results_remote *remote)
{
    static struct results_writer other;
    other = *writer;
    other.remote = remote;
    return &other;
}

static void what_goes_through_rank_0_is_what_the_rank_would_have_written(void **state)
{
    (void)state;
    struct error error;
    enum trial_outcome outcome = OUTCOME_NONE;
    struct unit_standing standing;
    float margins[POINTS * SAMPLES];
    struct results_row *row = NULL;
    struct results_writer *writer = open_new(path_of("through.h5")), *direct = open_new(path_of("direct.h5"));
    const struct results_remote remote = {.context = writer, .call = hand_over};
    struct results_writer *other = other_of(writer, &remote);
    const struct trial_ending ending = ending_done();
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    for (int64_t trial = 0; trial < 3; trial++) {
        fill_row(row, trial);
        must(results_begin(other, trial, &error), &error);
        must(results_write(other, trial, row, &ending, &error), &error);
        assert_int_equal(enum_at(path_of("through.h5"), "/trials/state", trial), TRIAL_RUNNING);
        must(results_settle(other, &error), &error);
        assert_int_equal(enum_at(path_of("through.h5"), "/trials/state", trial), TRIAL_COMMITTED);
        run_trial(direct, trial);
    }
    must(results_outcome(other, 1, &outcome, &error), &error);
    assert_int_equal(outcome, OUTCOME_DONE);
    must(results_standing(other, 1, &standing, &error), &error);
    assert_true(standing.state == TRIAL_COMMITTED && standing.outcome == OUTCOME_DONE && standing.this_session);
    must(results_fetch(other, ROW_MARGINS, 2, margins, &error), &error);
    for (int i = 0; i < POINTS * SAMPLES; i++)
        assert_true(margins[i] == margin_of(2, i));
    assert_int_equal(calls, 3 * 3 + 3);
    results_row_destroy(&row);
    must(results_close(&writer, &error), &error);
    must(results_close(&direct, &error), &error);
    size_t sizes[2];
    unsigned char *one = file_bytes(path_of("through.h5"), &sizes[0]);
    unsigned char *two = file_bytes(path_of("direct.h5"), &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(one, two, sizes[0]);
    free(one);
    free(two);
}

static void a_failure_of_rank_0_is_the_askers_too(void **state)
{
    (void)state;
    struct error error;
    const char *path = path_of("gone.h5");
    struct results_writer *writer = open_new(path);
    const struct results_remote remote = {.context = writer, .call = hand_over};
    struct results_writer *other = other_of(writer, &remote);
    unlink(path);
    assert_int_equal(results_begin(other, 0, &error), STATUS_IO);
    expect_message(&error, "was removed");
    (void)results_close(&writer, &error);
}

static void a_request_for_what_is_not_there_is_refused(void **state)
{
    (void)state;
    struct error error;
    float margins[POINTS * SAMPLES];
    struct results_writer *writer = open_new(path_of("refused.h5"));
    const struct results_remote remote = {.context = writer, .call = hand_over};
    struct results_writer *other = other_of(writer, &remote);
    assert_int_equal(remote_begin(other, TRIALS, &error), STATUS_INTERNAL);
    assert_int_equal(remote_begin(other, -1, &error), STATUS_INTERNAL);
    assert_int_equal(remote_fetch(other, ROW_MARGINS, TRIALS, margins, &error), STATUS_INTERNAL);
    char bytes[8] = "nothing", reply[2000] = "";
    results_serve(writer, bytes, sizeof bytes, reply, sizeof reply);
    assert_memory_not_equal(reply, (char[64]){0}, 64);
    results_serve(writer, bytes, sizeof bytes, reply, 4);
    must(results_close(&writer, &error), &error);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_goes_through_rank_0_is_what_the_rank_would_have_written),
    cmocka_unit_test(a_failure_of_rank_0_is_the_askers_too),
    cmocka_unit_test(a_request_for_what_is_not_there_is_refused),
};

RUN_TESTS(tests)
