/* no_independent_writes.c - loaded before MPI: a file system that lets rank 0 alone write, as some network file systems
 * do. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

int MPI_File_write_at(MPI_File file, MPI_Offset offset, const void *data, int count, MPI_Datatype type,
                      MPI_Status *status)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank != NULL && strcmp(rank, "0") != 0)
        return MPI_ERR_UNSUPPORTED_OPERATION;
    return PMPI_File_write_at(file, offset, data, count, type, status);
}
