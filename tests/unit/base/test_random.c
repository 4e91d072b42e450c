#include "seedbed/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The known answers of Philox4x32-10 that come with Random123. A counter is (position low, position high, substream,
 * stream) and a key is the seed; streams beyond ours are reached by a cast. */
struct known_answer {
    uint32_t counter[4], key[2], words[4];
};

static const struct known_answer known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

static void blocks_are_the_known_answers_of_philox(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known_answers / sizeof known_answers[0]; i++) {
        const struct known_answer *known = &known_answers[i];
        uint32_t words[4];
        random_block((enum random_stream)known->counter[3], (uint64_t)known->key[1] << 32 | known->key[0],
                     known->counter[2], (uint64_t)known->counter[1] << 32 | known->counter[0], words);
        assert_memory_equal(words, known->words, sizeof words);
    }
}

static void a_cursor_reads_the_blocks_in_order(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_ORDER, 7, 3);
    for (uint64_t position = 0; position < 5; position++) {
        uint32_t words[4];
        random_block(STREAM_ORDER, 7, 3, position, words);
        for (int i = 0; i < 4; i++)
            assert_int_equal(random_word(&random), words[i]);
    }
}

static void a_copied_cursor_goes_on_alike(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_INIT, 1, 0);
    random_word(&random);
    struct random copy = random;
    for (int i = 0; i < 9; i++)
        assert_int_equal(random_word(&random), random_word(&copy));
}

static void streams_seeds_and_substreams_differ(void **state)
{
    (void)state;
    struct random all[] = {random_start(STREAM_INIT, 0, 0), random_start(STREAM_ORDER, 0, 0),
                           random_start(STREAM_INIT, 1, 0), random_start(STREAM_INIT, 0, 1),
                           random_start(STREAM_INIT, (uint64_t)1 << 32, 0)};
    enum { COUNT = sizeof all / sizeof all[0] };
    uint32_t first[COUNT];
    for (int i = 0; i < COUNT; i++) {
        first[i] = random_word(&all[i]);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(first[i], first[j]);
    }
}

static void uniform_numbers_fill_the_unit_interval(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct random random = random_start(STREAM_DATA, 5, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double x = random_uniform(&random);
        assert_true(x >= 0 && x < 1);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.005);
    assert_true(fabs(squares / DRAWS - 1.0 / 3) < 0.005);
}

static void normal_numbers_have_the_moments_of_the_normal(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    struct random random = random_start(STREAM_DATA, 6, 0);
    double powers[5] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const double x = random_normal(&random);
        for (int p = 1; p <= 4; p++)
            powers[p] += pow(x, p);
    }
    assert_true(fabs(powers[1] / DRAWS) < 0.01);
    assert_true(fabs(powers[2] / DRAWS - 1) < 0.02);
    assert_true(fabs(powers[3] / DRAWS) < 0.04);
    assert_true(fabs(powers[4] / DRAWS - 3) < 0.12);
}

static void bounded_numbers_are_equally_likely(void **state)
{
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    struct random random = random_start(STREAM_SUBSET, 2, 0);
    int counts[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const uint32_t x = random_below(&random, BOUND);
        assert_true(x < BOUND);
        counts[x]++;
    }
    double chi_squared = 0;
    for (int i = 0; i < BOUND; i++)
        chi_squared += pow(counts[i] - DRAWS / BOUND, 2) / (DRAWS / BOUND);
    assert_true(chi_squared < 22.5); /* 6 degrees of freedom: 0.999 quantile */
}

/* A bound of three quarters of the range: without rejection the low third would come twice as often. */
static void large_bounds_are_without_bias(void **state)
{
    (void)state;
    enum { DRAWS = 30000 };
    struct random random = random_start(STREAM_SUBSET, 3, 0);
    int low = 0;
    for (int i = 0; i < DRAWS; i++)
        low += random_below(&random, 0xc0000000) < 0x40000000;
    assert_true(abs(low - DRAWS / 3) < 350);
}

static void a_bound_of_one_gives_zero(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_SUBSET, 3, 0);
    assert_int_equal(random_below(&random, 1), 0);
}

static void a_permutation_has_every_number_once(void **state)
{
    (void)state;
    enum { SIZE = 1000 };
    int32_t out[SIZE];
    bool seen[SIZE] = {false};
    struct random random = random_start(STREAM_ORDER, 4, 0);
    random_permutation(&random, SIZE, out);
    for (int i = 0; i < SIZE; i++) {
        assert_in_range(out[i], 0, SIZE - 1);
        assert_false(seen[out[i]]);
        seen[out[i]] = true;
    }
}

static void permutations_of_three_are_equally_likely(void **state)
{
    (void)state;
    enum { DRAWS = 60000 };
    struct random random = random_start(STREAM_ORDER, 8, 0);
    int counts[27] = {0};
    for (int i = 0; i < DRAWS; i++) {
        int32_t out[3];
        random_permutation(&random, 3, out);
        counts[9 * out[0] + 3 * out[1] + out[2]]++;
    }
    int kinds = 0;
    for (int i = 0; i < 27; i++)
        if (counts[i] > 0) {
            kinds++;
            assert_true(abs(counts[i] - DRAWS / 6) < 400);
        }
    assert_int_equal(kinds, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_known_answers_of_philox),
        cmocka_unit_test(a_cursor_reads_the_blocks_in_order),
        cmocka_unit_test(a_copied_cursor_goes_on_alike),
        cmocka_unit_test(streams_seeds_and_substreams_differ),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval),
        cmocka_unit_test(normal_numbers_have_the_moments_of_the_normal),
        cmocka_unit_test(bounded_numbers_are_equally_likely),
        cmocka_unit_test(large_bounds_are_without_bias),
        cmocka_unit_test(a_bound_of_one_gives_zero),
        cmocka_unit_test(a_permutation_has_every_number_once),
        cmocka_unit_test(permutations_of_three_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
