/* write.h - values as YAML. */
#ifndef SEEDBED_CONFIG_WRITE_H
#define SEEDBED_CONFIG_WRITE_H

#include "base/text.h"
#include "seedbed/field.h"

void write_real(struct text *out, double value);

/* Plain where that is safe in every place, else in double quotes. */
void write_string(struct text *out, const char *text);

/* A value of any type on one line. */
void write_value(struct text *out, const struct field *field, const void *value);

#endif
