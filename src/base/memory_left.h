/* memory_left.h - what the node, and the control groups that this process is in, would still give. */
#ifndef SEEDBED_BASE_MEMORY_LEFT_H
#define SEEDBED_BASE_MEMORY_LEFT_H

/* Bytes, swap included; infinite where it cannot be known. */
double memory_left(void);

/* The same with /proc and /sys below root. */
double memory_left_below(const char *root);

#endif
