#include "results/probe.h"

#include <signal.h>

#include "unit/results/fixture.h"

static enum status reads_well(const char *path, struct error *error)
{
    (void)path, (void)error;
    return STATUS_OK;
}

static enum status refuses(const char *path, struct error *error)
{
    return (fail)(error, STATUS_BAD_RESULTS, "%s: is foreign", path);
}

static enum status crashes(const char *path, struct error *error)
{
    (void)path, (void)error;
    raise(SIGSEGV);
    return STATUS_OK;
}

static enum status aborts(const char *path, struct error *error)
{
    (void)path, (void)error;
    abort();
}

static enum status ends(const char *path, struct error *error)
{
    (void)path, (void)error;
    _exit(0);
}

static void a_file_that_can_be_read_passes(void **state)
{
    (void)state;
    struct error error;
    must(probe_file("sound.h5", reads_well, &error), &error);
}

static void a_refusal_is_passed_on_with_its_message(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe_file("bad.h5", refuses, &error), STATUS_BAD_RESULTS);
    assert_string_equal(error.text, "bad.h5: is foreign");
}

static void a_file_that_cannot_be_read_without_a_crash_is_damaged(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe_file("bad.h5", crashes, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "bad.h5: is damaged");
    expect_message(&error, "Segmentation fault");
    assert_int_equal(probe_file("bad.h5", aborts, &error), STATUS_BAD_RESULTS);
    expect_message(&error, "Aborted");
    assert_int_equal(probe_file("bad.h5", ends, &error), STATUS_INTERNAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_that_can_be_read_passes),
    cmocka_unit_test(a_refusal_is_passed_on_with_its_message),
    cmocka_unit_test(a_file_that_cannot_be_read_without_a_crash_is_damaged),
};

RUN_TESTS(tests)
