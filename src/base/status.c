#include "seedbed/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status fail(struct error *error, enum status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    return status;
}

enum status fail_within(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return STATUS_INTERNAL;
    char rest[ERROR_TEXT_BYTES];
    memcpy(rest, error->text, sizeof rest);
    va_list arguments;
    va_start(arguments, format);
    const int prefix = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (prefix >= 0 && (size_t)prefix + 3 < sizeof error->text)
        snprintf(error->text + prefix, sizeof error->text - (size_t)prefix, ": %.*s",
                 (int)(sizeof error->text - (size_t)prefix - 3), rest);
    return error->status;
}
