/* field.h - tables that describe configuration.
 * One table per section drives parsing, defaults, range checks, the reference sweep, the resolved dump,
 * a trial's identity and `seedbed list`. A configuration is plain data: copied by assignment, owning nothing. */
#ifndef SEEDBED_FIELD_H
#define SEEDBED_FIELD_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

enum {
    FIELD_TEXT_BYTES = 512, /* longest text value, with its end */
    FIELD_LIST_MAX = 128,   /* longest list value */
    FIELD_NAMES_MAX = 16,   /* longest list of names */
    FIELD_LIST_DEPTH = 12,  /* deepest FIELD_LIST within others */
    CHOICE_BYTES = 6144,    /* largest settings of a kind */
    CHOICES_MAX = 16        /* most entries of a FIELD_CHOICES section */
};

enum field_type {
    FIELD_INTEGER,  /* int64_t */
    FIELD_REAL,     /* double; any finite number in range */
    FIELD_FLAG,     /* bool: true or false */
    FIELD_SEED,     /* int64_t >= 0, or the word `seed` (-1): follow the trial's own seed */
    FIELD_DURATION, /* double, seconds; 90, 90s, 10m, 2h, 1-12:00:00; 0 is none */
    FIELD_TEXT,     /* char[FIELD_TEXT_BYTES] */
    FIELD_PATH,     /* char[FIELD_TEXT_BYTES]; relative paths are taken from the sweep file's folder */
    FIELD_INTEGERS, /* struct integer_list; a..b ranges allowed as items */
    FIELD_REALS,    /* struct real_list */
    FIELD_NAME,     /* const struct kind *: a bare name out of .kinds, which has no settings */
    FIELD_NAMES,    /* struct name_list: names out of .kinds */
    FIELD_CHOICE,   /* struct choice: `name`, or {kind: name, setting: value} */
    FIELD_CHOICES,  /* struct choices: a map from names out of .kinds to their settings */
    FIELD_SECTION,  /* a nested struct described by .section */
    FIELD_LIST,     /* struct item_list: each item is what .item says */
    FIELD_MATRIX    /* struct real_matrix: a list of rows, each a list of as many numbers */
};

enum field_flag {
    FIELD_ABOVE_MINIMUM = 1 << 0, /* the minimum itself is not allowed */
    FIELD_BELOW_MAXIMUM = 1 << 1, /* the maximum itself is not allowed */
    FIELD_NO_IDENTITY = 1 << 2,   /* does not change a trial's results: left out of its identity */
    FIELD_NO_GRID = 1 << 3,       /* holds for the whole sweep: may not be an axis */
    FIELD_INLINE = 1 << 4,        /* of a FIELD_CHOICE: the kind's settings stand beside this key, in the same map:
                                   * {kind: mlp, hidden: [8]} as section `model`, {source: mnist, path: x} as `data` */
    FIELD_LATER = 1 << 5,         /* of an integer, a name or a list: a key that was added; at its default left out of
                                   * the identity, so that earlier sweeps keep theirs */
    FIELD_SPACED = 1 << 6,        /* of FIELD_INTEGERS: may be {log: [first, last, how many]} or {lin: ...}, rounded */
    FIELD_INHERITED = 1 << 7 /* of a section that is the item of a FIELD_LIST: where it is not given, it has the value
                              * of the same key beside the list */
};

struct integer_list {
    int count;
    int64_t values[FIELD_LIST_MAX];
};

struct real_list {
    int count;
    double values[FIELD_LIST_MAX];
};

/* Lent by whoever read the configuration, and never changed. */
struct real_matrix {
    int rows, columns;
    const double *values; /* [rows, columns]; NULL: none */
};

struct kind;

struct name_list {
    int count;
    const struct kind *values[FIELD_NAMES_MAX];
};

/* A kind and its settings, laid out by kind->fields. */
struct choice {
    const struct kind *kind;
    alignas(16) unsigned char settings[CHOICE_BYTES];
};

struct choices {
    int count;
    struct choice items[CHOICES_MAX];
};

/* Items in the order of the sweep file, each a value of the field's .item: struct choice, the section's struct, or
 * struct item_list. Lent by whoever read the configuration, and never changed: a copy of the list has the same ones. */
struct item_list {
    int count;
    const void *const *items; /* [count] */
};

/* What single ranges cannot say: whether settings fit each other. Called once they are bound. STATUS_BAD_SWEEP with a
 * message that names keys, values and the remedy. */
typedef enum status settings_check(const void *settings, struct error *error);

/* One key. A table ends with a field whose name is NULL. Numbers are in [minimum, maximum] unless both are 0. */
struct field {
    const char *name;
    enum field_type type;
    size_t offset;                  /* in the section's struct, or in choice.settings */
    const char *default_text;       /* as it would be written in YAML; NULL: the key is required */
    double minimum, maximum;        /* of a number, or of each one in a list or matrix */
    unsigned flags;                 /* enum field_flag */
    const char *unit;               /* NULL: none */
    const char *summary;            /* one sentence */
    const struct field *section;    /* FIELD_SECTION */
    const struct kind_table *kinds; /* FIELD_NAME, FIELD_NAMES, FIELD_CHOICE, FIELD_CHOICES */
    const struct field *item;       /* FIELD_LIST: FIELD_CHOICE, FIELD_SECTION or FIELD_LIST, at offset 0; its name is
                                     * the word for one: "layer" */
    size_t item_bytes;              /* FIELD_LIST of sections: sizeof the section's struct */
    settings_check *check;          /* FIELD_SECTION; NULL: none */
};

/* Something that a sweep file names: a loss, a layer, a metric... First member of every `..._ops` struct. */
struct kind {
    const char *name;
    const char *summary;        /* one line for `seedbed list` */
    const struct field *fields; /* settings; NULL: none */
    settings_check *check;      /* NULL: none */
};

struct kind_table {
    const char *what;                /* "loss", "optimizer": singular, for messages */
    const char *plural;              /* "losses": the word `seedbed list` takes */
    const struct kind *const *kinds; /* ends with NULL */
};

/* Finds a kind by name; NULL when there is none. Any rank. */
const struct kind *kind_find(const struct kind_table *table, const char *name);

#endif
