/* disk.h - whether a folder's file system does what a results file needs. */
#ifndef SEEDBED_RESULTS_DISK_H
#define SEEDBED_RESULTS_DISK_H

#include "base/findings.h"

/* Makes a small file in the folder, tries writing, locks and independent writes through MPI-IO on it, and removes it.
 * findings: rank 0's. communicator: an MPI_Comm by address. Collective. */
enum status disk_examine(const char *folder, const void *communicator, struct findings *findings, struct error *error);

/* "nfs", "lustre", "ext", ...; "unknown type" where the system does not say. Static. */
const char *disk_type(const char *folder);

#endif
