/* exclude.h - combinations that a sweep drops. */
#ifndef SEEDBED_SWEEP_EXCLUDE_H
#define SEEDBED_SWEEP_EXCLUDE_H

#include "config/config.h"

struct exclude_entry;

struct exclude {
    struct exclude_entry *entries; /* in the arena */
    int count;
    const struct tree_node *node; /* the list; NULL: none */
};

/* Reads the value of `exclude:` (NULL: none); wrong entries are faults and left out. */
void exclude_read(struct tree_arena *arena, const struct tree_node *node, struct exclude *out, struct faults *faults);

/* Whether an entry matches this config; remembers which entries ever did. */
bool exclude_matches(struct exclude *exclude, const struct trial_config *config);

/* A fault for every entry that has matched nothing. */
void exclude_check_used(const struct exclude *exclude, struct faults *faults);

#endif
