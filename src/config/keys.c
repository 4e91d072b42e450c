/* keys.c - walking a dotted key through tables of fields. With a config in hand a choice leads into the settings of its
 * kind, without one into those of any kind. */
#include "config/keys.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "config/names.h"
#include "config/scalar.h"

struct cursor {
    struct config_key key;
    const void *value;       /* NULL: no config in hand */
    const struct kind *kind; /* inside FIELD_CHOICES: the entry that was named */
};

static bool enter_field(struct cursor *cursor, const struct field *field, const void *base)
{
    if (field == NULL)
        return false;
    cursor->key.field = field;
    cursor->key.flags |= field->flags & (FIELD_NO_GRID | FIELD_NO_IDENTITY);
    cursor->value = base == NULL ? NULL : (const unsigned char *)base + field->offset;
    cursor->kind = NULL;
    return true;
}

/* Into a setting of the choice's kind; without a config, of the first kind that has it. */
static bool enter_setting(struct cursor *cursor, const struct kind_table *table, const struct choice *choice,
                          const char *name, size_t length)
{
    if (choice != NULL)
        return choice->kind != NULL &&
               enter_field(cursor, field_find(kind_fields(choice->kind), name, length), choice->settings);
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        if (enter_field(cursor, field_find(kind_fields(*kind), name, length), NULL))
            return true;
    return false;
}

static bool enter_table(struct cursor *cursor, const struct field *fields, const void *base, const char *name,
                        size_t length)
{
    if (enter_field(cursor, field_find(fields, name, length), base))
        return true;
    const struct field *field = field_find_inline(fields);
    if (field == NULL)
        return false;
    const void *choice = base == NULL ? NULL : (const unsigned char *)base + field->offset;
    return enter_setting(cursor, field->kinds, choice, name, length);
}

static bool enter_entry(struct cursor *cursor, const char *name, size_t length)
{
    const struct kind_table *table = cursor->key.field->kinds;
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        if (strncmp((*kind)->name, name, length) == 0 && (*kind)->name[length] == '\0') {
            cursor->kind = *kind;
            return true;
        }
    return false;
}

/* Into an item of a list; without a config, into any. */
static bool enter_item(struct cursor *cursor, const char *name, size_t length)
{
    const struct item_list *list = cursor->value;
    const int index = tree_index(name, length);
    if (index < 0 || index >= (list == NULL ? FIELD_LIST_MAX : list->count))
        return false;
    return enter_field(cursor, cursor->key.field->item, list == NULL ? NULL : list->items[index]);
}

/* A number of a plain list; the list's own range is checked when it is read whole. */
static const struct field integer_item = {
    .name = "number", .type = FIELD_INTEGER, .minimum = -0x1p53, .maximum = 0x1p53};
static const struct field real_item = {.name = "number", .type = FIELD_REAL, .minimum = -DBL_MAX, .maximum = DBL_MAX};

static bool is_plain_list(const struct field *field)
{
    return field->type == FIELD_INTEGERS || field->type == FIELD_REALS;
}

static bool enter_number(struct cursor *cursor, const char *name, size_t length)
{
    const bool whole = cursor->key.field->type == FIELD_INTEGERS;
    const struct integer_list *integers = whole ? cursor->value : NULL;
    const struct real_list *reals = whole ? NULL : cursor->value;
    const int count = integers != NULL ? integers->count : reals != NULL ? reals->count : FIELD_LIST_MAX;
    const int index = tree_index(name, length);
    if (index < 0 || index >= count)
        return false;
    if (whole)
        return enter_field(cursor, &integer_item, integers == NULL ? NULL : &integers->values[index]);
    return enter_field(cursor, &real_item, reals == NULL ? NULL : &reals->values[index]);
}

static bool enter(struct cursor *cursor, const char *name, size_t length)
{
    const struct field *field = cursor->key.field;
    if (cursor->key.is_kind)
        return false;
    if (field->type == FIELD_SECTION)
        return enter_table(cursor, field->section, cursor->value, name, length);
    if (field->type == FIELD_LIST)
        return enter_item(cursor, name, length);
    if (is_plain_list(field))
        return enter_number(cursor, name, length);
    if (field->type == FIELD_CHOICES && cursor->kind != NULL)
        return enter_field(cursor, field_find(kind_fields(cursor->kind), name, length), NULL);
    if (field->type == FIELD_CHOICES)
        return enter_entry(cursor, name, length);
    if (field->type != FIELD_CHOICE || (field->flags & FIELD_INLINE) != 0)
        return false;
    cursor->key.is_kind = length == 4 && strncmp(name, "kind", length) == 0;
    return cursor->key.is_kind || enter_setting(cursor, field->kinds, cursor->value, name, length);
}

/* Follows path as far as it goes; returns what is left of it. */
static const char *walk(const struct field *fields, const void *config, const char *path, struct cursor *cursor)
{
    const char *left = path;
    *cursor = (struct cursor){0};
    while (*left != '\0') {
        const size_t length = strcspn(left, ".");
        const bool found =
            left == path ? enter_table(cursor, fields, config, left, length) : enter(cursor, left, length);
        if (!found || (left[length] == '.' && left[length + 1] == '\0'))
            return left;
        left += length + (left[length] == '.');
    }
    return left;
}

bool config_find_key(const struct field *fields, const char *path, struct config_key *key)
{
    struct cursor cursor;
    const char *left = walk(fields, NULL, path, &cursor);
    if (*left != '\0' || cursor.key.field == NULL)
        return false;
    if (key != NULL)
        *key = cursor.key;
    return true;
}

