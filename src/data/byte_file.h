/* byte_file.h - a file's bytes from first to last, raw or gzipped.
 * Offsets, here and in messages, count the bytes of the uncompressed content. */
#ifndef SEEDBED_DATA_BYTE_FILE_H
#define SEEDBED_DATA_BYTE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

struct byte_file;

/* STATUS_BAD_DATA with the path when it cannot be opened. *out owned by the caller (byte_file_close). */
enum status byte_file_open(const char *path, struct byte_file **out, struct error *error);

/* Lends the path. */
const char *byte_file_path(const struct byte_file *file);
/* Bytes read so far. */
uint64_t byte_file_offset(const struct byte_file *file);

/* Reads up to `bytes` bytes, *count of them; fewer only where the file ends in good order. */
enum status byte_file_read(struct byte_file *file, uint8_t *out, size_t bytes, size_t *count, struct error *error);

/* The most bytes that the content can have by the file's size on disk; exact when it is raw. UINT64_MAX for what is no
 * regular file. After the first read. */
enum status byte_file_bound(const struct byte_file *file, uint64_t *most, bool *exact, struct error *error);

/* Takes NULL and twice. */
void byte_file_close(struct byte_file **file);

#endif
