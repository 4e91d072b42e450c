/* keys.h - dotted keys: what they name in the tables, and their values in a config. */
#ifndef SEEDBED_CONFIG_KEYS_H
#define SEEDBED_CONFIG_KEYS_H

#include <stdbool.h>

#include "config/tree.h"
#include "seedbed/field.h"

struct config_key {
    const struct field *field;
    unsigned flags; /* of the field and of everything around it */
    bool is_kind;   /* `x.kind` of a choice: its name alone */
};

/* What a dotted key, whose numbers are items of lists or numbers of plain ones, names under some choice of kinds;
 * whether there is anything. key may be NULL. */
bool config_find_key(const struct field *fields, const char *path, struct config_key *key);

/* The field and value (lent) that a dotted key has in this config; NULL when the chosen kinds have no such setting, or
 * the list no such item. */
const struct field *config_value(const struct field *fields, const void *config, const char *path, const void **value);

/* Writes the first dotted key whose last part is name, or nearly name in a section; whether there is one. */
bool config_find_elsewhere(const struct field *fields, const char *name, char *path, size_t bytes);

/* One sentence about a dotted key that config_find_key does not find, with the nearest name. */
void config_explain_key(const struct field *fields, const char *path, char *text, size_t bytes);

/* How many lists within lists a value of the field is: 0 for one value, 1 for a list of such. */
int field_list_depth(const struct field *field);

/* Whether node is a list of several values of the field, rather than being one that is a list itself. */
bool config_is_several(const struct field *field, const struct tree_node *node);

/* Whether a value of the field, as config_value gives it, equals what node says; a choice named without settings, or
 * with some of them, matches any that agrees with what is said. */
bool config_matches(const struct field *field, const void *value, const struct tree_node *node);

/* Whether node could be a value of this key: type, range and names, but not missing settings. Else faults. */
bool config_check_value(const struct field *fields, const char *path, const struct tree_node *value,
                        struct faults *faults);

#endif
