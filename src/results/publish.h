/* publish.h - a file appears under its name when it is whole and on disk, or not at all. */
#ifndef SEEDBED_RESULTS_PUBLISH_H
#define SEEDBED_RESULTS_PUBLISH_H

#include <stdint.h>

#include "seedbed/status.h"

enum { PUBLISH_PATH_BYTES = 4096 };

/* Refuses a path that exists and a file that does not fit on its disk. */
enum status publish_check(const char *path, int64_t bytes, struct error *error);

/* The name to write under: beside path, with this host and process in it, so that neither a left-over file nor another
 * creation is in the way. */
enum status publish_temporary(const char *path, char temporary[PUBLISH_PATH_BYTES], struct error *error);

/* After a good status: syncs the file, gives it its name without replacing another, syncs the folder. Else, or when
 * that fails, removes it. Returns what became of it. */
enum status publish_finish(const char *temporary, const char *path, enum status status, struct error *error);

#endif
