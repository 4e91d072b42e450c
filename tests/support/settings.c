#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind *kind_named(const struct kind_table *table, const char *name)
{
    const struct kind *const kind = kind_find(table, name);
    if (kind == NULL) {
        fprintf(stderr, "no %s is named '%s'\n", table->what, name);
        abort();
    }
    return kind;
}

static struct integer_list integers_of(const char *text)
{
    struct integer_list list = {0};
    for (const char *at = text + 1; *at != '\0' && *at != ']'; at += strspn(at, ", ")) {
        char *end;
        list.values[list.count++] = strtoll(at, &end, 10);
        at = end;
    }
    return list;
}

static struct name_list names_of(const struct kind_table *table, const char *text)
{
    char words[256], *rest = NULL;
    struct name_list list = {0};
    snprintf(words, sizeof words, "%s", text);
    for (char *word = strtok_r(words, "[], ", &rest); word != NULL; word = strtok_r(NULL, "[], ", &rest))
        list.values[list.count++] = kind_named(table, word);
    return list;
}

static void set_text(const struct field *field, const char *text, void *place)
{
    if (field->type == FIELD_INTEGER)
        *(int64_t *)place = strtoll(text, NULL, 10);
    else if (field->type == FIELD_REAL)
        *(double *)place = strtod(text, NULL);
    else if (field->type == FIELD_FLAG)
        *(bool *)place = strcmp(text, "true") == 0;
    else if (field->type == FIELD_NAME)
        *(const struct kind **)place = kind_named(field->kinds, text);
    else if (field->type == FIELD_CHOICE)
        *(struct choice *)place = choice_of(field->kinds, text);
    else if (field->type == FIELD_INTEGERS)
        *(struct integer_list *)place = integers_of(text);
    else if (field->type == FIELD_NAMES)
        *(struct name_list *)place = names_of(field->kinds, text);
    else if (field->type == FIELD_LIST)
        *(struct item_list *)place = (struct item_list){0}; /* [] */
}

void settings_default(const struct field *fields, void *out)
{
    for (const struct field *field = fields; field != NULL && field->name != NULL; field++)
        if (field->default_text != NULL)
            set_text(field, field->default_text, (char *)out + field->offset);
        else if (field->type == FIELD_SECTION)
            settings_default(field->section, (char *)out + field->offset);
}

struct choice choice_of(const struct kind_table *table, const char *name)
{
    struct choice choice = {.kind = kind_named(table, name)};
    settings_default(choice.kind->fields, choice.settings);
    return choice;
}

static const struct field *field_named(const struct kind *kind, const char *key)
{
    for (const struct field *field = kind->fields; field != NULL && field->name != NULL; field++)
        if (strcmp(field->name, key) == 0)
            return field;
    fprintf(stderr, "%s has no setting '%s'\n", kind->name, key);
    abort();
}

struct choice choice_spelled(const struct kind_table *table, const char *text)
{
    char words[256], *rest = NULL;
    snprintf(words, sizeof words, "%s", text);
    struct choice choice = choice_of(table, strtok_r(words, " ", &rest));
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *const value = strchr(word, '=');
        *value = '\0';
        const struct field *const field = field_named(choice.kind, word);
        set_text(field, value + 1, choice.settings + field->offset);
    }
    return choice;
}

static void *place_of(struct choice *choice, const char *key, enum field_type type)
{
    const struct field *const field = field_named(choice->kind, key);
    if (field->type == type)
        return choice->settings + field->offset;
    fprintf(stderr, "setting '%s' of %s is of another type\n", key, choice->kind->name);
    abort();
}

void choice_integer(struct choice *choice, const char *key, int64_t value)
{
    *(int64_t *)place_of(choice, key, FIELD_INTEGER) = value;
}

void choice_real(struct choice *choice, const char *key, double value)
{
    *(double *)place_of(choice, key, FIELD_REAL) = value;
}

void choice_flag(struct choice *choice, const char *key, bool value)
{
    *(bool *)place_of(choice, key, FIELD_FLAG) = value;
}

void choice_name(struct choice *choice, const char *key, const char *value)
{
    for (const struct field *field = choice->kind->fields; field != NULL && field->name != NULL; field++)
        if (strcmp(field->name, key) == 0)
            *(const struct kind **)place_of(choice, key, FIELD_NAME) = kind_named(field->kinds, value);
}

void choice_names(struct choice *choice, const char *key, int count, const char *const *values)
{
    struct name_list *const list = place_of(choice, key, FIELD_NAMES);
    list->count = count;
    for (const struct field *field = choice->kind->fields; field != NULL && field->name != NULL; field++)
        for (int i = 0; strcmp(field->name, key) == 0 && i < count; i++)
            list->values[i] = kind_named(field->kinds, values[i]);
}

void choice_integers(struct choice *choice, const char *key, int count, const int64_t *values)
{
    struct integer_list *const list = place_of(choice, key, FIELD_INTEGERS);
    list->count = count;
    for (int i = 0; i < count; i++)
        list->values[i] = values[i];
}

void choice_matrix(struct choice *choice, const char *key, int rows, int columns, const double *values)
{
    *(struct real_matrix *)place_of(choice, key, FIELD_MATRIX) =
        (struct real_matrix){.rows = rows, .columns = columns, .values = values};
}

void choice_items(struct choice *choice, const char *key, int count, const void *const *items)
{
    *(struct item_list *)place_of(choice, key, FIELD_LIST) = (struct item_list){.count = count, .items = items};
}
