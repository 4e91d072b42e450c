/* findings.h - what was looked at, how it is, and how to mend it: one line each. */
#ifndef SEEDBED_BASE_FINDINGS_H
#define SEEDBED_BASE_FINDINGS_H

#include "base/text.h"

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_BAD, LEVEL_COUNT };

/* {0} is empty. Free with text_free(&findings.text). */
struct findings {
    struct text text;
    int count[LEVEL_COUNT];
};

/* Adds "level  topic  message". */
void findings_add(struct findings *findings, enum level level, const char *topic, const char *format, ...)
    SEEDBED_PRINTF(4, 5);

#endif
