#include "results/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool is_alone(MPI_Comm communicator)
{
    int size = 0;
    MPI_Comm_size(communicator, &size);
    return size == 1;
}

hid_t parallel_open_file(const void *communicator, const char *path)
{
    MPI_Comm comm = communicator == NULL ? MPI_COMM_SELF : communicator_at(communicator);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = H5I_INVALID_HID;
    if (H5Pset_fapl_mpio(access, comm, MPI_INFO_NULL) >= 0)
        file = H5Fopen(path, H5F_ACC_RDWR, access);
    /* Under Open MPI a user's processes without mpirun share a folder of a node for temporary files, and one that ends
     * may remove it from under another that opens a file: the second time that is seen, and done without. */
    if (file < 0 && is_alone(comm))
        file = H5Fopen(path, H5F_ACC_RDWR, access);
    h5_close_properties(access);
    return file;
}

/* What the last rank writes, by itself, where nobody else does. */
static const unsigned char mark[] = "independent";

static int write_mark(MPI_File file, MPI_Comm communicator)
{
    int rank = 0, size = 0;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &size);
    return rank == size - 1 ? MPI_File_write_at(file, 0, mark, (int)sizeof mark, MPI_BYTE, MPI_STATUS_IGNORE)
                            : MPI_SUCCESS;
}

/* Past MPI and its caches, as another program sees it. */
static enum status read_mark(const char *path, struct error *error)
{
    unsigned char found[sizeof mark] = {0};
    FILE *file = fopen(path, "rb");
    const size_t got = file == NULL ? 0 : fread(found, 1, sizeof found, file);
    if (file != NULL)
        fclose(file);
    return got == sizeof found && memcmp(found, mark, sizeof mark) == 0
               ? STATUS_OK
               : fail(error, STATUS_IO, "what another rank wrote cannot be read back");
}

/* Open MPI hangs where some ranks can open a file and others cannot, so each tries by itself first. */
static enum status try_open(const char *path, int rank, struct error *error)
{
    const int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return fail(error, STATUS_IO, "rank %d cannot open files there: %s", rank, strerror(errno));
    close(descriptor);
    return STATUS_OK;
}

enum status parallel_try_write(const void *communicator, char *path, size_t bytes, struct error *error)
{
    MPI_Comm comm = communicator_at(communicator);
    MPI_File file = MPI_FILE_NULL;
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    int code = MPI_Bcast(path, (int)bytes, MPI_BYTE, 0, comm);
    enum status status = code == MPI_SUCCESS ? try_open(path, rank, error) : mpi_failure(code, "has no name", error);
    TRY(parallel_agree(communicator, status, error));
    code = MPI_File_open(comm, path, MPI_MODE_RDWR, MPI_INFO_NULL, &file);
    status = code == MPI_SUCCESS ? STATUS_OK : mpi_failure(code, "cannot be opened", error);
    status = parallel_agree(communicator, status, error);
    if (status == STATUS_OK) {
        code = write_mark(file, comm);
        status = code == MPI_SUCCESS ? STATUS_OK : mpi_failure(code, "cannot be written", error);
    }
    if (file != MPI_FILE_NULL)
        MPI_File_close(&file); /* collective: what was written is there for all */
    status = parallel_agree(communicator, status, error);
    if (status == STATUS_OK && rank == 0)
        status = read_mark(path, error);
    return parallel_agree(communicator, status, error);
}
