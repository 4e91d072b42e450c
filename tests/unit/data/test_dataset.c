#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "seedbed/dataset.h"

/* Last: its macro `fail` would hide the function. */
#include <cmocka.h>

static const struct dataset_shape shape = {
    .sample = {.height = 2, .width = 3, .channels = 1}, .type = SAMPLE_FLOAT32, .classes = 3, .count = {5, 2}};

static struct dataset *make(const struct dataset_shape *wanted)
{
    struct dataset *dataset = NULL;
    assert_int_equal(dataset_allocate(wanted, &dataset, NULL), STATUS_OK);
    return dataset;
}

static void the_block_holds_all_parts_aligned_and_apart(void **state)
{
    (void)state;
    struct dataset *dataset = make(&shape);
    const unsigned char *const block = (const unsigned char *)dataset;
    const size_t sizes[DATASET_PARTS][2] = {{5 * 6 * sizeof(float), 5 * sizeof(int16_t)},
                                            {2 * 6 * sizeof(float), 2 * sizeof(int16_t)}};
    const unsigned char *end = block + sizeof *dataset;
    for (int part = 0; part < DATASET_PARTS; part++) {
        const unsigned char *values = dataset_values_const(dataset, part);
        const unsigned char *labels = (const unsigned char *)dataset_labels_const(dataset, part);
        assert_true(values >= end && (uintptr_t)values % 64 == 0);
        assert_true(labels >= values + sizes[part][0] && (uintptr_t)labels % 64 == 0);
        end = labels + sizes[part][1];
    }
    assert_true(end <= block + dataset->bytes);
    dataset_destroy(&dataset);
    dataset_destroy(&dataset);
    assert_int_equal(memory_balance(), 0);
}

static void a_copy_of_the_block_is_the_data_set(void **state)
{
    (void)state;
    struct dataset *dataset = make(&shape);
    ((float *)dataset_values(dataset, PART_TEST))[11] = 7;
    _Alignas(64) unsigned char copy[1024];
    assert_in_range(dataset->bytes, 1, sizeof copy);
    memcpy(copy, dataset, dataset->bytes);
    const float *values = dataset_values_const((const struct dataset *)(const void *)copy, PART_TEST);
    assert_true(values[11] > 6);
    dataset_destroy(&dataset);
}

static void expect_another_digest(const struct dataset *one, struct dataset *other)
{
    dataset_seal(other);
    assert_memory_not_equal(one->digest, other->digest, sizeof one->digest);
}

static void the_digest_feels_shape_values_and_labels_of_both_parts(void **state)
{
    (void)state;
    struct dataset_shape other_shape = shape;
    other_shape.classes = 4;
    struct dataset *one = make(&shape), *other = make(&other_shape);
    dataset_seal(one);
    expect_another_digest(one, other);
    dataset_destroy(&other);
    other = make(&shape);
    for (int part = 0; part < DATASET_PARTS; part++) {
        dataset_labels(other, part)[1] = 2;
        expect_another_digest(one, other);
        dataset_labels(other, part)[1] = 0;
        ((float *)dataset_values(other, part))[11] = 1;
        expect_another_digest(one, other);
        ((float *)dataset_values(other, part))[11] = 0;
    }
    dataset_seal(other);
    assert_memory_equal(one->digest, other->digest, sizeof one->digest);
    dataset_destroy(&one);
    dataset_destroy(&other);
}

static void expect_refusal(struct dataset_shape wrong, enum status status, const char *part)
{
    struct error error = {0};
    struct dataset *dataset = NULL;
    assert_int_equal(dataset_allocate(&wrong, &dataset, &error), status);
    assert_null(dataset);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected '%s' in: %s", part, error.text);
}

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    struct dataset_shape wrong = shape;
    wrong.count[PART_TEST] = 0;
    expect_refusal(wrong, STATUS_BAD_DATA, "5 training and 0 test samples");
    wrong = shape;
    wrong.classes = 1;
    expect_refusal(wrong, STATUS_BAD_DATA, "1 classes: 2 to 32767 are possible");
    wrong = shape;
    wrong.sample.width = 0;
    expect_refusal(wrong, STATUS_BAD_DATA, "2 x 0 x 1 values is empty");
    wrong = shape;
    wrong.sample.width = wrong.sample.height = wrong.count[PART_TRAIN] = INT32_MAX;
    expect_refusal(wrong, STATUS_NO_MEMORY, "does not fit in memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_holds_all_parts_aligned_and_apart),
        cmocka_unit_test(a_copy_of_the_block_is_the_data_set),
        cmocka_unit_test(the_digest_feels_shape_values_and_labels_of_both_parts),
        cmocka_unit_test(impossible_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
