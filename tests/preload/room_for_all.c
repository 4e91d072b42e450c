/* room_for_all.c - loaded before the C library: every disk says that it has room. So do disks with quotas, and disks
 * that others fill meanwhile: what the engine writes then fails at any place. */
#include <sys/statvfs.h>

int statvfs(const char *path, struct statvfs *disk)
{
    (void)path;
    *disk = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1UL << 40, .f_bavail = 1UL << 40};
    return 0;
}
