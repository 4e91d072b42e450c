#include "results/parallel.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>

#include "results/h5.h"

static MPI_Comm communicator_at(const void *address)
{
    return *(const MPI_Comm *)address;
}

static enum status mpi_failure(int code, const char *what, struct error *error)
{
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(code, reason, &length);
    return fail(error, STATUS_MPI, "results file: %s: MPI says: %s", what, reason);
}

enum status parallel_rank(const void *communicator, int *rank, struct error *error)
{
    const int code = MPI_Comm_rank(communicator_at(communicator), rank);
    return code == MPI_SUCCESS ? STATUS_OK : mpi_failure(code, "no rank", error);
}

enum status parallel_agree(const void *communicator, enum status mine, struct error *error)
{
    MPI_Comm comm = communicator_at(communicator);
    struct error local = {.status = mine};
    if (mine != STATUS_OK && error != NULL)
        snprintf(local.text, sizeof local.text, "%s", error->text);
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    int bad = mine == STATUS_OK ? INT_MAX : rank;
    int first = INT_MAX;
    int code = MPI_Allreduce(&bad, &first, 1, MPI_INT, MPI_MIN, comm);
    if (code != MPI_SUCCESS)
        return mpi_failure(code, "ranks cannot agree", error);
    if (first == INT_MAX)
        return STATUS_OK;
    code = MPI_Bcast(&local, (int)sizeof local, MPI_BYTE, first, comm);
    if (code != MPI_SUCCESS)
        return mpi_failure(code, "ranks cannot agree", error);
    return rank == first ? mine : fail(error, local.status, "%s", local.text);
}

enum status parallel_broadcast(const void *communicator, int32_t *value, struct error *error)
{
    const int code = MPI_Bcast(value, 1, MPI_INT32_T, 0, communicator_at(communicator));
    return code == MPI_SUCCESS ? STATUS_OK : mpi_failure(code, "no broadcast", error);
}

hid_t parallel_open_file(const void *communicator, const char *path)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = H5I_INVALID_HID;
    if (H5Pset_fapl_mpio(access, communicator_at(communicator), MPI_INFO_NULL) >= 0)
        file = H5Fopen(path, H5F_ACC_RDWR, access);
    h5_close_properties(access);
    return file;
}
