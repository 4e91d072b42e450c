#define XXH_INLINE_ALL
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

struct hash128 hash_bytes128(const void *data, size_t bytes)
{
    const XXH128_hash_t hash = XXH3_128bits(data, bytes);
    return (struct hash128){.high = hash.high64, .low = hash.low64};
}

uint64_t hash_bytes64(const void *data, size_t bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, bytes, seed);
}

void hash_text(struct hash128 hash, char text[HASH_TEXT_BYTES])
{
    snprintf(text, HASH_TEXT_BYTES, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}
