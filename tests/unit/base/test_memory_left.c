/* Trees of files as /proc and /sys have them, made by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/memory_left.h"

#include <cmocka.h>

static char root[256];

/* Makes the file and the folders above it. */
static void put(const char *path, const char *text)
{
    char whole[1024];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        mkdir(whole, 0777);
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "%s/seedbed-test-XXXXXX", getenv("TMPDIR") == NULL ? P_tmpdir : getenv("TMPDIR"));
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    char command[512];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static const char *const meminfo = "MemTotal:       1000 kB\nMemFree:          10 kB\nMemAvailable:    600 kB\n"
                                   "SwapTotal:       50 kB\nSwapFree:        40 kB\n";

static void without_groups_the_node_counts(void **state)
{
    (void)state;
    assert_true(isinf(memory_left_below(root)));
    put("/proc/meminfo", meminfo);
    assert_true(memory_left_below(root) == 640 * 1024);
    put("/proc/self/cgroup", "0::/\n");
    assert_true(memory_left_below(root) == 640 * 1024);
}

static void the_tightest_group_above_counts(void **state)
{
    (void)state;
    put("/proc/meminfo", meminfo);
    put("/proc/self/cgroup", "0::/job/step/task\n");
    put("/sys/fs/cgroup/job/step/task/memory.max", "max\n");
    put("/sys/fs/cgroup/job/step/task/memory.current", "1000\n");
    assert_true(memory_left_below(root) == 640 * 1024);
    put("/sys/fs/cgroup/job/memory.max", "90000\n");
    put("/sys/fs/cgroup/job/memory.current", "50000\n");
    put("/sys/fs/cgroup/job/memory.stat", "anon 1\nactive_file 77\ninactive_file 5000\n");
    assert_true(memory_left_below(root) == 45000);
    put("/sys/fs/cgroup/job/step/memory.max", "1000\n");
    put("/sys/fs/cgroup/job/step/memory.current", "2000\n");
    assert_true(memory_left_below(root) == 0);
}

static void groups_of_version_1_count_too(void **state)
{
    (void)state;
    put("/proc/meminfo", meminfo);
    put("/proc/self/cgroup", "5:cpu:/other\n4:memory:/job\n0::/\n");
    put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9000\n");
    put("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "4000\n");
    put("/sys/fs/cgroup/memory/job/memory.stat", "inactive_file 7\ntotal_inactive_file 100\n");
    assert_true(memory_left_below(root) == 5100);
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "6000\n"); /* as a container sees its own */
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "2000\n");
    assert_true(memory_left_below(root) == 4000);
}

static void what_is_not_there_is_not_promised(void **state)
{
    (void)state;
    void *block = NULL;
    struct error error = {0};
    const double left = memory_left();
    if (isinf(left))
        skip();
    assert_int_equal(memory_allocate(&block, (size_t)(2 * left), 1, "weights", &error), STATUS_NO_MEMORY);
    assert_non_null(strstr(error.text, "weights: no memory for"));
    assert_non_null(strstr(error.text, "use fewer ranks a node"));
    assert_null(block);
}

static void who_was_ended_for_lack_of_memory_is_counted(void **state)
{
    (void)state;
    assert_true(memory_kills_below(root) == -1);
    put("/proc/vmstat", "pgpgin 17\nold_oom_kill 9\noom_kill 3\nnuma_hit 5\n");
    assert_true(memory_kills_below(root) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_groups_the_node_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_tightest_group_above_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_of_version_1_count_too, set_up, tear_down),
        cmocka_unit_test(what_is_not_there_is_not_promised),
        cmocka_unit_test_setup_teardown(who_was_ended_for_lack_of_memory_is_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