const struct field *config_value(const struct field *fields, const void *config, const char *path, const void **value)
{
    struct cursor cursor;
    const char *left = walk(fields, config, path, &cursor);
    if (*left != '\0' || cursor.value == NULL)
        return NULL;
    *value = cursor.value;
    return cursor.key.field;
}

static bool find_exactly(const struct field *fields, const char *name, char *path, size_t bytes);

static bool find_below(const struct field *field, const char *name, char *path, size_t bytes)
{
    if (field->type == FIELD_SECTION)
        return find_exactly(field->section, name, path, bytes);
    if (field->type != FIELD_CHOICE || (field->flags & FIELD_INLINE) != 0)
        return false;
    struct cursor cursor = {0};
    if (!enter_setting(&cursor, field->kinds, NULL, name, strlen(name)))
        return false;
    snprintf(path, bytes, "%s", name);
    return true;
}

static bool find_exactly(const struct field *fields, const char *name, char *path, size_t bytes)
{
    struct cursor cursor = {0};
    if (enter_table(&cursor, fields, NULL, name, strlen(name))) {
        snprintf(path, bytes, "%s", name);
        return true;
    }
    for (const struct field *field = fields; field->name != NULL; field++) {
        char below[100];
        if (find_below(field, name, below, sizeof below)) {
            snprintf(path, bytes, "%s.%s", field->name, below);
            return true;
        }
    }
    return false;
}

bool config_find_elsewhere(const struct field *fields, const char *name, char *path, size_t bytes)
{
    if (find_exactly(fields, name, path, bytes))
        return true;
    for (const struct field *field = fields; field->name != NULL; field++) {
        struct nearest nearest = {.wrong = name};
        if (field->type == FIELD_SECTION)
            nearest_offer_fields(&nearest, field->section);
        if (nearest.best != NULL) {
            snprintf(path, bytes, "%s.%s", field->name, nearest.best);
            return true;
        }
    }
    return false;
}

/* Offers the names that may follow a cursor; before the first part, those of the root. */
static void offer_names(struct nearest *nearest, const struct field *fields, const struct cursor *cursor)
{
    const struct field *field = cursor->key.field;
    const struct field *table = field == NULL ? fields : field->type == FIELD_SECTION ? field->section : NULL;
    const struct field *choice = table != NULL ? field_find_inline(table) : field;
    if (table != NULL)
        nearest_offer_fields(nearest, table);
    if (cursor->kind != NULL)
        nearest_offer_fields(nearest, kind_fields(cursor->kind));
    else if (choice != NULL && choice->type == FIELD_CHOICES)
        nearest_offer_kinds(nearest, choice->kinds);
    else if (choice != NULL && choice->type == FIELD_CHOICE)
        for (const struct kind *const *kind = choice->kinds->kinds; *kind != NULL; kind++)
            nearest_offer_fields(nearest, kind_fields(*kind));
}

static void add_names(struct phrase *phrase, const struct field *fields, const struct cursor *cursor)
{
    const struct field *field = cursor->key.field;
    if (field == NULL)
        phrase_add_fields(phrase, fields);
    else if (field->type == FIELD_SECTION)
        phrase_add_fields(phrase, field->section);
    else if (field->type == FIELD_CHOICE)
        phrase_add(phrase, "kind and the settings of %ss", field->kinds->what);
    else if (field->type == FIELD_LIST)
        phrase_add(phrase, "the number of a %s, 0 for the first, at most %d", field->item->name, FIELD_LIST_MAX - 1);
    else if (is_plain_list(field))
        phrase_add(phrase, "the place of a number, 0 for the first, at most %d", FIELD_LIST_MAX - 1);
    else
        phrase_add(phrase, "nothing below '%s'", field->name);
}

void config_explain_key(const struct field *fields, const char *path, char *text, size_t bytes)
{
    struct cursor cursor;
    char part[128], elsewhere[128];
    const char *left = walk(fields, NULL, path, &cursor);
    snprintf(part, sizeof part, "%.*s", (int)strcspn(left, "."), left);
    struct nearest nearest = {.wrong = part};
    offer_names(&nearest, fields, &cursor);
    if (nearest.best != NULL)
        snprintf(text, bytes, "unknown key '%.200s'; did you mean '%.*s%s%s'?", path, (int)(left - path), path,
                 nearest.best, left + strcspn(left, "."));
    else if (left[strcspn(left, ".")] == '\0' && config_find_elsewhere(fields, part, elsewhere, sizeof elsewhere))
        snprintf(text, bytes, "unknown key '%.200s'; did you mean '%s'?", path, elsewhere);
    else {
        struct phrase allowed = {0};
        add_names(&allowed, fields, &cursor);
        snprintf(text, bytes, "unknown key '%.200s'; allowed%s%.*s: %s", path, left > path ? " in " : "",
                 (int)(left > path ? left - path - 1 : 0), path, allowed.text);
    }
}

int field_list_depth(const struct field *field)
{
    if (field->type == FIELD_LIST)
        return 1 + field_list_depth(field->item);
    if (field->type == FIELD_MATRIX)
        return 2;
    return field->type == FIELD_INTEGERS || field->type == FIELD_REALS || field->type == FIELD_NAMES;
}

bool config_is_several(const struct field *field, const struct tree_node *node)
{
    for (int depth = field_list_depth(field); depth > 0; depth--) {
        if (node->type != TREE_LIST || node->count == 0)
            return false;
        node = node->items[0];
    }
    return node->type == TREE_LIST;
}
