#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 2048 };

static void put(const char *prefix, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "%s%s\n", prefix, line);
}

void log_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put("seedbed: ", format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put("seedbed: warning: ", format, arguments);
    va_end(arguments);
}

void log_error(const struct error *error)
{
    log_line("error: %s", error->text);
}
