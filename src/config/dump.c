/* dump.c - a config as YAML. Every key is written, so that the text means the same whatever the defaults become. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/names.h"
#include "config/write.h"

/* The shortest decimal text that reads back to the same bits. */
void write_real(struct text *out, double value)
{
    char text[40];
    if (fabs(value) < 1e15 && value == floor(value)) {
        text_add(out, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    text_add(out, "%s", text);
}

static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    return text[0] != '\0' && text[0] != '-' && strspn(text, safe) == strlen(text) && strcmp(text, "...") != 0;
}

void write_string(struct text *out, const char *text)
{
    if (is_plain(text)) {
        text_add(out, "%s", text);
        return;
    }
    text_add(out, "\"");
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            text_add(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_add(out, "\\x%02X", c);
        else
            text_add_bytes(out, text, 1);
    }
    text_add(out, "\"");
}

static void write_list_item(struct text *out, int i)
{
    if (i > 0)
        text_add(out, ", ");
}

static void write_integers(struct text *out, const struct integer_list *list)
{
    text_add(out, "[");
    for (int i = 0; i < list->count; i++) {
        write_list_item(out, i);
        text_add(out, "%lld", (long long)list->values[i]);
    }
    text_add(out, "]");
}

static void write_reals(struct text *out, const struct real_list *list)
{
    text_add(out, "[");
    for (int i = 0; i < list->count; i++) {
        write_list_item(out, i);
        write_real(out, list->values[i]);
    }
    text_add(out, "]");
}

static void write_names(struct text *out, const struct name_list *list)
{
    text_add(out, "[");
    for (int i = 0; i < list->count; i++) {
        write_list_item(out, i);
        text_add(out, "%s", list->values[i]->name);
    }
    text_add(out, "]");
}

/* "name: value" for every field, separated by commas. An inline choice's settings stand beside it. */
static void write_fields(struct text *out, const struct field *fields, const unsigned char *config, bool follows)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        const unsigned char *const value = config + field->offset;
        text_add(out, "%s%s: ", follows ? ", " : "", field->name);
        follows = true;
        if ((field->flags & FIELD_INLINE) == 0) {
            write_value(out, field, value);
            continue;
        }
        const struct choice *const choice = (const void *)value;
        text_add(out, "%s", choice->kind->name);
        write_fields(out, kind_fields(choice->kind), choice->settings, true);
    }
}

static void write_choice(struct text *out, const struct choice *choice)
{
    if (kind_fields(choice->kind)->name == NULL) {
        text_add(out, "%s", choice->kind->name);
        return;
    }
    text_add(out, "{kind: %s", choice->kind->name);
    write_fields(out, kind_fields(choice->kind), choice->settings, true);
    text_add(out, "}");
}

static void write_choices(struct text *out, const struct choices *choices)
{
    text_add(out, "{");
    for (int i = 0; i < choices->count; i++) {
        write_list_item(out, i);
        text_add(out, "%s: {", choices->items[i].kind->name);
        write_fields(out, kind_fields(choices->items[i].kind), choices->items[i].settings, false);
        text_add(out, "}");
    }
    text_add(out, "}");
}

static void write_matrix(struct text *out, const struct real_matrix *matrix)
{
    text_add(out, "[");
    for (int i = 0; i < matrix->rows; i++) {
        write_list_item(out, i);
        text_add(out, "[");
        for (int j = 0; j < matrix->columns; j++) {
            write_list_item(out, j);
            write_real(out, matrix->values[i * matrix->columns + j]);
        }
        text_add(out, "]");
    }
    text_add(out, "]");
}

static void write_list(struct text *out, const struct field *field, const struct item_list *list)
{
    text_add(out, "[");
    for (int i = 0; i < list->count; i++) {
        write_list_item(out, i);
        write_value(out, field->item, list->items[i]);
    }
    text_add(out, "]");
}

