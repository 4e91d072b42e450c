/* recovery.h - a job that goes on without a rank that died: whether this is one, and how it ends.
 * Nothing collective can end it, MPI's own end included: each rank leaves by itself, and rank 0, the last of them,
 * leaves the exit code in a file, since the launcher does not pass it on (mpirun of Open MPI 4.1 ends with 0 whatever
 * ranks end with, and over several hosts not at all once a rank was lost). */
#ifndef SEEDBED_CLUSTER_RECOVERY_H
#define SEEDBED_CLUSTER_RECOVERY_H

#include "cluster/communicator.h"

/* Whether Open MPI's mpirun was told to let the ranks go on: --enable-recovery, or OMPI_MCA_orte_enable_recovery=1. */
bool recovery_wanted(void);

/* Seconds of silence after which a rank counts as lost: SEEDBED_LEASE, or 30. */
enum status recovery_lease(double *out, struct error *error);

#endif
