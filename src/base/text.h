/* text.h - text that grows: never cut silently. */
#ifndef SEEDBED_BASE_TEXT_H
#define SEEDBED_BASE_TEXT_H

#include <stddef.h>

#include "seedbed/status.h"

/* {0} is empty. data is NULL or ends with a zero byte. After a failed allocation `failed` stays set and adding does
 * nothing: check once, at the end, with text_status. */
struct text {
    char *data;
    size_t length, capacity;
    int failed;
};

void text_add(struct text *text, const char *format, ...) SEEDBED_PRINTF(2, 3);
void text_add_bytes(struct text *text, const char *bytes, size_t count);
enum status text_status(const struct text *text, struct error *error);
void text_free(struct text *text);

/* Edit distance (insert, delete, replace, swap of neighbours): for the nearest known name. Names up to 63 bytes. */
int text_distance(const char *a, const char *b);

#endif
