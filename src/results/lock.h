/* lock.h - one run at a time on a file. */
#ifndef SEEDBED_RESULTS_LOCK_H
#define SEEDBED_RESULTS_LOCK_H

#include <stdbool.h>

#include "seedbed/status.h"

enum lock_result { LOCK_HELD, LOCK_FREE, LOCK_BY_RUN, LOCK_BY_PROGRAM, LOCK_UNSUPPORTED };

/* Takes both locks on an open descriptor, without waiting; they end when it is closed. Rank 0 alone.
 * LOCK_BY_RUN: another run writes. LOCK_BY_PROGRAM: something holds the whole file exclusively (h5py 'r+').
 * LOCK_UNSUPPORTED: the file system has no locks; errno says why. */
enum lock_result lock_take(int descriptor);

/* Whether another run holds its lock on the open file, without taking it from one that wants it: LOCK_BY_RUN, LOCK_FREE
 * or LOCK_UNSUPPORTED. */
enum lock_result lock_look(int descriptor);

#endif
