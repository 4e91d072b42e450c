/* no_locks.c - loaded before the C library: no file system has locks. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

int flock(int descriptor, int operation)
{
    (void)descriptor, (void)operation;
    errno = ENOSYS;
    return -1;
}

int fcntl(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_OFD_SETLK || command == F_SETLK || command == F_OFD_GETLK || command == F_GETLK) {
        errno = ENOLCK;
        return -1;
    }
    return (int)syscall(SYS_fcntl, descriptor, command, argument);
}
