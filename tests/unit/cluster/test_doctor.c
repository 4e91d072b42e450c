#include "cluster/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum level level_of(void (*judge)(const char *version, struct findings *findings), const char *version)
{
    struct findings findings = {0};
    judge(version, &findings);
    assert_non_null(strstr(findings.text.data, version));
    text_free(&findings.text);
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (findings.count[level] == 1)
            return (enum level)level;
    return LEVEL_COUNT;
}

static void versions_of_open_mpi_that_damage_files_are_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {"Open MPI v2.1.6", "Open MPI v3.0.3", "Open MPI v3.1.3", "Open MPI v4.0.0"};
    static const char *const good[] = {"Open MPI v3.0.4", "Open MPI v3.1.4", "Open MPI v4.0.1", "Open MPI v4.1.4",
                                       "Open MPI v5.0.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(level_of(doctor_judge_mpi, bad[i]), LEVEL_BAD);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(level_of(doctor_judge_mpi, good[i]), LEVEL_OK);
    assert_int_equal(level_of(doctor_judge_mpi, "MPICH Version 4.0.2"), LEVEL_WARN);
}

static void the_version_of_hdf5_that_reads_wrongly_in_parallel_is_bad(void **state)
{
    (void)state;
    assert_int_equal(level_of(doctor_judge_hdf5, "HDF5 1.10.5"), LEVEL_BAD);
    assert_int_equal(level_of(doctor_judge_hdf5, "HDF5 1.10.8"), LEVEL_OK);
    assert_int_equal(level_of(doctor_judge_hdf5, "HDF5 1.14.3"), LEVEL_OK);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(versions_of_open_mpi_that_damage_files_are_bad),
    cmocka_unit_test(the_version_of_hdf5_that_reads_wrongly_in_parallel_is_bad),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
