/* watch.h - whether the file that rows go into is still the one under its name, and whole. */
#ifndef SEEDBED_RESULTS_WATCH_H
#define SEEDBED_RESULTS_WATCH_H

#include <sys/types.h>

#include "seedbed/status.h"

struct watch {
    dev_t device;
    ino_t inode;
    off_t size;
};

/* Remembers what the descriptor of path is now. Any rank. */
enum status watch_begin(struct watch *watch, int descriptor, const char *path, struct error *error);

/* STATUS_IO when path no longer leads to that file, or the file became shorter: what is written then would be lost, or
 * would grow into a file that lacks what was committed before. Two calls of the system. Any rank. */
enum status watch_check(const struct watch *watch, int descriptor, const char *path, struct error *error);

#endif
