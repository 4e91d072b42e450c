/* log.h - lines for people, on standard error, whole or not at all. */
#ifndef SEEDBED_BASE_LOG_H
#define SEEDBED_BASE_LOG_H

#include "seedbed/status.h"

/* "seedbed: " and the message. Any rank. */
void log_line(const char *format, ...) SEEDBED_PRINTF(1, 2);
void log_warning(const char *format, ...) SEEDBED_PRINTF(1, 2);
void log_error(const struct error *error);

#endif
