#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include <cmocka.h>

static void a_process_knows_when_it_was_started(void **state)
{
    (void)state;
    const double before = clock_wall();
    const pid_t child = fork();
    if (child == 0) {
        clock_sleep(0.3);
        const double start = clock_process_start();
        _exit(start > before - 0.05 && start < clock_wall() - 0.25 ? 0 : 1);
    }
    int how = 1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    assert_true(clock_process_start() <= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_process_knows_when_it_was_started)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
