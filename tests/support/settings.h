/* settings.h - configurations made by hand in tests: by name, with the defaults of the tables, without a sweep file. */
#ifndef SEEDBED_TESTS_SETTINGS_H
#define SEEDBED_TESTS_SETTINGS_H

#include <stdbool.h>

#include "seedbed/field.h"

/* Fills the struct at out with the defaults of its table; required keys stay zero. */
void settings_default(const struct field *fields, void *out);

/* A kind by name, with its default settings. */
struct choice choice_of(const struct kind_table *table, const char *name);

/* A kind with settings: "adam beta1=0.8 decay=weights"; no value has a space. */
struct choice choice_spelled(const struct kind_table *table, const char *text);

/* Sets one key of a choice's settings; a name that is not there ends the program. */
void choice_integer(struct choice *choice, const char *key, int64_t value);
void choice_real(struct choice *choice, const char *key, double value);
void choice_flag(struct choice *choice, const char *key, bool value);
void choice_name(struct choice *choice, const char *key, const char *value);
void choice_names(struct choice *choice, const char *key, int count, const char *const *values);
void choice_integers(struct choice *choice, const char *key, int count, const int64_t *values);
/* Of a list of items, which are lent. */
void choice_items(struct choice *choice, const char *key, int count, const void *const *items);
/* values [rows, columns] are lent. */
void choice_matrix(struct choice *choice, const char *key, int rows, int columns, const double *values);

#endif