void write_value(struct text *out, const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_INTEGER:
        text_add(out, "%lld", (long long)*(const int64_t *)value);
        break;
    case FIELD_SEED:
        if (*(const int64_t *)value < 0)
            text_add(out, "seed");
        else
            text_add(out, "%lld", (long long)*(const int64_t *)value);
        break;
    case FIELD_REAL:
    case FIELD_DURATION:
        write_real(out, *(const double *)value);
        break;
    case FIELD_FLAG:
        text_add(out, *(const bool *)value ? "true" : "false");
        break;
    case FIELD_TEXT:
    case FIELD_PATH:
        write_string(out, value);
        break;
    case FIELD_INTEGERS:
        write_integers(out, value);
        break;
    case FIELD_REALS:
        write_reals(out, value);
        break;
    case FIELD_NAME:
        text_add(out, "%s", (*(const struct kind *const *)value)->name);
        break;
    case FIELD_NAMES:
        write_names(out, value);
        break;
    case FIELD_CHOICE:
        write_choice(out, value);
        break;
    case FIELD_CHOICES:
        write_choices(out, value);
        break;
    case FIELD_SECTION:
        text_add(out, "{");
        write_fields(out, field->section, value, false);
        text_add(out, "}");
        break;
    case FIELD_LIST:
        write_list(out, field, value);
        break;
    case FIELD_MATRIX:
        write_matrix(out, value);
        break;
    }
}

static void dump_fields(const struct field *fields, const unsigned char *config, int indent, struct text *out);

static void dump_choices(const struct field *field, const struct choices *choices, int indent, struct text *out)
{
    text_add(out, "%*s%s:%s\n", indent, "", field->name, choices->count == 0 ? " {}" : "");
    for (int i = 0; i < choices->count; i++) {
        text_add(out, "%*s%s: {", indent + 2, "", choices->items[i].kind->name);
        write_fields(out, kind_fields(choices->items[i].kind), choices->items[i].settings, false);
        text_add(out, "}\n");
    }
}

static bool has_lists(const struct kind *kind)
{
    for (const struct field *field = kind_fields(kind); field->name != NULL; field++)
        if (field->type == FIELD_LIST)
            return true;
    return false;
}

/* One item behind its dash; over several lines where lists lie in it. */
static void dump_item(const struct field *item, const void *value, int indent, struct text *out)
{
    const struct choice *const choice = item->type == FIELD_CHOICE ? value : NULL;
    const struct item_list *const list = item->type == FIELD_LIST ? value : NULL;
    if (choice != NULL && has_lists(choice->kind)) {
        text_add(out, "%*s- kind: %s\n", indent, "", choice->kind->name);
        dump_fields(kind_fields(choice->kind), choice->settings, indent + 2, out);
    } else if (list != NULL && list->count > 0) {
        text_add(out, "%*s-\n", indent, "");
        write_items(out, item, list, indent + 2);
    } else {
        text_add(out, "%*s- ", indent, "");
        write_value(out, item, value);
        text_add(out, "\n");
    }
}

void write_items(struct text *out, const struct field *field, const struct item_list *list, int indent)
{
    for (int i = 0; i < list->count; i++)
        dump_item(field->item, list->items[i], indent, out);
}

/* The kind, and its settings beside it. */
static void dump_inline(const struct field *field, const struct choice *choice, int indent, struct text *out)
{
    text_add(out, "%*s%s: %s\n", indent, "", field->name, choice->kind->name);
    dump_fields(kind_fields(choice->kind), choice->settings, indent, out);
}

static void dump_field(const struct field *field, const void *value, int indent, struct text *out)
{
    if (field->type == FIELD_SECTION) {
        text_add(out, "%*s%s:\n", indent, "", field->name);
        dump_fields(field->section, value, indent + 2, out);
    } else if (field->type == FIELD_CHOICES) {
        dump_choices(field, value, indent, out);
    } else if (field->type == FIELD_LIST) {
        const struct item_list *const list = value;
        text_add(out, "%*s%s:%s\n", indent, "", field->name, list->count == 0 ? " []" : "");
        write_items(out, field, list, indent + 2);
    } else if ((field->flags & FIELD_INLINE) != 0) {
        dump_inline(field, value, indent, out);
    } else {
        text_add(out, "%*s%s: ", indent, "", field->name);
        write_value(out, field, value);
        text_add(out, "\n");
    }
}

static void dump_fields(const struct field *fields, const unsigned char *config, int indent, struct text *out)
{
    for (const struct field *field = fields; field->name != NULL; field++)
        dump_field(field, config + field->offset, indent, out);
}

void config_dump(const struct field *fields, const void *config, struct text *out)
{
    dump_fields(fields, config, 0, out);
}
