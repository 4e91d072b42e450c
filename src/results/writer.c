/* writer.c - rows of one dataset to and from an open file, independently of the other ranks. */
#include "results/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool disk_is_full(const struct results_writer *writer, const struct target *target, int code)
{
    if (code == ENOSPC || code == EDQUOT || h5_disk_full())
        return true;
    struct statvfs disk;
    if (fstatvfs(writer->descriptor, &disk) != 0)
        return false;
    double bytes = (double)H5Tget_size(target->memory_type);
    for (int d = 0; d < target->rank; d++)
        bytes *= (double)target->slab[d];
    return (double)disk.f_bavail * (double)disk.f_frsize < bytes;
}

static enum status write_failure(const struct results_writer *writer, int index, int code, struct error *error)
{
    const struct results_array *array = &writer->layout->arrays[index];
    if (disk_is_full(writer, &writer->targets[index], code)) {
        h5_forget();
        return fail(
            error, STATUS_NO_SPACE,
            "%s: the disk is full: /%s/%s could not be written; nothing committed is lost: free space and go on "
            "with --resume",
            writer->path, array->group, array->name);
    }
    char what[PATH_BYTES + 32];
    snprintf(what, sizeof what, "/%s/%s could not be written", array->group, array->name);
    return h5_fail(error, STATUS_IO, writer->path, what);
}

static herr_t select_row(const struct target *target, int64_t row)
{
    const hsize_t start[RESULTS_RANK_MAX] = {(hsize_t)row};
    return H5Sselect_hyperslab(target->file_space, H5S_SELECT_SET, start, NULL, target->slab, NULL);
}

enum status writer_put(struct results_writer *writer, int index, int64_t row, const void *data, struct error *error)
{
    const struct target *target = &writer->targets[index];
    errno = 0;
    if (select_row(target, row) < 0 ||
        H5Dwrite(target->dataset, target->memory_type, target->memory_space, target->file_space, H5P_DEFAULT, data) < 0)
        return write_failure(writer, index, errno, error);
    return STATUS_OK;
}

enum status writer_get(struct results_writer *writer, int index, int64_t row, void *data, struct error *error)
{
    const struct target *target = &writer->targets[index];
    if (select_row(target, row) < 0 ||
        H5Dread(target->dataset, target->memory_type, target->memory_space, target->file_space, H5P_DEFAULT, data) < 0)
        return h5_fail(error, STATUS_IO, writer->path, "a row could not be read");
    return STATUS_OK;
}

enum status writer_put_session(struct results_writer *writer, enum own_column column, const void *data,
                               struct error *error)
{
    return writer_put(writer, layout_own(writer->layout, TABLE_TRIALS, column), writer->session, data, error);
}

enum status results_fetch(struct results_writer *writer, int array, int64_t trial, void *out, struct error *error)
{
    return writer->remote != NULL ? remote_fetch(writer, array, trial, out, error)
                                  : writer_get(writer, array, trial, out, error);
}

enum status writer_check_file(const struct results_writer *writer, struct error *error)
{
    return watch_check(&writer->watch, writer->descriptor, writer->path, error);
}

enum status writer_sync(struct results_writer *writer, struct error *error)
{
    if (fdatasync(writer->descriptor) == 0)
        return STATUS_OK;
    const bool full = errno == ENOSPC || errno == EDQUOT;
    writer->unsettled = true;
    return fail(error, full ? STATUS_NO_SPACE : STATUS_IO, "%s: rows cannot be brought to disk: %s%s", writer->path,
                strerror(errno), full ? ": free space and go on with --resume" : "");
}
