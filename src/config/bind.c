/* bind.c - maps of the tree into structs: every field of a table gets its value or its default, and every key of the
 * map must belong to a field. Scalars and lists of them are in bind_value.c, lists of items in bind_list.c.
 * The settings of a FIELD_INLINE choice stand in its section's own map, so a map is read by up to two tables. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/binder.h"
#include "config/config.h"
#include "config/flow.h"
#include "config/keys.h"

/* Writes "a.b.c" of the slot. */
static void add_path(struct phrase *phrase, const struct slot *slot)
{
    if (slot == NULL || slot->name == NULL)
        return;
    add_path(phrase, slot->up);
    phrase_add(phrase, "%s%s", phrase->length > 0 ? "." : "", slot->name);
}

void slot_fault(const struct slot *slot, const struct tree_node *node, const char *format, ...)
{
    struct phrase path = {0};
    char place[256], message[ERROR_TEXT_BYTES];
    add_path(&path, slot);
    tree_place(node, place, sizeof place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    faults_add(slot->binder->faults, place, "%.250s%s%s", path.text, path.length > 0 ? ": " : "", message);
    slot->binder->fault_count++;
}

/* Binds the default of a key that the map does not have. Its place, if it is missing, is the map's. */
static void bind_default(struct slot *slot)
{
    const struct tree_node *map = slot->node;
    const char *text = slot->field->default_text;
    if (text == NULL) {
        if (!slot->binder->partial) {
            struct phrase allowed = {0};
            phrase_add_allowed(&allowed, slot->field);
            slot_fault(slot, map, "is missing and has no default; allowed: %s", allowed.text);
        }
        return;
    }
    if (strpbrk(text, "[{\"'") == NULL) {
        const struct tree_node scalar = {.type = TREE_SCALAR, .file = "a default", .text = text};
        slot->node = &scalar;
        bind_value(slot);
        slot->node = map;
        return;
    }
    struct flow_room room;
    slot->node = flow_parse(text, &room);
    assert(slot->node != NULL);
    bind_value(slot);
}

static void bind_map(const struct slot *slot, const struct field *fields, const struct tree_node *map);

/* Gives a key of a list's item, which is not there, what the section around the list has; a fault in that is a fault of
 * the section's own key, and told once. */
static void inherit(struct slot *slot)
{
    const struct slot *const list = slot->up->up, *const around = list != NULL ? list->up : NULL;
    const bool is_map = around != NULL && around->node != NULL && around->node->type == TREE_MAP;
    slot->node = is_map ? tree_get(around->node, slot->name) : NULL;
    slot->up = slot->node != NULL ? around : slot->up;
}

/* Binds every field of a table from map (NULL: all defaults). */
static void bind_table(const struct slot *up, const struct field *fields, const struct tree_node *map, void *out)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        struct slot slot = {.binder = up->binder,
                            .up = up,
                            .name = field->name,
                            .field = field,
                            .node = tree_get(map, field->name),
                            .out = (unsigned char *)out + field->offset};
        if (slot.node == NULL && (field->flags & FIELD_INHERITED) != 0)
            inherit(&slot);
        const bool given = slot.node != NULL;
        if (!given)
            slot.node = map != NULL ? map : up->node;
        if ((field->flags & FIELD_INLINE) != 0)
            continue;
        if (given)
            bind_value(&slot);
        else if (field->type == FIELD_SECTION)
            bind_map(&slot, field->section, NULL);
        else
            bind_default(&slot);
    }
}

/* What a map's keys may be. */
struct scope {
    const struct field *fields; /* the section's; NULL: of a choice's own map */
    const struct kind_table *kinds;
    const struct kind *kind; /* NULL: unknown, any kind's settings are let pass */
};

static bool is_setting(const struct scope *scope, const char *key)
{
    if (scope->kind != NULL || scope->kinds == NULL)
        return field_find(kind_fields(scope->kind), key, strlen(key)) != NULL;
    struct phrase owners = {0};
    phrase_add_owners(&owners, scope->kinds, key);
    return owners.length > 0;
}

static bool is_known(const struct scope *scope, const char *key)
{
    const bool own =
        scope->fields == NULL ? strcmp(key, "kind") == 0 : field_find(scope->fields, key, strlen(key)) != NULL;
    return own || is_setting(scope, key);
}

/* Names for an unknown key: the nearest in this map, else the same name elsewhere, else what is allowed here. */
static void add_remedy(struct phrase *remedy, const struct slot *slot, const struct scope *scope, const char *key)
{
    char elsewhere[128];
    struct nearest nearest = {.wrong = key};
    if (scope->fields != NULL)
        nearest_offer_fields(&nearest, scope->fields);
    nearest_offer_fields(&nearest, kind_fields(scope->kind));
    phrase_add_nearest(remedy, &nearest);
    if (nearest.best != NULL)
        return;
    if (strchr(key, '.') != NULL && config_find_key(slot->binder->root_fields, key, NULL))
        phrase_add(remedy, "; outside 'grid' a dotted key is written as nested maps");
    else if (config_find_elsewhere(slot->binder->root_fields, key, elsewhere, sizeof elsewhere)) {
        phrase_add(remedy, "; did you mean '%s'?", elsewhere);
        return;
    }
    phrase_add(remedy, "; allowed: ");
    if (scope->fields != NULL)
        phrase_add_fields(remedy, scope->fields);
    else
        phrase_add(remedy, "kind");
    if (kind_fields(scope->kind)->name != NULL && kind_fields(scope->kind) != scope->fields) {
        phrase_add(remedy, ", ");
        phrase_add_fields(remedy, kind_fields(scope->kind));
    }
}

