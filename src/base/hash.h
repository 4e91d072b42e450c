/* hash.h - XXH3, for identities, digests and checksums: not against malice. */
#ifndef SEEDBED_BASE_HASH_H
#define SEEDBED_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

enum { HASH_TEXT_BYTES = 33 };

struct hash128 hash_bytes128(const void *data, size_t bytes);
uint64_t hash_bytes64(const void *data, size_t bytes, uint64_t seed);

/* 32 lower-case hexadecimal digits and an end. */
void hash_text(struct hash128 hash, char text[HASH_TEXT_BYTES]);

#endif
