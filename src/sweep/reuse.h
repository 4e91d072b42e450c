/* reuse.h - committed rows of older results files for the trials and pairs of this sweep that are the same: by
 * identity.
 */
#ifndef SEEDBED_SWEEP_REUSE_H
#define SEEDBED_SWEEP_REUSE_H

#include "sweep/resume.h"
#include "sweep/schema.h"

/* Commits every trial that has no row yet and that the file at path has done or diverged, and every pair that it has
 * done and both of whose trials were just taken from it, so that they are what it was compared from; notes them in
 * resume, and says in the log how many there were. Checksums are verified on the way. What failed or ran out of time is
 * not taken. Rank 0 alone. */
enum status reuse_file(const char *path, const struct plan *plan, const struct schema *schema,
                       struct results_writer *writer, struct resume *resume, struct error *error);

#endif
