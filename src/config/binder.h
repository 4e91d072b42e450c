/* binder.h - one value on its way from the tree into a struct: shared by the files that bind. */
#ifndef SEEDBED_CONFIG_BINDER_H
#define SEEDBED_CONFIG_BINDER_H

#include <stdbool.h>

#include "config/lists.h"
#include "config/names.h"
#include "config/tree.h"

struct binder {
    const struct field *root_fields; /* for names that belong elsewhere */
    const char *base_directory;
    struct config_lists *lists;
    struct faults *faults;
    bool partial;    /* keys without default may be missing */
    int fault_count; /* those met before too */
};

/* A value and where it goes. `up` leads to the root: the dotted path is made only for messages. */
struct slot {
    struct binder *binder;
    const struct slot *up;
    const char *name; /* of the key; NULL: the root */
    const struct field *field;
    const struct tree_node *node;
    void *out;
};

/* "train.loss: ..." with the place of node. */
void slot_fault(const struct slot *slot, const struct tree_node *node, const char *format, ...) SEEDBED_PRINTF(3, 4);

/* "'abc' is not a number; allowed: a number above 0" for an item of the slot's value. */
void slot_refuse(const struct slot *slot, const struct tree_node *item, const char *trouble);

/* Whether the slot's value is a list; else a fault. */
bool slot_is_list(const struct slot *slot);

/* Whether a list that has `count` values has room for `more`; else a fault. */
bool slot_has_room(const struct slot *slot, const struct tree_node *item, int64_t count, int64_t more);

/* Whether every dotted path into the list found its item; else a fault that calls items so. */
bool slot_has_no_stray(const struct slot *slot, const char *word);

/* Binds one scalar or list; returns nothing: faults are in the binder. */
void bind_value(const struct slot *slot);

/* Binds sections, choices, maps of choices and lists of items. */
void bind_section(const struct slot *slot);
void bind_choice(const struct slot *slot);
void bind_choices(const struct slot *slot);
void bind_list(const struct slot *slot);

#endif
