/* sweep_file.h - a sweep file's bytes and where it stands. Any rank; `run` reads it on rank 0 and sends it to the
 * others. */
#ifndef SEEDBED_SWEEP_SWEEP_FILE_H
#define SEEDBED_SWEEP_SWEEP_FILE_H

#include <stddef.h>

#include "seedbed/status.h"
#include "sweep/plan.h"

/* Owned: three texts one after another in one block, so that it can be sent whole. */
struct sweep_file {
    char *block; /* path, folder, text; each ended by a zero byte */
    size_t bytes;
};

enum status sweep_file_read(const char *path, struct sweep_file *out, struct error *error);
void sweep_file_free(struct sweep_file *file);

/* A request that lends the file's texts; file may have come from another rank. */
struct plan_request sweep_file_request(const struct sweep_file *file, const char *const *sets, int set_count);

#endif
