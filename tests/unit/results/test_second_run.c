#include "results/second_run.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "unit/results/fixture.h"

static const double patience = 0.5;

/* A file whose last session is of this host and process and has this ending. */
static const char *file_of(const char *host, int64_t process, const char *ending)
{
    static char path[640];
    static int number;
    char name[32];
    struct error error;
    struct results_session session = {.started = 1.7e9, .process = process, .ranks = 1, .engine = "0.1.0"};
    snprintf(name, sizeof name, "run-%d.h5", number++);
    snprintf(path, sizeof path, "%s", path_of(name));
    snprintf(session.host, sizeof session.host, "%s", host);
    struct results_writer *writer = open_new(path);
    must(results_session_begin(writer, &session, &error), &error);
    if (strcmp(ending, "running") != 0)
        must(results_session_end(writer, ending, &error), &error);
    must(results_close(&writer, &error), &error);
    return path;
}

static const char *here(void)
{
    static char host[HOST_BYTES];
    gethostname(host, sizeof host - 1);
    return host;
}

/* Whether the check let it pass, and waited or not. */
static void expect_pass(const char *path, bool locked, bool after_waiting)
{
    struct error error;
    const double start = clock_monotonic();
    must(second_run_check(path, locked, patience, &error), &error);
    assert_true((clock_monotonic() - start >= patience) == after_waiting);
}

static void a_run_that_ended_is_no_second_run(void **state)
{
    (void)state;
    expect_pass(file_of("elsewhere", 1, "complete"), true, false);
    expect_pass(file_of("elsewhere", 1, "stopped"), false, false);
}

static void on_this_host_the_lock_or_the_process_decides(void **state)
{
    (void)state;
    expect_pass(file_of(here(), getpid(), "running"), true, false);
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    expect_pass(file_of(here(), child, "running"), false, false);
    expect_pass(file_of(here(), getpid(), "running"), false, true);
}

static void a_run_elsewhere_that_no_longer_touches_the_file_is_over(void **state)
{
    (void)state;
    expect_pass(file_of("elsewhere", 1, "running"), true, true);
    expect_pass(file_of("elsewhere", 1, "running"), false, true);
}

static void a_run_elsewhere_that_touches_the_file_is_named(void **state)
{
    (void)state;
    struct error error;
    const char *path = file_of("elsewhere", 4321, "running");
    const pid_t child = fork();
    if (child == 0) {
        clock_sleep(patience / 5);
        execlp("touch", "touch", path, (char *)NULL);
        _exit(1);
    }
    assert_int_equal(second_run_check(path, true, 20 * patience, &error), STATUS_BUSY);
    waitpid(child, NULL, 0);
    expect_message(&error, "process 4321 on elsewhere, since 2023-11-14 22:13:20 UTC");
}

static void a_beat_touches_the_file_but_not_its_content(void **state)
{
    (void)state;
    struct error error;
    struct stat before, after;
    size_t size = 0;
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const char *path = path_of("beat.h5");
    struct results_writer *writer = open_new(path);
    unsigned char *then = file_bytes(path, &size);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    results_session_beat(writer);
    assert_int_equal(stat(path, &before), 0);
    assert_true(before.st_mtim.tv_sec > 1000);
    clock_sleep(0.02);
    results_session_beat(writer);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    unsigned char *now = file_bytes(path, &size);
    assert_memory_equal(then, now, size);
    free(then);
    free(now);
    must(results_close(&writer, &error), &error);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_run_that_ended_is_no_second_run),
    cmocka_unit_test(on_this_host_the_lock_or_the_process_decides),
    cmocka_unit_test(a_run_elsewhere_that_no_longer_touches_the_file_is_over),
    cmocka_unit_test(a_run_elsewhere_that_touches_the_file_is_named),
    cmocka_unit_test(a_beat_touches_the_file_but_not_its_content),
};

RUN_TESTS(tests)
