#include "results/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "base/clock.h"
#include "results/lock.h"
#include "results/parallel.h"
#include "results/results.h"

enum { TRIED_BYTES = 1 << 20, LOW_BYTES = 1 << 28, DISK_PATH_BYTES = 4096 };

const char *disk_type(const char *folder)
{
#ifdef __linux__
    static const struct {
        uint32_t magic;
        const char *name;
    } types[] = {{0xef53, "ext"},         {0x58465342, "xfs"},    {0x9123683e, "btrfs"}, {0x01021994, "tmpfs"},
                 {0x6969, "nfs"},         {0x0bd00bd0, "lustre"}, {0x47504653, "gpfs"},  {0x19830326, "beegfs"},
                 {0x794c7630, "overlay"}, {0x00c36400, "ceph"},   {0xff534d42, "cifs"},  {0x65735546, "fuse"},
                 {0x2fc12fc1, "zfs"},     {0x01021997, "9p"}};
    struct statfs disk;
    if (statfs(folder, &disk) == 0)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (types[i].magic == (uint32_t)disk.f_type)
                return types[i].name;
#endif
    (void)folder;
    return "unknown type";
}

static const char *remedy(int code)
{
    if (code == ENOSPC || code == EDQUOT)
        return "free space";
    return "name another folder, or have it made writable";
}

/* Makes the file and writes it; negative when that fails, which is told. */
static int try_writing(const char *folder, char *path, struct findings *findings)
{
    static char block[TRIED_BYTES];
    if (snprintf(path, DISK_PATH_BYTES, "%s/seedbed-doctor-XXXXXX", folder) >= DISK_PATH_BYTES) {
        findings_add(findings, LEVEL_BAD, "folder", "%.200s...: this path is too long: name another folder", folder);
        return -1;
    }
    const int file = mkstemp(path);
    if (file < 0) {
        findings_add(findings, LEVEL_BAD, "folder", "%s: nothing can be written here: %s: %s", folder, strerror(errno),
                     remedy(errno));
        return -1;
    }
    const double start = clock_monotonic();
    errno = 0;
    if (write(file, block, sizeof block) != (ssize_t)sizeof block || fdatasync(file) != 0) {
        const int code = errno == 0 ? ENOSPC : errno;
        findings_add(findings, LEVEL_BAD, "folder", "%s: 1 MB cannot be written here: %s: %s", folder, strerror(code),
                     remedy(code));
        close(file);
        unlink(path);
        return -1;
    }
    findings_add(findings, LEVEL_OK, "writing", "1 MB is on disk after %.1f ms: about what a commit of a trial takes",
                 1e3 * (clock_monotonic() - start));
    return file;
}

/* Whether the folder is there. */
static bool tell_room(const char *folder, struct findings *findings)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        findings_add(findings, LEVEL_BAD, "folder", "%s: %s: name a folder that exists", folder, strerror(errno));
        return false;
    }
    const double available = (double)disk.f_bavail * (double)disk.f_frsize;
    findings_add(findings, available < LOW_BYTES ? LEVEL_WARN : LEVEL_OK, "folder", "%s: %s, %.3g GB free%s", folder,
                 disk_type(folder), 1e-9 * available,
                 available < LOW_BYTES ? ": seedbed plan says what a sweep takes" : "");
    return true;
}

/* Two descriptors of one file are to a lock what two runs are. */
static void try_locks(const char *path, int file, struct findings *findings)
{
    const char *never =
        "see to it that only one run writes to a file; a second one is noticed by its touching the file";
    const enum lock_result first = lock_take(file);
    if (first == LOCK_UNSUPPORTED) {
        findings_add(findings, LEVEL_WARN, "locks", "this file system has none (%s): %s", strerror(errno), never);
        return;
    }
    const int second = open(path, O_RDWR | O_CLOEXEC);
    const bool refused = second >= 0 && lock_take(second) == LOCK_BY_RUN;
    if (second >= 0)
        close(second);
    if (first == LOCK_HELD && refused)
        findings_add(findings, LEVEL_OK, "locks", "a second run on one file is refused");
    else
        findings_add(findings, LEVEL_WARN, "locks", "they do not keep a second run out: %s", never);
}

enum status disk_examine(const char *folder, const void *communicator, struct findings *findings, struct error *error)
{
    char path[DISK_PATH_BYTES] = "";
    int rank = 0, file = -1;
    TRY(parallel_rank(communicator, &rank, error));
    if (rank == 0) {
        if (tell_room(folder, findings))
            file = try_writing(folder, path, findings);
        if (file >= 0)
            try_locks(path, file, findings);
    }
    int32_t made = file >= 0;
    TRY(parallel_broadcast(communicator, &made, error));
    if (!made)
        return STATUS_OK;
    struct error refusal = {0};
    const enum status status = parallel_try_write(communicator, path, sizeof path, &refusal);
    if (rank != 0)
        return STATUS_OK;
    if (status == STATUS_OK)
        findings_add(findings, LEVEL_OK, "MPI-IO", "ranks write to one file independently of each other");
    else
        findings_add(
            findings, LEVEL_WARN, "MPI-IO",
            "ranks cannot write to one file here independently of each other (%s): rank 0 writes for all, which "
            "is slower; name another folder",
            refusal.text);
    close(file);
    unlink(path);
    return STATUS_OK;
}

enum status results_try_independent(const char *path, const void *communicator, struct error *error)
{
    char tried[DISK_PATH_BYTES] = "";
    int rank = 0, file = -1;
    enum status status = STATUS_OK;
    TRY(parallel_rank(communicator, &rank, error));
    if (rank == 0 && snprintf(tried, sizeof tried, "%s.trying-XXXXXX", path) < DISK_PATH_BYTES)
        file = mkstemp(tried);
    if (rank == 0 && file < 0)
        status = fail(error, STATUS_IO, "%.200s: no file can be made beside it: %s", path, strerror(errno));
    status = parallel_agree(communicator, status, error);
    if (status == STATUS_OK)
        status = parallel_try_write(communicator, tried, sizeof tried, error);
    if (file >= 0) {
        close(file);
        unlink(tried);
    }
    return status;
}
