/* parallel.h - the little that the results file needs of MPI. communicator: an MPI_Comm by address. */
#ifndef SEEDBED_RESULTS_PARALLEL_H
#define SEEDBED_RESULTS_PARALLEL_H

#include <hdf5.h>

#include "seedbed/status.h"

enum status parallel_rank(const void *communicator, int *rank, struct error *error);

/* Every rank gets the status and message of the first rank that is not well. Collective. */
enum status parallel_agree(const void *communicator, enum status mine, struct error *error);

/* Rank 0's value to all. Collective. */
enum status parallel_broadcast(const void *communicator, int32_t *value, struct error *error);

/* Whether the last rank can write to the file through MPI-IO and rank 0 then reads it: STATUS_IO or STATUS_MPI with the
 * reason, the same on all ranks. path: rank 0's, given to the others in their [bytes]. Collective. */
enum status parallel_try_write(const void *communicator, char *path, size_t bytes, struct error *error);

/* Opens an HDF5 file for reading and writing through MPI-IO; negative on failure. Collective, or with a NULL
 * communicator by this rank alone. */
hid_t parallel_open_file(const void *communicator, const char *path);

#endif
