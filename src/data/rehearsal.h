/* rehearsal.h - tries in another process what may crash this one. */
#ifndef SEEDBED_DATA_REHEARSAL_H
#define SEEDBED_DATA_REHEARSAL_H

#include <stdbool.h>

#include "seedbed/status.h"

/* Does work(context) in a forked copy of this process and forgets what it made. *survived: it came back, rather than be
 * ended by a signal. STATUS_IO when no process can be had. Any rank, alone. */
enum status rehearse(void (*work)(const void *context), const void *context, bool *survived, struct error *error);

#endif
