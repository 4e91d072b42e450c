/* tree.h - a YAML document as a tree that remembers lines and columns.
 * Trees are immutable and share nodes: setting a key makes new nodes along its path only, so that a trial's tree is the
 * sweep's tree with a few nodes more. All nodes live in one arena. */
#ifndef SEEDBED_CONFIG_TREE_H
#define SEEDBED_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/faults.h"
#include "seedbed/status.h"

enum tree_type { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_type type;
    const char *file; /* or the option that it was given by */
    int line, column; /* 1-based */
    /* TREE_SCALAR */
    const char *text;
    bool quoted; /* quoted or block text is never a number, flag or null */
    /* TREE_LIST and TREE_MAP */
    int count;
    const struct tree_node *const *items; /* [count] */
    const struct tree_node *const *keys;  /* [count], of a map: scalars */
};

struct tree_arena;

enum status tree_arena_create(struct tree_arena **out, struct error *error);
void tree_arena_destroy(struct tree_arena **arena);
/* A mark to return to: nodes made after it are forgotten by tree_arena_rewind. */
size_t tree_arena_mark(const struct tree_arena *arena);
void tree_arena_rewind(struct tree_arena *arena, size_t mark);

/* Parses one document. NULL when there are faults (bad YAML, duplicate keys, aliases, several documents, nesting deeper
 * than 64, larger than 16 MiB). name is used in messages. */
const struct tree_node *tree_parse(struct tree_arena *arena, const char *name, const char *text, size_t bytes,
                                   struct faults *faults);

/* The value at a dotted path; NULL when there is none. */
const struct tree_node *tree_find(const struct tree_node *root, const char *path);

/* root with value at the dotted path; maps are made where they are missing, and a bare kind name that gets a setting
 * becomes {kind: name}. NULL without memory. */
const struct tree_node *tree_set(struct tree_arena *arena, const struct tree_node *root, const char *path,
                                 const struct tree_node *value);

/* "file:line:column" of node. */
void tree_place(const struct tree_node *node, char *place, size_t bytes);

#endif
