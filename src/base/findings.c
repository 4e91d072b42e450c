#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *findings, enum level level, const char *topic, const char *format, ...)
{
    static const char *const words[] = {[LEVEL_OK] = "ok", [LEVEL_WARN] = "warn", [LEVEL_BAD] = "bad"};
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_add(&findings->text, "%-4s  %-9s  %s\n", words[level], topic, message);
    findings->count[level]++;
}
