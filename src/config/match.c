/* match.c - a resolved value against what an `exclude` entry says. */
#include <string.h>

#include "config/keys.h"
#include "config/names.h"
#include "config/scalar.h"

static bool match_integers(const struct integer_list *list, const struct tree_node *node)
{
    int count = 0;
    for (int i = 0; i < node->count; i++) {
        int64_t first = 0, last = 0;
        const bool is_range = scalar_range(node->items[i], &first, &last) == NULL;
        if (!is_range && scalar_integer(node->items[i], &first) != NULL)
            return false;
        const uint64_t more = is_range ? (uint64_t)last - (uint64_t)first : 0;
        for (uint64_t j = 0; j <= more; j++)
            if (count >= list->count || list->values[count++] != first + (int64_t)j)
                return false;
    }
    return count == list->count;
}

static bool match_reals(const struct real_list *list, const struct tree_node *node)
{
    for (int i = 0; i < node->count && i < list->count; i++) {
        double value = 0;
        if (scalar_real(node->items[i], &value) != NULL || value != list->values[i])
            return false;
    }
    return node->count == list->count;
}

static bool match_names(const struct name_list *list, const struct tree_node *node)
{
    for (int i = 0; i < node->count && i < list->count; i++)
        if (strcmp(node->items[i]->text, list->values[i]->name) != 0)
            return false;
    return node->count == list->count;
}

/* Whether every key of the map that the table has agrees; other keys do not. */
static bool match_table(const struct field *fields, const unsigned char *values, const struct tree_node *map,
                        const char *but)
{
    for (int i = 0; i < map->count; i++) {
        const char *key = map->keys[i]->text;
        const struct field *field = field_find(fields, key, strlen(key));
        if (strcmp(key, but) == 0)
            continue;
        if (field == NULL || !config_matches(field, values + field->offset, map->items[i]))
            return false;
    }
    return true;
}

static bool match_choice(const struct choice *choice, const struct tree_node *node)
{
    if (choice->kind == NULL)
        return false;
    const struct tree_node *name = node->type == TREE_MAP ? tree_get(node, "kind") : node;
    if (name != NULL && strcmp(choice->kind->name, name->text) != 0)
        return false;
    return node->type != TREE_MAP || match_table(kind_fields(choice->kind), choice->settings, node, "kind");
}

static bool match_items(const struct field *field, const struct item_list *list, const struct tree_node *node)
{
    for (int i = 0; i < node->count && i < list->count; i++)
        if (!config_matches(field->item, list->items[i], node->items[i]))
            return false;
    return node->type == TREE_LIST && node->count == list->count;
}

static bool match_matrix(const struct real_matrix *matrix, const struct tree_node *node)
{
    double number = 0;
    for (int i = 0; i < node->count && i < matrix->rows; i++) {
        const struct tree_node *row = node->items[i];
        if (row->type != TREE_LIST || row->count != matrix->columns)
            return false;
        for (int j = 0; j < row->count; j++)
            if (scalar_real(row->items[j], &number) != NULL || number != matrix->values[i * matrix->columns + j])
                return false;
    }
    return node->type == TREE_LIST && node->count == matrix->rows;
}

static bool match_seed(int64_t value, const struct tree_node *node)
{
    int64_t wanted = -1;
    return (strcmp(node->text, "seed") == 0 || scalar_integer(node, &wanted) == NULL) && wanted == value;
}

static bool match_flag(bool value, const struct tree_node *node)
{
    bool wanted = false;
    return scalar_flag(node, &wanted) == NULL && wanted == value;
}

/* A path is compared by its end: it was taken from the sweep file's folder. */
static bool match_path(const char *value, const struct tree_node *node)
{
    const size_t length = strlen(value), wanted = strlen(node->text);
    return wanted > 0 && wanted <= length && strcmp(value + length - wanted, node->text) == 0 &&
           (wanted == length || value[length - wanted - 1] == '/');
}

bool config_matches(const struct field *field, const void *value, const struct tree_node *node)
{
    double number = 0;
    int64_t whole = 0;
    switch (field->type) {
    case FIELD_INTEGER:
        return scalar_integer(node, &whole) == NULL && whole == *(const int64_t *)value;
    case FIELD_REAL:
        return scalar_real(node, &number) == NULL && number == *(const double *)value;
    case FIELD_DURATION:
        return scalar_duration(node, &number) == NULL && number == *(const double *)value;
    case FIELD_FLAG:
        return match_flag(*(const bool *)value, node);
    case FIELD_SEED:
        return match_seed(*(const int64_t *)value, node);
    case FIELD_TEXT:
        return strcmp(value, node->text) == 0;
    case FIELD_PATH:
        return match_path(value, node);
    case FIELD_INTEGERS:
        return match_integers(value, node);
    case FIELD_REALS:
        return match_reals(value, node);
    case FIELD_NAME:
        return *(const struct kind *const *)value != NULL &&
               strcmp((*(const struct kind *const *)value)->name, node->text) == 0;
    case FIELD_NAMES:
        return match_names(value, node);
    case FIELD_CHOICE:
        return match_choice(value, node);
    case FIELD_SECTION:
        return node->type == TREE_MAP && match_table(field->section, value, node, "");
    case FIELD_LIST:
        return match_items(field, value, node);
    case FIELD_MATRIX:
        return match_matrix(value, node);
    default:
        return false;
    }
}
