#include "results/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static enum status folder_of(const char *path, char folder[PUBLISH_PATH_BYTES], struct error *error)
{
    if (snprintf(folder, PUBLISH_PATH_BYTES, "%s", path) >= PUBLISH_PATH_BYTES)
        return fail(error, STATUS_IO, "%.200s...: this path is too long", path);
    const char *parent = dirname(folder);
    memmove(folder, parent, strlen(parent) + 1);
    return STATUS_OK;
}

static enum status already_there(const char *path, struct error *error)
{
    return fail(error, STATUS_IO,
                "%s: exists already and is not overwritten: go on with it (--resume), or give another name", path);
}

static enum status io_failure(const char *path, const char *what, struct error *error)
{
    const enum status status = errno == ENOSPC || errno == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
    return fail(error, status, "%s: %s: %s", path, what, strerror(errno));
}

enum status publish_check(const char *path, int64_t bytes, struct error *error)
{
    struct stat there;
    if (lstat(path, &there) == 0)
        return already_there(path, error);
    char folder[PUBLISH_PATH_BYTES];
    TRY(folder_of(path, folder, error));
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0)
        return io_failure(folder, "cannot be used for the results file", error);
    const double available = (double)disk.f_bavail * (double)disk.f_frsize;
    if ((double)bytes > available)
        return fail(error, STATUS_NO_SPACE,
                    "%s: the file will have %.3f GB (%lld bytes), but only %.3f GB are free in %s: free space, choose "
                    "another disk, or measure less",
                    path, 1e-9 * (double)bytes, (long long)bytes, 1e-9 * available, folder);
    return STATUS_OK;
}

enum status publish_temporary(const char *path, char temporary[PUBLISH_PATH_BYTES], struct error *error)
{
    char host[256] = "host";
    gethostname(host, sizeof host - 1);
    const int length = snprintf(temporary, PUBLISH_PATH_BYTES, "%s.creating-%s-%ld", path, host, (long)getpid());
    if (length >= PUBLISH_PATH_BYTES)
        return fail(error, STATUS_IO, "%.200s...: this path is too long", path);
    return STATUS_OK;
}

static enum status sync_path(const char *path, int flags, struct error *error)
{
    const int descriptor = open(path, flags | O_CLOEXEC);
    if (descriptor < 0)
        return io_failure(path, "cannot be opened to sync it", error);
    enum status status = STATUS_OK;
    /* Some file systems cannot sync a folder; that is no reason to give up. */
    if (fsync(descriptor) != 0 && !((flags & O_DIRECTORY) != 0 && (errno == EINVAL || errno == EROFS)))
        status = io_failure(path, "cannot be written to disk", error);
    close(descriptor);
    return status;
}

static bool not_supported(int code)
{
    return code == EINVAL || code == ENOSYS || code == EPERM || code == EOPNOTSUPP;
}

/* Three ways, from the best: an atomic rename that does not replace, a hard link, and where there is neither a check
 * followed by a rename. */
static int rename_without_replacing(const char *from, const char *to)
{
#ifdef RENAME_NOREPLACE
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (!not_supported(errno))
        return -1;
#endif
    if (link(from, to) == 0)
        return unlink(from);
    if (!not_supported(errno))
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

static enum status give_name(const char *temporary, const char *path, struct error *error)
{
    TRY(sync_path(temporary, O_RDONLY, error));
    if (rename_without_replacing(temporary, path) != 0)
        return errno == EEXIST ? already_there(path, error) : io_failure(path, "cannot be given its name", error);
    char folder[PUBLISH_PATH_BYTES];
    TRY(folder_of(path, folder, error));
    return sync_path(folder, O_RDONLY | O_DIRECTORY, error);
}

enum status publish_finish(const char *temporary, const char *path, enum status status, struct error *error)
{
    if (status == STATUS_OK)
        status = give_name(temporary, path, error);
    if (status != STATUS_OK)
        unlink(temporary);
    return status;
}