static void refuse_key(const struct slot *slot, const struct scope *scope, const struct tree_node *key)
{
    struct phrase words = {0};
    if (scope->kinds != NULL)
        phrase_add_owners(&words, scope->kinds, key->text);
    if (words.length > 0) {
        slot_fault(slot, key, "%s has no setting '%s'; %s %s", scope->kind->name, key->text, words.text,
                   strchr(words.text, ',') == NULL ? "has" : "have: say which one you mean");
        return;
    }
    add_remedy(&words, slot, scope, key->text);
    slot_fault(slot, key, "unknown key '%s'%s", key->text, words.text);
}

static void check_keys(const struct slot *slot, const struct scope *scope, const struct tree_node *map)
{
    for (int i = 0; map != NULL && i < map->count; i++)
        if (!is_known(scope, map->keys[i]->text))
            refuse_key(slot, scope, map->keys[i]);
}

/* The kind that a scalar names; NULL and a fault when there is none. */
static const struct kind *bind_kind(const struct slot *slot, const struct tree_node *name)
{
    const struct kind_table *table = slot->field->kinds;
    const struct kind *kind = name->type == TREE_SCALAR ? kind_find(table, name->text) : NULL;
    if (kind != NULL)
        return kind;
    if (name->type != TREE_SCALAR) {
        struct phrase allowed = {0};
        phrase_add_kinds(&allowed, table);
        slot_fault(slot, name, "a %s is named by one word, not by a %s; allowed: %s", table->what,
                   name->type == TREE_LIST ? "list; several values of a key go under 'grid'" : "map", allowed.text);
        return NULL;
    }
    if (tree_is_empty(name)) {
        slot_refuse(slot, name, "");
        return NULL;
    }
    struct nearest nearest = {.wrong = name->text};
    struct phrase words = {0};
    nearest_offer_kinds(&nearest, table);
    phrase_add_nearest(&words, &nearest);
    phrase_add(&words, "%s allowed: ", nearest.best != NULL ? "" : ";");
    phrase_add_kinds(&words, table);
    slot_fault(slot, name, "'%s' is not a known %s%s", name->text, table->what, words.text);
    return NULL;
}

static const struct kind *default_kind(const struct field *field)
{
    struct flow_room room;
    const struct tree_node *node = field->default_text == NULL ? NULL : flow_parse(field->default_text, &room);
    const struct tree_node *name = node != NULL && node->type == TREE_MAP ? tree_get(node, "kind") : node;
    return name == NULL ? NULL : kind_find(field->kinds, name->text);
}

/* Checks settings together that are right one by one: without a new fault since there were `before`. */
static void check_together(const struct slot *slot, settings_check *check, const void *settings, int before,
                           const struct tree_node *node)
{
    struct error error = {0};
    if (check != NULL && slot->binder->fault_count == before && check(settings, &error) != STATUS_OK)
        slot_fault(slot, node, "%s", error.text);
}

/* Sets the kind and binds its settings from map (NULL: all defaults). */
static void fill_choice(const struct slot *slot, const struct kind *kind, const struct tree_node *map)
{
    struct choice *choice = slot->out;
    const int before = slot->binder->fault_count;
    memset(choice, 0, sizeof *choice);
    choice->kind = kind;
    bind_table(slot, kind_fields(kind), map, choice->settings);
    check_together(slot, kind->check, choice->settings, before, map != NULL ? map : slot->node);
}

void bind_choice(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    if (node->type != TREE_MAP) {
        const struct kind *kind = bind_kind(slot, node);
        if (kind != NULL)
            fill_choice(slot, kind, NULL);
        return;
    }
    const struct tree_node *name = tree_get(node, "kind");
    const struct kind *kind = name != NULL ? bind_kind(slot, name) : default_kind(slot->field);
    if (name == NULL && kind == NULL) {
        struct phrase allowed = {0};
        phrase_add_kinds(&allowed, slot->field->kinds);
        slot_fault(slot, node, "names no kind; write {kind: NAME, ...}; allowed: %s", allowed.text);
        return;
    }
    const struct scope scope = {.kinds = slot->field->kinds, .kind = kind};
    check_keys(slot, &scope, node);
    if (kind != NULL)
        fill_choice(slot, kind, node);
}

