#include "sweep/axis.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/scalar.h"

void axis_fault(struct faults *faults, const struct tree_node *node, const char *format, ...)
{
    char place[256], message[ERROR_TEXT_BYTES];
    tree_place(node, place, sizeof place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    faults_add(faults, place, "%s", message);
}

bool axis_is_several(const char *path, const struct tree_node *value)
{
    struct config_key key;
    if (!config_find_key(trial_fields, path, &key))
        return false;
    return config_is_several(key.field, value) || spacing_is(value) ||
           (field_list_depth(key.field) == 0 && scalar_is_range(value));
}

static bool read_range(const struct tree_node *key, const struct tree_node *node, struct axis_part *part,
                       struct faults *faults)
{
    int64_t last = 0;
    const char *trouble = scalar_range(node, &part->first, &last);
    if (trouble != NULL) {
        axis_fault(faults, node, "%s: '%s' %s", key->text, node->text, trouble);
        return false;
    }
    const uint64_t more = (uint64_t)last - (uint64_t)part->first;
    part->type = AXIS_RANGE;
    part->node = node;
    part->low = (double)part->first;
    part->high = (double)last;
    part->count = more >= INT64_MAX ? INT64_MAX : (int64_t)more + 1;
    return true;
}

/* Refusals of a spacing go to its key. */
struct refusals {
    const struct tree_node *key;
    struct faults *faults;
};

static void refuse_spacing(void *context, const struct tree_node *node, const char *message)
{
    const struct refusals *refusals = context;
    axis_fault(refusals->faults, node, "%s: %s", refusals->key->text, message);
}

static bool read_spacing(const struct tree_node *key, const struct tree_node *node, struct axis_part *part,
                         struct faults *faults)
{
    struct refusals refusals = {.key = key, .faults = faults};
    const struct spacing_report report = {.context = &refusals, .refuse = refuse_spacing};
    part->type = AXIS_SPACED;
    part->node = node;
    const bool good = spacing_read(node, &part->spacing, &report);
    part->count = part->spacing.count;
    return good;
}

static bool read_item(const struct field *field, const struct tree_node *key, const struct tree_node *item,
                      struct axis_part *part, struct faults *faults)
{
    if (field_list_depth(field) > 0 && item->type != TREE_LIST) {
        axis_fault(faults, item, "%s: each value of this key is a list; write a list of lists, such as [[%s]]",
                   key->text, item->text);
        return false;
    }
    if (field_list_depth(field) == 0 && scalar_is_range(item))
        return read_range(key, item, part, faults);
    part->type = AXIS_VALUE;
    part->node = item;
    part->count = 1;
    return true;
}

static bool read_list(struct axis *axis, const struct field *field, const struct tree_node *list, struct faults *faults)
{
    bool good = true;
    for (int i = 0; i < list->count; i++)
        good = read_item(field, axis->key, list->items[i], &axis->parts[i], faults) && good;
    return good;
}

/* Why a value that is neither list, range nor spacing is no axis. */
static void refuse_value(const struct tree_node *key, const struct tree_node *value, struct faults *faults)
{
    if (value->type == TREE_MAP && value->count > 0)
        axis_fault(
            faults, value,
            "%s: a map is not a list of values; write [{...}, ...], {log: [a, b, n]}, {lin: [a, b, n]}, or a dotted "
            "key such as %s.%s",
            key->text, key->text, value->keys[0]->text);
    else if (value->type == TREE_SCALAR && !tree_is_empty(value))
        axis_fault(faults, value, "%s: '%s' is one value; write [%s], or set the key outside 'grid'", key->text,
                   value->text, value->text);
    else
        axis_fault(faults, value, "%s: an axis needs at least one value", key->text);
}

static bool read_parts(struct axis *axis, const struct field *field, const struct tree_node *value,
                       struct faults *faults)
{
    const bool is_list = value->type == TREE_LIST && value->count > 0;
    if (is_list)
        return read_list(axis, field, value, faults);
    if (spacing_is(value))
        return read_spacing(axis->key, value, axis->parts, faults);
    if (field_list_depth(field) == 0 && scalar_is_range(value))
        return read_range(axis->key, value, axis->parts, faults);
    refuse_value(axis->key, value, faults);
    return false;
}

static bool find_field(const struct tree_node *key, struct config_key *found, struct faults *faults)
{
    char message[ERROR_TEXT_BYTES];
    if (!config_find_key(trial_fields, key->text, found)) {
        config_explain_key(trial_fields, key->text, message, sizeof message);
        axis_fault(faults, key, "%s", message);
        return false;
    }
    if ((found->flags & FIELD_NO_GRID) != 0)
        axis_fault(faults, key, "%s holds for the whole sweep and cannot be an axis; set it outside 'grid' and 'zip'",
                   key->text);
    return (found->flags & FIELD_NO_GRID) == 0;
}

static void number_positions(struct axis *axis)
{
    for (int i = 0; i < axis->part_count; i++) {
        struct axis_part *part = &axis->parts[i];
        part->start = axis->count;
        axis->count = part->count > INT64_MAX - axis->count ? INT64_MAX : axis->count + part->count;
    }
}

static int path_depth(const char *path)
{
    int depth = 1;
    for (; *path != '\0'; path++)
        depth += *path == '.';
    return depth;
}

bool axis_read(struct tree_arena *arena, const struct tree_node *key, const struct tree_node *value, struct axis *out,
               struct faults *faults)
{
    struct config_key found;
    if (!find_field(key, &found, faults))
        return false;
    *out = (struct axis){.key = key, .depth = path_depth(key->text)};
    out->part_count = value->type == TREE_LIST && value->count > 1 ? value->count : 1;
    const size_t bytes = (size_t)out->part_count * sizeof *out->parts;
    out->parts = tree_arena_room(arena, bytes);
    if (out->parts == NULL) {
        axis_fault(faults, value, "no memory for the values of %s", key->text);
        return false;
    }
    memset(out->parts, 0, bytes);
    if (!read_parts(out, found.field, value, faults))
        return false;
    number_positions(out);
    return true;
}

static const struct axis_part *find_part(const struct axis *axis, int64_t position)
{
    int low = 0, high = axis->part_count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (axis->parts[middle].start <= position)
            low = middle;
        else
            high = middle - 1;
    }
    return &axis->parts[low];
}

