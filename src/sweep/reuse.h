/* reuse.h - committed rows of older results files for the trials of this sweep that are the same: by identity. */
#ifndef SEEDBED_SWEEP_REUSE_H
#define SEEDBED_SWEEP_REUSE_H

#include "sweep/resume.h"
#include "sweep/schema.h"

struct reuse_result {
    int64_t taken;
    int64_t damaged;        /* the same trial, but its row is not what its checksum says: not taken */
    struct text provenance; /* lines: what differs between what made the old file and this engine; owned */
};

/* Commits every trial that has no row yet and that the file at path has done or diverged; notes them in resume. Their
 * checksums are verified on the way. A trial that failed or ran out of time is not taken. Rank 0 alone. */
enum status reuse_file(const char *path, const struct plan *plan, const struct schema *schema,
                       struct results_writer *writer, struct resume *resume, struct reuse_result *out,
                       struct error *error);

#endif
