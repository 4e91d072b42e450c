/* memory_left.h - what the node, and the control groups that this process is in, would still give; and what became of
 * those who took more. */
#ifndef SEEDBED_BASE_MEMORY_LEFT_H
#define SEEDBED_BASE_MEMORY_LEFT_H

/* Bytes, swap included; infinite where it cannot be known. */
double memory_left(void);

/* The same with /proc and /sys below root. */
double memory_left_below(const char *root);

/* How many processes of this node the kernel has ended for lack of memory since it started; -1 where that cannot be
 * known (Linux before 4.13). */
double memory_kills(void);
double memory_kills_below(const char *root);

#endif
