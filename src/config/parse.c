/* parse.c - libyaml's events to a tree.
 * A stack of open lists and maps, and one growing array of the children that wait for their parent's end. Faults that
 * leave the structure whole (an alias, a tag, a duplicate key) are noted and reading goes on; at the others it stops.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "config/encoding.h"
#include "config/tree.h"

enum { DEPTH_MAX = 64, BYTES_MAX = 16 << 20 };

struct open_node {
    struct tree_node *node;
    int first_child; /* index into children; of a map: key, value, key, value... */
};

struct reader {
    struct tree_arena *arena;
    struct faults *faults;
    const char *name;
    bool has_lines;
    bool failed;
    yaml_parser_t yaml;
    struct open_node open[DEPTH_MAX];
    int depth;
    const struct tree_node **children;
    int child_count, child_capacity;
    const struct tree_node *root;
    int documents;
};

static struct tree_node node_at(const struct reader *reader, const yaml_mark_t *mark)
{
    return (struct tree_node){.text = "",
                              .file = reader->name,
                              .line = reader->has_lines ? (int)mark->line + 1 : 0,
                              .column = reader->has_lines ? (int)mark->column + 1 : 0};
}

/* A fault that leaves the tree whole. */
static void note_fault(struct reader *reader, const yaml_mark_t *mark, const char *text, const char *detail)
{
    const struct tree_node node = node_at(reader, mark);
    char place[256];
    tree_place(&node, place, sizeof place);
    faults_add(reader->faults, place, "%s%s%s", text, detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
}

/* A fault that leaves no tree to look at. */
static void reader_fault(struct reader *reader, const yaml_mark_t *mark, const char *text, const char *detail)
{
    note_fault(reader, mark, text, detail);
    reader->failed = true;
}

static void out_of_memory(struct reader *reader)
{
    faults_add(reader->faults, reader->name, "no memory to read it");
    reader->failed = true;
    reader->documents = -1;
}

static bool children_grow(struct reader *reader)
{
    const int capacity = 2 * reader->child_capacity + 64;
    void *room = NULL;
    if (memory_allocate(&room, (size_t)capacity, sizeof *reader->children, "YAML tree", NULL) != STATUS_OK)
        return false;
    if (reader->child_count > 0)
        memcpy(room, reader->children, (size_t)reader->child_count * sizeof *reader->children);
    memory_free(reader->children);
    reader->children = room;
    reader->child_capacity = capacity;
    return true;
}

/* Hands a finished or just opened node to the map or list it stands in. */
static void add_child(struct reader *reader, const struct tree_node *node)
{
    if (reader->depth == 0) {
        reader->root = node;
        return;
    }
    if (reader->child_count == reader->child_capacity && !children_grow(reader)) {
        out_of_memory(reader);
        return;
    }
    reader->children[reader->child_count++] = node;
}

static bool expects_key(const struct reader *reader)
{
    if (reader->depth == 0)
        return false;
    const struct open_node *open = &reader->open[reader->depth - 1];
    return open->node->type == TREE_MAP && (reader->child_count - open->first_child) % 2 == 0;
}

static struct tree_node *add_node(struct reader *reader, enum tree_type type, const yaml_event_t *event)
{
    struct tree_node *node = tree_arena_room(reader->arena, sizeof *node);
    if (node == NULL) {
        out_of_memory(reader);
        return NULL;
    }
    *node = node_at(reader, &event->start_mark);
    node->type = type;
    add_child(reader, node);
    return reader->documents < 0 ? NULL : node;
}

static void check_extras(struct reader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
                         const yaml_char_t *tag)
{
    if (anchor != NULL)
        note_fault(reader, &event->start_mark, "anchors are not read; write the value where it is used",
                   (const char *)anchor);
    if (tag != NULL)
        note_fault(reader, &event->start_mark, "tags are not read; write the value plainly", (const char *)tag);
}

static void read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    check_extras(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(text, '\0', length) != NULL)
        note_fault(reader, &event->start_mark, "the text holds a zero byte", NULL);
    struct tree_node *node = add_node(reader, TREE_SCALAR, event);
    char *copy = tree_arena_room(reader->arena, length + 1);
    if (node == NULL || copy == NULL) {
        out_of_memory(reader);
        return;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    node->text = copy;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

static void open_collection(struct reader *reader, enum tree_type type, const yaml_event_t *event)
{
    if (reader->depth == DEPTH_MAX) {
        reader_fault(reader, &event->start_mark, "nested deeper than 64 levels", NULL);
        reader->documents = -1;
        return;
    }
    if (expects_key(reader))
        reader_fault(reader, &event->start_mark, "a key must be plain text, not a list or a map", NULL);
    struct tree_node *node = add_node(reader, type, event);
    reader->open[reader->depth++] = (struct open_node){.node = node, .first_child = reader->child_count};
}

static int compare_keys(const void *a, const void *b)
{
    const struct tree_node *first = *(const struct tree_node *const *)a;
    const struct tree_node *second = *(const struct tree_node *const *)b;
    const int order = strcmp(first->text, second->text);
    if (order != 0)
        return order;
    if (first->line != second->line)
        return first->line < second->line ? -1 : 1;
    return first->column - second->column;
}

static void check_duplicates(struct reader *reader, const struct tree_node *map)
{
    void *room = NULL;
    if (map->count < 2)
        return;
    if (memory_allocate(&room, (size_t)map->count, sizeof *map->keys, "YAML keys", NULL) != STATUS_OK) {
        out_of_memory(reader);
        return;
    }
    const struct tree_node **keys = room;
    memcpy(keys, map->keys, (size_t)map->count * sizeof *keys);
    qsort(keys, (size_t)map->count, sizeof *keys, compare_keys);
    for (int i = 1; i < map->count; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0) {
            char place[256];
            tree_place(keys[i], place, sizeof place);
            faults_add(reader->faults, place, "duplicate key '%s'; it is already set in line %d", keys[i]->text,
                       keys[i - 1]->line);
        }
    memory_free(room);
}

/* Moves the children that wait since the innermost open node began into it. */
static void close_collection(struct reader *reader)
{
    const struct open_node open = reader->open[--reader->depth];
    const int waiting = reader->child_count - open.first_child;
    const int step = open.node->type == TREE_MAP ? 2 : 1;
    const struct tree_node **room = tree_arena_room(reader->arena, (size_t)waiting * sizeof *room);
    if (room == NULL) {
        out_of_memory(reader);
        return;
    }
    const int count = waiting / step;
    for (int i = 0; i < waiting; i++)
        room[i % step == step - 1 ? i / step : count + i / step] = reader->children[open.first_child + i];
    open.node->count = count;
    open.node->items = room;
    open.node->keys = step == 2 ? room + count : NULL;
    reader->child_count = open.first_child;
    if (step == 2)
        check_duplicates(reader, open.node);
}

static void start_document(struct reader *reader, const yaml_event_t *event)
{
    if (reader->documents++ == 0)
        return;
    note_fault(reader, &event->start_mark, "a second document starts here; a sweep file is one document", NULL);
    reader->documents = -1;
}

static void read_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        start_document(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        reader_fault(reader, &event->start_mark, "aliases are not read; write the value where it is used",
                     (const char *)event->data.alias.anchor);
        add_node(reader, TREE_LIST, event); /* stands for the value: no further faults from its absence */
        break;
    case YAML_SCALAR_EVENT:
        read_scalar(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        check_extras(reader, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        open_collection(reader, TREE_LIST, event);
        break;
    case YAML_MAPPING_START_EVENT:
        check_extras(reader, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        open_collection(reader, TREE_MAP, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(reader);
        break;
    default:
        break;
    }
}

/* Whether the character at mark, whose index counts characters and not bytes, is a tab. */
static bool is_tab(const char *text, size_t bytes, const yaml_mark_t *mark)
{
    size_t characters = 0;
    for (size_t i = 0; i < bytes; i++) {
        const bool starts_character = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (starts_character && characters++ == mark->index)
            return text[i] == '\t';
    }
    return false;
}

static void report_syntax(struct reader *reader, const char *text, size_t bytes)
{
    const yaml_parser_t *yaml = &reader->yaml;
    const yaml_mark_t *mark = &yaml->problem_mark;
    const char *problem = yaml->problem != NULL ? yaml->problem : "cannot be read";
    if (yaml->error == YAML_MEMORY_ERROR)
        out_of_memory(reader);
    else if (is_tab(text, bytes, mark))
        reader_fault(reader, mark, "a tab; YAML is indented with spaces", NULL);
    else if (strstr(problem, "mapping values are not allowed") != NULL)
        reader_fault(reader, mark,
                     "a ':' that cannot stand here; is a space missing after one in the line before, or are "
                     "quotes missing around a text?",
                     NULL);
    else
        reader_fault(reader, mark, problem, yaml->context);
}

static void read_events(struct reader *reader, const char *text, size_t bytes)
{
    bool ended = false;
    yaml_parser_set_encoding(&reader->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->yaml, (const unsigned char *)text, bytes);
    while (!ended && reader->documents >= 0) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->yaml, &event)) {
            report_syntax(reader, text, bytes);
            return;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        read_event(reader, &event);
        yaml_event_delete(&event);
    }
    if (ended && reader->root == NULL && !reader->failed)
        reader_fault(reader, &(yaml_mark_t){0}, "the file is empty; a sweep needs at least 'model' and 'train'", NULL);
}

static const struct tree_node *read_tree(struct reader *reader, const char *text, size_t bytes)
{
    const struct tree_node start = node_at(reader, &(yaml_mark_t){0});
    if (bytes > BYTES_MAX) {
        reader_fault(reader, &(yaml_mark_t){0}, "the file is larger than 16 MiB", NULL);
        return NULL;
    }
    if (!encoding_check(&start, text, bytes, reader->faults))
        return NULL;
    if (!yaml_parser_initialize(&reader->yaml)) {
        out_of_memory(reader);
        return NULL;
    }
    read_events(reader, text, bytes);
    yaml_parser_delete(&reader->yaml);
    memory_free(reader->children);
    return reader->failed ? NULL : reader->root;
}

static const char *keep_text(struct tree_arena *arena, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = tree_arena_room(arena, bytes);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

const struct tree_node *tree_parse(struct tree_arena *arena, const char *name, const char *text, size_t bytes,
                                   struct faults *faults)
{
    struct reader reader = {.arena = arena, .faults = faults, .name = keep_text(arena, name), .has_lines = true};
    if (reader.name == NULL) {
        faults_add(faults, name, "no memory to read it");
        return NULL;
    }
    return read_tree(&reader, text, bytes);
}

const struct tree_node *tree_parse_option(struct tree_arena *arena, const char *option, const char *value,
                                          struct faults *faults)
{
    struct reader reader = {.arena = arena, .faults = faults, .name = keep_text(arena, option)};
    struct tree_node *empty = tree_arena_room(arena, sizeof *empty);
    if (reader.name == NULL || empty == NULL) {
        faults_add(faults, option, "no memory to read it");
        return NULL;
    }
    *empty = (struct tree_node){.file = reader.name, .text = ""};
    return value[strspn(value, " ")] == '\0' ? empty : read_tree(&reader, value, strlen(value));
}