/* The choice whose settings stand in the section's own map. Its slot in messages is the section. */
static const struct kind *bind_inline(const struct slot *section, const struct field *field,
                                      const struct tree_node *map)
{
    struct slot slot = {.binder = section->binder,
                        .up = section,
                        .name = field->name,
                        .field = field,
                        .node = tree_get(map, field->name),
                        .out = (unsigned char *)section->out + field->offset};
    const bool given = slot.node != NULL;
    const struct kind *kind = given ? bind_kind(&slot, slot.node) : default_kind(field);
    if (!given && kind == NULL) {
        slot.node = map != NULL ? map : section->node;
        bind_default(&slot);
    }
    if (kind == NULL)
        return NULL;
    struct slot settings = *section;
    settings.field = field;
    settings.out = slot.out;
    fill_choice(&settings, kind, map);
    return kind;
}

static void bind_map(const struct slot *slot, const struct field *fields, const struct tree_node *map)
{
    const struct field *choice = field_find_inline(fields);
    const int before = slot->binder->fault_count;
    struct scope scope = {.fields = fields};
    if (choice != NULL) {
        scope.kinds = choice->kinds;
        scope.kind = bind_inline(slot, choice, map);
    }
    check_keys(slot, &scope, map);
    bind_table(slot, fields, map, slot->out);
    check_together(slot, slot->field != NULL ? slot->field->check : NULL, slot->out, before,
                   map != NULL ? map : slot->node);
}

void bind_section(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    const struct field *fields = slot->field->section;
    if (tree_is_empty(node)) {
        bind_map(slot, fields, NULL);
        return;
    }
    const struct field *choice = field_find_inline(fields);
    if (node->type == TREE_SCALAR && choice != NULL && strcmp(choice->name, "kind") == 0) {
        const struct tree_node *items[] = {node};
        const struct tree_node key = {.type = TREE_SCALAR, .file = node->file, .text = "kind"};
        const struct tree_node *keys[] = {&key};
        const struct tree_node map = {.type = TREE_MAP,
                                      .file = node->file,
                                      .line = node->line,
                                      .column = node->column,
                                      .text = "",
                                      .count = 1,
                                      .items = items,
                                      .keys = keys};
        bind_map(slot, fields, &map);
        return;
    }
    if (node->type == TREE_MAP) {
        bind_map(slot, fields, node);
        return;
    }
    struct phrase allowed = {0};
    phrase_add_fields(&allowed, fields);
    slot_fault(slot, node, "is a section: a map with the keys %s", allowed.text);
}

void bind_choices(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    const struct kind_table *table = slot->field->kinds;
    struct choices *choices = slot->out;
    memset(choices, 0, sizeof *choices);
    if (tree_is_empty(node))
        return;
    if (node->type != TREE_MAP) {
        slot_fault(slot, node, "is a map from a %s to its settings, such as {%s: {}}", table->what,
                   table->kinds[0]->name);
        return;
    }
    for (int i = 0; i < node->count; i++) {
        const struct tree_node *key = node->keys[i];
        const struct kind *kind = bind_kind(slot, key);
        if (kind == NULL || choices->count == CHOICES_MAX)
            continue;
        struct slot item = *slot;
        item.up = slot;
        item.name = kind->name;
        item.node = node->items[i];
        item.out = &choices->items[choices->count++];
        const bool is_map = item.node->type == TREE_MAP;
        if (!is_map && !tree_is_empty(item.node))
            slot_fault(&item, item.node, "is a map of settings; write {} for the defaults");
        const struct scope scope = {.fields = kind_fields(kind), .kinds = table, .kind = kind};
        check_keys(&item, &scope, is_map ? item.node : NULL);
        fill_choice(&item, kind, is_map ? item.node : NULL);
    }
}

bool config_bind(const struct tree_node *root, const struct field *fields, const struct config_reading *reading,
                 void *out)
{
    struct binder binder = {.root_fields = fields,
                            .base_directory = reading->base_directory,
                            .lists = reading->lists,
                            .faults = reading->faults};
    const struct slot slot = {.binder = &binder, .node = root, .out = out};
    if (root->type == TREE_MAP)
        bind_map(&slot, fields, root);
    else
        slot_fault(&slot, root, "a sweep file is a map of keys, such as 'model:' and 'train:'");
    return binder.fault_count == 0;
}

bool config_check_value(const struct field *fields, const char *path, const struct tree_node *value,
                        struct faults *faults)
{
    struct config_key key;
    union {
        struct choice choice;
        struct integer_list integers;
        struct real_list reals;
        struct name_list names;
        struct item_list items;
        char text[FIELD_TEXT_BYTES];
    } room;
    if (!config_find_key(fields, path, &key) || key.field->type == FIELD_SECTION || key.field->type == FIELD_CHOICES)
        return false;
    struct config_lists lists = {0};
    struct binder binder = {.root_fields = fields, .lists = &lists, .faults = faults, .partial = true};
    const struct slot root = {.binder = &binder};
    const struct slot slot = {
        .binder = &binder, .up = &root, .name = path, .field = key.field, .node = value, .out = &room};
    bind_value(&slot);
    config_lists_free(&lists);
    return binder.fault_count == 0;
}
