/* lock.c - two locks on the same descriptor, for two kinds of others.
 * flock, shared: HDF5's own locking lets readers in and keeps writers such as h5py 'r+' out; MPI-IO takes none itself.
 * A write lock on one byte far beyond the end (of the open file description, so that closing another descriptor of the
 * same file does not drop it): one run at a time. */
#include "results/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

static const off_t LOCK_OFFSET = (off_t)1 << 61;

static bool is_refusal(int code)
{
    return code == EAGAIN || code == EACCES || code == EWOULDBLOCK;
}

#ifdef F_OFD_SETLK
enum { TAKE = F_OFD_SETLK, LOOK = F_OFD_GETLK };
#else
enum { TAKE = F_SETLK, LOOK = F_GETLK };
#endif

static struct flock run_lock(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OFFSET, .l_len = 1};
}

enum lock_result lock_take(int descriptor)
{
    struct flock byte = run_lock();
    if (fcntl(descriptor, TAKE, &byte) != 0)
        return is_refusal(errno) ? LOCK_BY_RUN : LOCK_UNSUPPORTED;
    if (flock(descriptor, LOCK_SH | LOCK_NB) != 0)
        return is_refusal(errno) ? LOCK_BY_PROGRAM : LOCK_UNSUPPORTED;
    return LOCK_HELD;
}

enum lock_result lock_look(int descriptor)
{
    struct flock byte = run_lock();
    if (fcntl(descriptor, LOOK, &byte) != 0)
        return LOCK_UNSUPPORTED;
    return byte.l_type == F_UNLCK ? LOCK_FREE : LOCK_BY_RUN;
}
