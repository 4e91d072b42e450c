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
    int line, column; /* 1-based; line 0: no place in a file, `file` alone tells it */
    /* TREE_SCALAR */
    const char *text; /* "" of a list or map */
    bool quoted;      /* quoted or block text is never a number, flag or null */
    /* TREE_LIST and TREE_MAP */
    int count;
    const struct tree_node *const *items; /* [count] */
    const struct tree_node *const *keys;  /* [count], of a map: scalars */
    const struct tree_node *stray;        /* of a list: the value that tree_set found no item for; NULL: none */
    int stray_index;                      /* the item that there is not */
};

struct tree_arena;

enum status tree_arena_create(struct tree_arena **out, struct error *error);
void tree_arena_destroy(struct tree_arena **arena);
/* A mark to return to: nodes made after it are forgotten by tree_arena_rewind. */
size_t tree_arena_mark(const struct tree_arena *arena);
void tree_arena_rewind(struct tree_arena *arena, size_t mark);
/* Room for bytes, unset, aligned for any object, until the arena is rewound or destroyed. NULL without memory. */
void *tree_arena_room(struct tree_arena *arena, size_t bytes);

/* Parses one document. NULL when it cannot be read (bad YAML, not UTF-8, aliases, empty, nesting deeper than 64, larger
 * than 16 MiB). Faults that leave a tree to look at (duplicate keys, anchors, tags, a second document) are added and
 * the tree is returned, so that the faults of its values are found too. name is used in messages. */
const struct tree_node *tree_parse(struct tree_arena *arena, const char *name, const char *text, size_t bytes,
                                   struct faults *faults);

/* Parses the value of an option: the same, but messages name the option alone, and no text is an empty scalar. */
const struct tree_node *tree_parse_option(struct tree_arena *arena, const char *option, const char *value,
                                          struct faults *faults);

/* The value of a key in this map; NULL when there is none, or node is NULL or no map. */
const struct tree_node *tree_get(const struct tree_node *node, const char *key);

/* A plain scalar without text, as `key:` leaves it. */
bool tree_is_empty(const struct tree_node *node);

/* The item of a list that a part of a dotted path is; -1: none, it is a name. */
int tree_index(const char *part, size_t length);

/* The value at a dotted path, whose numbers are items of lists; NULL when there is none. */
const struct tree_node *tree_find(const struct tree_node *root, const char *path);

/* root with value at the dotted path; maps are made where they are missing, and a bare kind name that gets a setting
 * becomes {kind: name}. A list keeps its length: a value for an item beyond its end is its `stray`. NULL without
 * memory. */
const struct tree_node *tree_set(struct tree_arena *arena, const struct tree_node *root, const char *path,
                                 const struct tree_node *value);

/* "file:line:column" of node. */
void tree_place(const struct tree_node *node, char *place, size_t bytes);

#endif