static const struct tree_node *make_scalar(struct tree_arena *arena, const struct tree_node *place, const char *text)
{
    struct tree_node *node = tree_arena_room(arena, sizeof *node);
    const size_t bytes = strlen(text) + 1;
    char *copy = tree_arena_room(arena, bytes);
    if (node == NULL || copy == NULL)
        return NULL;
    *node = (struct tree_node){.file = place->file, .line = place->line, .column = place->column};
    node->text = memcpy(copy, text, bytes);
    return node;
}

const struct tree_node *axis_value(const struct axis *axis, struct tree_arena *arena, int64_t position)
{
    const struct axis_part *part = find_part(axis, position);
    const int64_t index = position - part->start;
    char text[40];
    if (part->type == AXIS_VALUE)
        return part->node;
    if (part->type == AXIS_RANGE)
        snprintf(text, sizeof text, "%" PRId64, part->first + index);
    else if (index == 0 || index == part->count - 1)
        return index == 0 ? part->spacing.from : part->spacing.to;
    else
        spacing_write(&part->spacing, index, text, sizeof text);
    return make_scalar(arena, part->node, text);
}

int64_t axis_next_to_check(const struct axis *axis, int64_t position)
{
    const struct axis_part *part = find_part(axis, position);
    const int64_t index = position - part->start;
    return index > 0 && index < part->count - 1 ? part->start + part->count - 1 : position + 1;
}
