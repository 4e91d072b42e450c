/* crash.h - a process that dies of its own fault says so in the results file, so that a trial that takes its process
 * down is not tried for ever. */
#ifndef SEEDBED_CLUSTER_CRASH_H
#define SEEDBED_CLUSTER_CRASH_H

#include "results/results.h"

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT count a crash of the trial in flight, then end the process as
 * they would. NULL: no longer. */
void crash_watch(struct results_writer *writer);

#endif
