#include "cluster/bits.h"

#include <stdio.h>
#include <string.h>

#include "cluster/communicator.h"
#include "sweep/provenance.h"

enum status bits_agree(struct cluster *cluster, struct error *error)
{
    char first[PROVENANCE_ENGINE_BYTES];
    snprintf(first, sizeof first, "%s", provenance_engine());
    enum status status = mpi_broadcast(cluster->world, first, sizeof first, error);
    if (status == STATUS_OK && strcmp(first, provenance_engine()) != 0)
        status = fail(error, STATUS_USAGE,
                      "rank %d on %s is seedbed %s, rank 0 is %s: trials would have other bits there. Start one build; "
                      "where CPUs differ, name vectors that all have, such as mpirun -x SEEDBED_VECTORS=avx2",
                      cluster->rank, cluster->host, provenance_engine(), first);
    return cluster_agree(cluster, status, error);
}
