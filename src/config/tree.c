/* tree.c - reading and changing trees. A changed tree shares every node with the old one but those along the path. */
#include "config/tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct tree_node *tree_get(const struct tree_node *node, const char *key)
{
    if (node == NULL || node->type != TREE_MAP)
        return NULL;
    for (int i = 0; i < node->count; i++)
        if (strcmp(node->keys[i]->text, key) == 0)
            return node->items[i];
    return NULL;
}

bool tree_is_empty(const struct tree_node *node)
{
    return node->type == TREE_SCALAR && !node->quoted && node->text[0] == '\0';
}

/* Index of the key that is the first `length` bytes of name; -1 when the map has none. */
static int find_key(const struct tree_node *map, const char *name, size_t length)
{
    for (int i = 0; i < map->count; i++)
        if (strncmp(map->keys[i]->text, name, length) == 0 && map->keys[i]->text[length] == '\0')
            return i;
    return -1;
}

int tree_index(const char *part, size_t length)
{
    enum { DIGITS_MAX = 6 };
    int index = 0;
    if (length == 0 || length > DIGITS_MAX || (part[0] == '0' && length > 1))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (part[i] < '0' || part[i] > '9')
            return -1;
        index = 10 * index + part[i] - '0';
    }
    return index;
}

/* Place among the items of node of what a part of a path names; -1: none. */
static int find_part(const struct tree_node *node, const char *part, size_t length)
{
    if (node->type == TREE_MAP)
        return find_key(node, part, length);
    const int index = node->type == TREE_LIST ? tree_index(part, length) : -1;
    return index < node->count ? index : -1;
}

const struct tree_node *tree_find(const struct tree_node *root, const char *path)
{
    const struct tree_node *node = root;
    while (node != NULL && *path != '\0') {
        const size_t length = strcspn(path, ".");
        const int index = find_part(node, path, length);
        node = index < 0 ? NULL : node->items[index];
        path += length + (path[length] == '.');
    }
    return node;
}

static struct tree_node *new_node(struct tree_arena *arena, enum tree_type type, const struct tree_node *place)
{
    struct tree_node *node = tree_arena_room(arena, sizeof *node);
    if (node != NULL)
        *node = (struct tree_node){
            .type = type, .text = "", .file = place->file, .line = place->line, .column = place->column};
    return node;
}

static const struct tree_node *new_scalar(struct tree_arena *arena, const char *text, size_t length,
                                          const struct tree_node *place)
{
    struct tree_node *node = new_node(arena, TREE_SCALAR, place);
    char *copy = tree_arena_room(arena, length + 1);
    if (node == NULL || copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    node->text = copy;
    return node;
}

/* A copy of map with `key: value` at index, which may be one past its end. */
static const struct tree_node *map_with(struct tree_arena *arena, const struct tree_node *map, int index,
                                        const struct tree_node *key, const struct tree_node *value)
{
    const int count = index == map->count ? map->count + 1 : map->count;
    struct tree_node *copy = new_node(arena, TREE_MAP, map);
    const struct tree_node **room = tree_arena_room(arena, 2 * (size_t)count * sizeof *room);
    if (copy == NULL || room == NULL || key == NULL)
        return NULL;
    const struct tree_node **keys = room + count;
    if (map->count > 0) {
        memcpy(room, map->items, (size_t)map->count * sizeof *room);
        memcpy(keys, map->keys, (size_t)map->count * sizeof *keys);
    }
    room[index] = value;
    keys[index] = key;
    copy->count = count;
    copy->items = room;
    copy->keys = keys;
    return copy;
}

/* The map that a missing value, an empty one or a bare kind name stands for. */
static const struct tree_node *as_map(struct tree_arena *arena, const struct tree_node *node,
                                      const struct tree_node *place)
{
    if (node != NULL && node->type == TREE_MAP)
        return node;
    const struct tree_node *map = new_node(arena, TREE_MAP, node != NULL ? node : place);
    if (map == NULL || node == NULL || tree_is_empty(node))
        return map;
    return map_with(arena, map, 0, new_scalar(arena, "kind", 4, node), node);
}

/* A copy of list with value as an item; beyond its end, as its stray. */
static const struct tree_node *list_with(struct tree_arena *arena, const struct tree_node *list, int index,
                                         const struct tree_node *value)
{
    struct tree_node *copy = new_node(arena, TREE_LIST, list);
    const struct tree_node **room = tree_arena_room(arena, (size_t)list->count * sizeof *room);
    if (copy == NULL || room == NULL)
        return NULL;
    *copy = *list;
    if (list->count > 0)
        memcpy(room, list->items, (size_t)list->count * sizeof *room);
    copy->items = room;
    if (index < list->count) {
        room[index] = value;
    } else {
        copy->stray = value;
        copy->stray_index = index;
    }
    return copy;
}

static const struct tree_node *set_item(struct tree_arena *arena, const struct tree_node *list, const char *path,
                                        const struct tree_node *value)
{
    const size_t length = strcspn(path, ".");
    const int index = tree_index(path, length);
    if (index < 0 || index >= list->count)
        return index < 0 ? list : list_with(arena, list, index, value);
    const struct tree_node *item = tree_set(arena, list->items[index], path + length + (path[length] == '.'), value);
    return item == NULL ? NULL : list_with(arena, list, index, item);
}

static const struct tree_node *set_key(struct tree_arena *arena, const struct tree_node *map, const char *path,
                                       const struct tree_node *value)
{
    const size_t length = strcspn(path, ".");
    const int index = find_key(map, path, length);
    assert(index < 0 || map->items != NULL);
    const struct tree_node *before = index < 0 ? NULL : map->items[index];
    const struct tree_node *key = index < 0 ? new_scalar(arena, path, length, value) : map->keys[index];
    const struct tree_node *after = tree_set(arena, before, path + length + (path[length] == '.'), value);
    return after == NULL ? NULL : map_with(arena, map, index < 0 ? map->count : index, key, after);
}

const struct tree_node *tree_set(struct tree_arena *arena, const struct tree_node *root, const char *path,
                                 const struct tree_node *value)
{
    if (*path == '\0')
        return value;
    if (root == NULL && tree_index(path, strcspn(path, ".")) >= 0)
        root = new_node(arena, TREE_LIST, value);
    if (root != NULL && root->type == TREE_LIST)
        return set_item(arena, root, path, value);
    const struct tree_node *map = as_map(arena, root, value);
    return map == NULL ? NULL : set_key(arena, map, path, value);
}

void tree_place(const struct tree_node *node, char *place, size_t bytes)
{
    enum { FILE_MOST = 220 }; /* the end of a longer name, so that the numbers are never cut */
    const size_t length = strlen(node->file);
    const char *cut = length > FILE_MOST && node->line != 0 ? "..." : "";
    const char *file = *cut != '\0' ? node->file + length - FILE_MOST : node->file;
    if (node->line == 0)
        snprintf(place, bytes, "%s", file);
    else
        snprintf(place, bytes, "%s%s:%d:%d", cut, file, node->line, node->column);
}
