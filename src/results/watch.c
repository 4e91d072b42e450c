/* watch.c - the size of a results file never changes once it is made, and neither does its inode: anything else was
 * done by somebody else while the run was writing. */
#include "results/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static enum status unreachable(const char *path, struct error *error)
{
    return fail(error, STATUS_IO,
                "%s: cannot be reached any more: %s: stopped; what was committed is in the file: go on with --resume "
                "once it is there again",
                path, strerror(errno));
}

enum status watch_begin(struct watch *watch, int descriptor, const char *path, struct error *error)
{
    struct stat now;
    if (fstat(descriptor, &now) != 0)
        return unreachable(path, error);
    *watch = (struct watch){.device = now.st_dev, .inode = now.st_ino, .size = now.st_size};
    return STATUS_OK;
}

static enum status check_size(const struct watch *watch, off_t size, const char *path, struct error *error)
{
    if (size >= watch->size)
        return STATUS_OK;
    return fail(
        error, STATUS_IO,
        "%s: was cut from %lld to %lld bytes while the run was writing to it: stopped; put back a copy and go on "
        "with --resume, or save what is left with --reuse into a new file",
        path, (long long)watch->size, (long long)size);
}

/* Nobody but this run's own descriptors may still hold the file. */
static enum status check_name(const struct watch *watch, nlink_t links, const char *path, struct error *error)
{
    struct stat there;
    if (stat(path, &there) == 0) {
        if (there.st_dev == watch->device && there.st_ino == watch->inode)
            return STATUS_OK;
        return fail(
            error, STATUS_IO, "%s: was replaced by another file while the run was writing to it: stopped; %s", path,
            links > 0 ? "what was committed is in the file under its new name: put it back and go on with --resume"
                      : "the file with what was committed is gone");
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return unreachable(path, error);
    return fail(error, STATUS_IO, "%s: was %s while the run was writing to it: stopped; %s", path,
                links > 0 ? "moved" : "removed",
                links > 0 ? "what was committed is in it: put it back and go on with --resume"
                          : "what was committed is gone with it: run again, with --reuse if there is a copy");
}

enum status watch_check(const struct watch *watch, int descriptor, const char *path, struct error *error)
{
    struct stat held;
    if (fstat(descriptor, &held) != 0)
        return unreachable(path, error);
    TRY(check_name(watch, held.st_nlink, path, error));
    return check_size(watch, held.st_size, path, error);
}
