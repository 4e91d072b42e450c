/* pairs.c - {across: AXES}: trials that agree in every axis but these; {within: AXES}: trials that agree in these. */
#include "sweep/pairs.h"

#include <string.h>

#include "config/names.h"
#include "sweep/axis.h"

/* Where the entries go. */
struct pairs_reader {
    struct tree_arena *arena;
    const char *const *axes;
    int axis_count;
    struct faults *faults;
};

static int find_axis(const struct pairs_reader *reader, const struct tree_node *name)
{
    struct nearest nearest = {.wrong = name->text};
    struct phrase words = {0}, known = {0};
    for (int i = 0; i < reader->axis_count; i++) {
        if (strcmp(reader->axes[i], name->text) == 0)
            return i;
        nearest_offer(&nearest, reader->axes[i]);
        phrase_add(&known, "%s%s", i == 0 ? "" : ", ", reader->axes[i]);
    }
    phrase_add_nearest(&words, &nearest);
    axis_fault(reader->faults, name, "pairs: '%s' is not an axis of this sweep%s%s its axes: %s", name->text,
               words.text, words.length > 0 ? "" : ";", reader->axis_count > 0 ? known.text : "none");
    return -1;
}

/* Sets named[axis] for each name; false: a fault. */
static bool read_names(const struct pairs_reader *reader, const struct tree_node *node, bool *named)
{
    const struct tree_node *const *names = node->type == TREE_LIST ? node->items : &node;
    const int count = node->type == TREE_LIST ? node->count : 1;
    bool good = true;
    for (int i = 0; i < count; i++) {
        const int axis = names[i]->type == TREE_SCALAR ? find_axis(reader, names[i]) : -1;
        if (names[i]->type != TREE_SCALAR)
            axis_fault(reader->faults, names[i], "pairs: an axis is a dotted key, such as train.learning_rate");
        if (axis >= 0)
            named[axis] = true;
        good = good && axis >= 0;
    }
    return good;
}

static bool read_entry(const struct pairs_reader *reader, const struct tree_node *node, struct pairs_entry *entry)
{
    const char *key = node->type == TREE_MAP && node->count == 1 ? node->keys[0]->text : "";
    const bool across = strcmp(key, "across") == 0;
    if (!across && strcmp(key, "within") != 0) {
        axis_fault(reader->faults, node,
                   "an entry of 'pairs' is {across: AXES}, trials that agree in every other axis, or {within: AXES}, "
                   "trials that agree in these");
        return false;
    }
    bool *agree = tree_arena_room(reader->arena, (size_t)reader->axis_count + 1);
    if (agree == NULL) {
        axis_fault(reader->faults, node, "no memory for the pairs");
        return false;
    }
    memset(agree, 0, (size_t)reader->axis_count + 1);
    if (!read_names(reader, node->items[0], agree))
        return false;
    for (int axis = 0; axis < reader->axis_count; axis++)
        agree[axis] = agree[axis] != across;
    *entry = (struct pairs_entry){.node = node, .agree = agree};
    return true;
}

void pairs_read(struct tree_arena *arena, const struct tree_node *node, const char *const *axes, int axis_count,
                struct pairs *out, struct faults *faults)
{
    const struct pairs_reader reader = {.arena = arena, .axes = axes, .axis_count = axis_count, .faults = faults};
    *out = (struct pairs){0};
    if (node == NULL || tree_is_empty(node))
        return;
    const struct tree_node *const *items = node->type == TREE_LIST ? node->items : &node;
    const int count = node->type == TREE_LIST ? node->count : 1;
    out->entries = tree_arena_room(arena, (size_t)count * sizeof *out->entries);
    for (int i = 0; out->entries != NULL && i < count; i++)
        if (read_entry(&reader, items[i], &out->entries[out->count]))
            out->count++;
}
