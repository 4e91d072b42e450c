/* crash.h - a process that dies in a trial has that noted in the results file, so that a trial that takes its process
 * down is not tried for ever. Who is killed from outside, or was asked to stop, died of nothing that the trial did. */
#ifndef SEEDBED_CLUSTER_CRASH_H
#define SEEDBED_CLUSTER_CRASH_H

#include "results/results.h"

/* Starts a small process that lives as long as this one: when this one dies while the kernel ends processes of the node
 * for lack of memory, it notes the crash. To be called before MPI starts; without it such a death counts nothing. */
void crash_witness_start(void);

/* From now on deaths in a unit are noted: by SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, which then end the process as
 * they would, and for lack of memory. */
void crash_watch(struct results_writer *writer);
void crash_unwatch(struct results_writer *writer);

/* How this process ends from here on is not the trial's fault: somebody asked it to, or it does so by itself.
 * Async-signal-safe, any thread. */
void crash_excuse(void);

#endif
