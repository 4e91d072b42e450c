/* write.h - values as YAML. */
#ifndef SEEDBED_CONFIG_WRITE_H
#define SEEDBED_CONFIG_WRITE_H

#include "base/text.h"
#include "seedbed/field.h"

void write_real(struct text *out, double value);

/* Plain where that is safe in every place, else in double quotes. */
void write_string(struct text *out, const char *text);

/* The items of a list, each behind a dash on lines of its own. */
void write_items(struct text *out, const struct field *field, const struct item_list *list, int indent);

/* A value of any type on one line. */
void write_value(struct text *out, const struct field *field, const void *value);

#endif
