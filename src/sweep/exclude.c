/* exclude.c - entries of conditions: a trial is dropped when all conditions of one entry hold for its resolved values.
 */
#include "sweep/exclude.h"

#include <string.h>

#include "config/keys.h"
#include "config/names.h"
#include "config/scalar.h"
#include "sweep/axis.h"

enum bound { BOUND_ABOVE, BOUND_BELOW, BOUND_AT_LEAST, BOUND_AT_MOST, BOUND_COUNT };
static const char *const bound_names[BOUND_COUNT] = {"above", "below", "at_least", "at_most"};

struct condition {
    const char *path;
    bool is_bounds;
    bool has[BOUND_COUNT];
    double bounds[BOUND_COUNT];
    int value_count;
    const struct tree_node *const *values; /* any of them */
    const struct tree_node *value;         /* the only one */
};

struct exclude_entry {
    const struct tree_node *node;
    struct condition *conditions;
    int count;
    bool used;
};

static bool is_numeric(const struct field *field)
{
    return field->type == FIELD_INTEGER || field->type == FIELD_REAL || field->type == FIELD_SEED ||
           field->type == FIELD_DURATION;
}

static int find_bound(const char *name)
{
    for (int i = 0; i < BOUND_COUNT; i++)
        if (strcmp(bound_names[i], name) == 0)
            return i;
    return -1;
}

static void refuse_bound(const struct tree_node *key, struct faults *faults)
{
    struct nearest nearest = {.wrong = key->text};
    struct phrase words = {0};
    for (int i = 0; i < BOUND_COUNT; i++)
        nearest_offer(&nearest, bound_names[i]);
    phrase_add_nearest(&words, &nearest);
    axis_fault(faults, key, "unknown bound '%s'%s%s allowed: above, below, at_least, at_most", key->text, words.text,
               words.length > 0 ? "" : ";");
}

static bool read_bounds(const struct tree_node *node, struct condition *condition, struct faults *faults)
{
    bool good = node->count > 0;
    condition->is_bounds = true;
    if (!good)
        axis_fault(faults, node, "%s: no bound is given; allowed: above, below, at_least, at_most", condition->path);
    for (int i = 0; i < node->count; i++) {
        const int bound = find_bound(node->keys[i]->text);
        double value = 0;
        const char *trouble = bound < 0 ? "" : scalar_real(node->items[i], &value);
        if (bound < 0)
            refuse_bound(node->keys[i], faults);
        else if (trouble != NULL)
            axis_fault(faults, node->items[i], "%s: bound '%s' %s", condition->path, node->items[i]->text, trouble);
        good = good && trouble == NULL;
        if (trouble == NULL) {
            condition->has[bound] = true;
            condition->bounds[bound] = value;
        }
    }
    return good;
}

/* Whether an item could be a value of the key at all; ranges count for numbers. */
static bool check_item(const struct field *field, const char *path, const struct tree_node *item, struct faults *faults)
{
    int64_t first = 0, last = 0;
    if (!is_numeric(field) || !scalar_is_range(item))
        return config_check_value(trial_fields, path, item, faults);
    const char *trouble = scalar_range(item, &first, &last);
    if (trouble != NULL)
        axis_fault(faults, item, "%s: '%s' %s", path, item->text, trouble);
    return trouble == NULL;
}

static bool read_values(const struct field *field, const struct tree_node *node, struct condition *condition,
                        struct faults *faults)
{
    const bool any_of = config_is_several(field, node);
    condition->value = node;
    condition->values = any_of ? node->items : &condition->value;
    condition->value_count = any_of ? node->count : 1;
    if (condition->value_count == 0)
        axis_fault(faults, node, "%s: the list of values to exclude is empty", condition->path);
    bool good = condition->value_count > 0;
    for (int i = 0; i < condition->value_count; i++)
        good = check_item(field, condition->path, condition->values[i], faults) && good;
    return good;
}

