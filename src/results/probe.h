/* probe.h - a file is first read by a process that may crash: HDF5 does, on some damaged files. */
#ifndef SEEDBED_RESULTS_PROBE_H
#define SEEDBED_RESULTS_PROBE_H

#include "seedbed/status.h"

/* Calls read_file in a process of its own and returns what it returned, or STATUS_BAD_RESULTS when it crashed or hung.
 * Only what passes should be opened: HDF5 may also crash at the end of a process that could not open a file. */
enum status probe_file(const char *path, enum status (*read_file)(const char *path, struct error *error),
                       struct error *error);

#endif
