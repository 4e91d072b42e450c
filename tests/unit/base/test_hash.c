#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* XXH3 of nothing, as published with the algorithm: identities in files depend on these. */
static void hashes_of_nothing_are_as_published(void **state)
{
    (void)state;
    char text[HASH_TEXT_BYTES];
    hash_text(hash_bytes128("", 0), text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    assert_true(hash_bytes64("", 0, 0) == 0x2d06800538d394c2u);
}

static void text_has_leading_zeros(void **state)
{
    (void)state;
    char text[HASH_TEXT_BYTES];
    hash_text((struct hash128){.high = 1, .low = 0xab}, text);
    assert_string_equal(text, "000000000000000100000000000000ab");
}

static void every_byte_and_the_seed_count(void **state)
{
    (void)state;
    unsigned char data[300] = {0};
    const uint64_t zero = hash_bytes64(data, sizeof data, 0);
    const struct hash128 zero128 = hash_bytes128(data, sizeof data);
    assert_true(zero != hash_bytes64(data, sizeof data, 1));
    assert_true(zero != hash_bytes64(data, sizeof data - 1, 0));
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = 1;
        const struct hash128 other = hash_bytes128(data, sizeof data);
        assert_true(zero != hash_bytes64(data, sizeof data, 0));
        assert_true(other.high != zero128.high && other.low != zero128.low);
        data[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_nothing_are_as_published),
        cmocka_unit_test(text_has_leading_zeros),
        cmocka_unit_test(every_byte_and_the_seed_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
