/* idx.h - reads IDX files of unsigned bytes, raw or gzipped. */
#ifndef SEEDBED_DATA_IDX_H
#define SEEDBED_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

enum { IDX_RANK_MAX = 3 };

struct idx_file;

/* Opens the file and checks its header: type, the wanted rank, and that the file can hold what the header promises.
 * STATUS_BAD_DATA with path, byte offset, what was expected and found. *out owned by the caller (idx_close). */
enum status idx_open(const char *path, int rank, struct idx_file **out, struct error *error);

/* Lends the rank's dimensions, each at least 1. */
const int *idx_dimensions(const struct idx_file *file);
/* Bytes of values after the header. */
size_t idx_bytes(const struct idx_file *file);

/* Reads all values into values [idx_bytes] and checks that the file ends there. Once. */
enum status idx_read(struct idx_file *file, uint8_t *values, struct error *error);

/* Takes NULL and twice. */
void idx_close(struct idx_file **file);

#endif
