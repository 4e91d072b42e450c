#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/idx.h"
#include "folder.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

enum { ROWS = 3, VALUES = 2 * ROWS * 4, FILE_BYTES_MAX = 4096 };

static const int dimensions[3] = {2, ROWS, 4};
static char folder[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
static uint8_t values[VALUES], bytes[FILE_BYTES_MAX];
static size_t count;

static int set_up(void **state)
{
    (void)state;
    folder_create(folder);
    folder_path(folder, "images", path);
    for (int i = 0; i < VALUES; i++)
        values[i] = (uint8_t)(7 * i);
    count = idx_bytes_of(3, dimensions, values, VALUES, bytes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_balance() == 0 ? 0 : -1;
}

/* Opens and reads; the message when that fails. */
static enum status read_file(int rank, uint8_t *out, char text[ERROR_TEXT_BYTES])
{
    struct error error = {0};
    struct idx_file *file = NULL;
    enum status status = idx_open(path, rank, &file, &error);
    if (status == STATUS_OK)
        status = idx_read(file, out, &error);
    idx_close(&file);
    idx_close(&file);
    memcpy(text, error.text, ERROR_TEXT_BYTES);
    return status;
}

static void expect_failure(int rank, enum status wanted, const char *part)
{
    uint8_t out[VALUES];
    char text[ERROR_TEXT_BYTES];
    assert_int_equal(read_file(rank, out, text), wanted);
    if (strstr(text, part) == NULL || strncmp(text, path, strlen(path)) != 0)
        fail_msg("expected the path and '%s' in: %s", part, text);
}

static void expect_values(void)
{
    uint8_t out[VALUES] = {0};
    char text[ERROR_TEXT_BYTES];
    assert_int_equal(read_file(3, out, text), STATUS_OK);
    assert_memory_equal(out, values, VALUES);
}

static void raw_and_gzipped_files_are_read(void **state)
{
    (void)state;
    file_write(path, bytes, count, false);
    expect_values();
    file_write(path, bytes, count, true);
    expect_values();
}

static void the_header_is_lent(void **state)
{
    (void)state;
    struct error error;
    struct idx_file *file = NULL;
    file_write(path, bytes, count, true);
    assert_int_equal(idx_open(path, 3, &file, &error), STATUS_OK);
    assert_memory_equal(idx_dimensions(file), dimensions, sizeof dimensions);
    assert_int_equal(idx_bytes(file), VALUES);
    idx_close(&file);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    expect_failure(3, STATUS_BAD_DATA, "cannot open: No such file");
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < count; cut++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, cut < 16 ? "ends at byte %zu" : "the file has %zu bytes: truncated", cut);
        file_write(path, bytes, cut, false);
        expect_failure(3, STATUS_BAD_DATA, wanted);
        snprintf(wanted, sizeof wanted, "ends at byte %zu", cut);
        file_write(path, bytes, cut, true);
        expect_failure(3, STATUS_BAD_DATA, wanted);
    }
}

static void trailing_bytes_are_an_error(void **state)
{
    (void)state;
    bytes[count] = 1;
    file_write(path, bytes, count + 1, false);
    expect_failure(3, STATUS_BAD_DATA, "expected the end of the file at byte 40");
    file_write(path, bytes, count + 1, true);
    expect_failure(3, STATUS_BAD_DATA, "expected the end of the file at byte 40");
}

static void a_foreign_magic_is_shown(void **state)
{
    (void)state;
    bytes[2] = 0x0d;
    file_write(path, bytes, count, false);
    expect_failure(3, STATUS_BAD_DATA,
                   "byte 0: expected the IDX magic 00 00 08 03 (unsigned bytes, 3 dimensions), "
                   "found 00 00 0d 03");
    expect_failure(1, STATUS_BAD_DATA, "00 00 08 01 (unsigned bytes, 1 dimension)");
}

static void an_empty_dimension_is_an_error(void **state)
{
    (void)state;
    bytes[11] = 0;
    file_write(path, bytes, count, false);
    expect_failure(3, STATUS_BAD_DATA, "byte 8: expected a dimension of 1 to 2147483647, found 0");
}

static void a_header_that_promises_too_much_costs_no_memory(void **state)
{
    (void)state;
    bytes[4] = 0x20; /* 2^29 images */
    file_write(path, bytes, count, true);
    expect_failure(3, STATUS_BAD_DATA, "the header promises");
    memset(bytes + 4, 0x7f, 12);
    file_write(path, bytes, count, true);
    expect_failure(3, STATUS_BAD_DATA, "byte 8: the dimensions promise more than 2^47 bytes");
}

static void a_damaged_gzip_file_is_said_so(void **state)
{
    (void)state;
    uint8_t disk[FILE_BYTES_MAX];
    file_write(path, bytes, count, true);
    const size_t size = file_read(path, disk, sizeof disk);
    disk[size - 8] ^= 1; /* its checksum */
    file_write(path, disk, size, false);
    expect_failure(3, STATUS_BAD_DATA, "damaged gzip file at byte ");
    file_write(path, disk, size - 9, false);
    expect_failure(3, STATUS_BAD_DATA, "damaged gzip file at byte ");
}

static void a_folder_is_not_a_file(void **state)
{
    (void)state;
    char here[FOLDER_PATH_BYTES];
    memcpy(here, path, sizeof here);
    memcpy(path, folder, sizeof path);
    expect_failure(3, STATUS_IO, "Is a directory");
    memcpy(path, here, sizeof path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(raw_and_gzipped_files_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_header_is_lent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_truncation_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trailing_bytes_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_magic_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_dimension_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_that_promises_too_much_costs_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_gzip_file_is_said_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_is_not_a_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
