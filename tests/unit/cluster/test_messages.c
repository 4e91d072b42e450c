#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "cluster/messages.h"
#include "results/results.h"
#include "seedbed/random.h"

#include <cmocka.h>

static void every_kind_has_a_name_and_is_accepted_from_its_side_only(void **state)
{
    (void)state;
    for (int kind = 0; kind < MESSAGE_COUNT; kind++) {
        struct message message = message_make((enum message_kind)kind);
        message.trial = 3;
        const bool root = kind >= MESSAGE_START;
        assert_string_not_equal(message_name(message.kind), "unknown");
        assert_int_equal(message_check(&message, root, 4, NULL), STATUS_OK);
        assert_int_equal(message_check(&message, !root, 4, NULL), STATUS_MPI);
    }
}

static void a_trial_outside_the_sweep_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct message message = message_make(MESSAGE_ENDED);
    assert_int_equal(message_check(&message, false, 4, &error), STATUS_MPI);
    message.trial = 4;
    assert_int_equal(message_check(&message, false, 4, &error), STATUS_MPI);
    assert_non_null(strstr(error.text, "ENDED names trial 4 of 4"));
    message.trial = 3;
    assert_int_equal(message_check(&message, false, 4, &error), STATUS_OK);
}

static void a_value_outside_its_table_is_refused(void **state)
{
    (void)state;
    struct message ended = message_make(MESSAGE_ENDED), left = message_make(MESSAGE_LEFT);
    ended.trial = 0;
    ended.value = OUTCOME_COUNT;
    left.value = STATUS_INTERNAL + 1;
    assert_int_equal(message_check(&ended, false, 1, NULL), STATUS_MPI);
    assert_int_equal(message_check(&left, false, 1, NULL), STATUS_MPI);
    ended.value = left.value = -1;
    assert_int_equal(message_check(&ended, false, 1, NULL), STATUS_MPI);
    assert_int_equal(message_check(&left, false, 1, NULL), STATUS_MPI);
    left.value = STATUS_INTERNAL;
    assert_int_equal(message_check(&left, false, 1, NULL), STATUS_OK);
}

static void random_bytes_are_not_taken_for_a_message(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_METRIC, 5, 0);
    for (int repeat = 0; repeat < 100000; repeat++) {
        uint32_t words[sizeof(struct message) / sizeof(uint32_t)];
        struct message message;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            words[i] = random_word(&random);
        memcpy(&message, words, sizeof message);
        assert_int_equal(message_check(&message, repeat % 2 == 0, 100, NULL), STATUS_MPI);
    }
}

static void random_fields_behind_a_true_mark_are_accepted_only_in_range(void **state)
{
    (void)state;
    struct random random = random_start(STREAM_METRIC, 6, 0);
    int accepted = 0;
    for (int repeat = 0; repeat < 100000; repeat++) {
        struct message message = message_make(MESSAGE_ENDED);
        message.kind = (uint16_t)random_below(&random, 12);
        message.value = (int16_t)((int)random_below(&random, 40) - 20);
        message.trial = (int64_t)random_below(&random, 40) - 20;
        const bool ok = message_check(&message, false, 10, NULL) == STATUS_OK;
        accepted += ok;
        if (ok && message.kind == MESSAGE_ENDED)
            assert_true(message.trial >= 0 && message.trial < 10 && message.value >= 0 &&
                        message.value < OUTCOME_COUNT);
    }
    assert_in_range(accepted, 1, 99999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_and_is_accepted_from_its_side_only),
        cmocka_unit_test(a_trial_outside_the_sweep_is_refused),
        cmocka_unit_test(a_value_outside_its_table_is_refused),
        cmocka_unit_test(random_bytes_are_not_taken_for_a_message),
        cmocka_unit_test(random_fields_behind_a_true_mark_are_accepted_only_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
