/* faults.h - how faults of a sweep file are printed. */
#ifndef SEEDBED_CLI_FAULTS_H
#define SEEDBED_CLI_FAULTS_H

#include "config/faults.h"

/* Prints them all on standard error and returns the exit code. */
int faults_failed(const struct faults *faults, const char *path);

#endif
