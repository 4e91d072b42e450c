/* dispatch.h - the executable for the vectors that this CPU has. */
#ifndef SEEDBED_CLI_DISPATCH_H
#define SEEDBED_CLI_DISPATCH_H

#include "seedbed/status.h"

/* Where this executable is the baseline one, becomes the widest that the CPU runs and that is beside it, such as
 * seedbed-avx2; does not return then. SEEDBED_VECTORS names another one: STATUS_USAGE when that cannot be had. Before
 * MPI, and before any thread. */
enum status dispatch(char **argv, struct error *error);

#endif