static bool read_condition(const struct tree_node *key, const struct tree_node *value, struct condition *condition,
                           struct faults *faults)
{
    struct config_key found;
    char message[ERROR_TEXT_BYTES];
    *condition = (struct condition){.path = key->text};
    if (!config_find_key(trial_fields, key->text, &found)) {
        config_explain_key(trial_fields, key->text, message, sizeof message);
        axis_fault(faults, key, "%s", message);
        return false;
    }
    if ((found.flags & FIELD_NO_GRID) != 0 || found.field->type == FIELD_SECTION) {
        axis_fault(faults, key,
                   (found.flags & FIELD_NO_GRID) != 0
                       ? "%s holds for the whole sweep; exclude can only name keys that differ between trials"
                       : "%s is a section; name the key in it that decides, such as %s.kind",
                   key->text, key->text);
        return false;
    }
    return is_numeric(found.field) && value->type == TREE_MAP ? read_bounds(value, condition, faults)
                                                              : read_values(found.field, value, condition, faults);
}

static bool read_entry(struct tree_arena *arena, const struct tree_node *node, struct exclude_entry *entry,
                       struct faults *faults)
{
    if (node->type != TREE_MAP || node->count == 0) {
        axis_fault(faults, node, "an entry of 'exclude' is a map of keys and the values to drop: {train.loss: mse}");
        return false;
    }
    *entry = (struct exclude_entry){.node = node, .count = node->count};
    entry->conditions = tree_arena_room(arena, (size_t)node->count * sizeof *entry->conditions);
    if (entry->conditions == NULL) {
        axis_fault(faults, node, "no memory for 'exclude'");
        return false;
    }
    bool good = true;
    for (int i = 0; i < node->count; i++)
        good = read_condition(node->keys[i], node->items[i], &entry->conditions[i], faults) && good;
    return good;
}

void exclude_read(struct tree_arena *arena, const struct tree_node *node, struct exclude *out, struct faults *faults)
{
    *out = (struct exclude){0};
    if (node == NULL || tree_is_empty(node))
        return;
    if (node->type != TREE_LIST) {
        axis_fault(faults, node, "'exclude' is a list of maps, each behind a '-'");
        return;
    }
    out->node = node;
    out->entries = tree_arena_room(arena, (size_t)node->count * sizeof *out->entries);
    for (int i = 0; out->entries != NULL && i < node->count; i++)
        if (read_entry(arena, node->items[i], &out->entries[out->count], faults))
            out->count++;
}

static double number_of(const struct field *field, const void *value)
{
    return field->type == FIELD_INTEGER || field->type == FIELD_SEED ? (double)*(const int64_t *)value
                                                                     : *(const double *)value;
}

static bool is_within(const struct condition *condition, double value)
{
    const double *bounds = condition->bounds;
    return !(condition->has[BOUND_ABOVE] && value <= bounds[BOUND_ABOVE]) &&
           !(condition->has[BOUND_BELOW] && value >= bounds[BOUND_BELOW]) &&
           !(condition->has[BOUND_AT_LEAST] && value < bounds[BOUND_AT_LEAST]) &&
           !(condition->has[BOUND_AT_MOST] && value > bounds[BOUND_AT_MOST]);
}

static bool matches_item(const struct field *field, const void *value, const struct tree_node *item)
{
    int64_t first = 0, last = 0;
    if (!is_numeric(field) || scalar_range(item, &first, &last) != NULL)
        return config_matches(field, value, item);
    const double number = number_of(field, value);
    return number >= (double)first && number <= (double)last;
}

static bool holds(const struct condition *condition, const struct trial_config *config)
{
    const void *value = NULL;
    const struct field *field = config_value(trial_fields, config, condition->path, &value);
    if (field == NULL)
        return false;
    if (condition->is_bounds)
        return is_numeric(field) && is_within(condition, number_of(field, value));
    for (int i = 0; i < condition->value_count; i++)
        if (matches_item(field, value, condition->values[i]))
            return true;
    return false;
}

bool exclude_matches(struct exclude *exclude, const struct trial_config *config)
{
    bool any = false;
    for (int i = 0; i < exclude->count; i++) {
        struct exclude_entry *entry = &exclude->entries[i];
        bool all = true;
        for (int j = 0; all && j < entry->count; j++)
            all = holds(&entry->conditions[j], config);
        entry->used = entry->used || all;
        any = any || all;
    }
    return any;
}

void exclude_check_used(const struct exclude *exclude, struct faults *faults)
{
    for (int i = 0; i < exclude->count; i++)
        if (!exclude->entries[i].used)
            axis_fault(faults, exclude->entries[i].node,
                       "this entry of 'exclude' matches no combination; correct or remove it");
}
