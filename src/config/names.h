/* names.h - the words of messages: lists of names, the nearest name, what a field allows. */
#ifndef SEEDBED_CONFIG_NAMES_H
#define SEEDBED_CONFIG_NAMES_H

#include <stddef.h>

#include "seedbed/field.h"
#include "seedbed/status.h"

/* A message's part; cut, with "...", where it does not fit. {0} is empty. */
struct phrase {
    char text[640];
    size_t length;
};

void phrase_add(struct phrase *phrase, const char *format, ...) SEEDBED_PRINTF(2, 3);

/* Looks among the names offered for the one that a wrong one was meant to be: few edits apart, or its initials. */
struct nearest {
    const char *wrong;
    const char *best;
    int distance;
};

void nearest_offer(struct nearest *nearest, const char *name);
void nearest_offer_fields(struct nearest *nearest, const struct field *fields);
void nearest_offer_kinds(struct nearest *nearest, const struct kind_table *table);

/* "; did you mean 'x'?", or nothing. */
void phrase_add_nearest(struct phrase *phrase, const struct nearest *nearest);

/* "a, b, c" */
void phrase_add_kinds(struct phrase *phrase, const struct kind_table *table);
void phrase_add_fields(struct phrase *phrase, const struct field *fields);

/* Kinds of the table that have a setting of this name: "rll, gce"; nothing when none has. */
void phrase_add_owners(struct phrase *phrase, const struct kind_table *table, const char *setting);

/* What a value of the field may be: "a number above 0". */
void phrase_add_allowed(struct phrase *phrase, const struct field *field);

/* A field's or kind's own settings; an empty table when there are none. */
const struct field *kind_fields(const struct kind *kind);
const struct field *field_find(const struct field *fields, const char *name, size_t length);

/* The FIELD_INLINE choice of a section; NULL: none. */
const struct field *field_find_inline(const struct field *fields);

#endif
