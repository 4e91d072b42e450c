/* canonical.c - bytes that are equal exactly when results must be: keys sorted, numbers by their value or bits, texts
 * with their length in front, nothing from how the file was written. Written for speed: once per point of a grid. */
#include <string.h>

#include "base/hash.h"
#include "config/config.h"
#include "config/names.h"

enum { FIELDS_MAX = 64 };

static void add_string(struct text *out, const char *text)
{
    text_add_bytes(out, text, strlen(text));
}

static void add_hexadecimal(struct text *out, uint64_t bits)
{
    static const char digits[] = "0123456789abcdef";
    char text[16];
    for (int i = 0; i < 16; i++)
        text[i] = digits[bits >> (60 - 4 * i) & 15];
    text_add_bytes(out, text, sizeof text);
}

static void add_integer(struct text *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    text_add_bytes(out, digits + at, sizeof digits - at);
}

/* By bits; the two zeros are one value. */
static void add_real(struct text *out, double value)
{
    uint64_t bits = 0;
    value = value == 0 ? 0 : value;
    memcpy(&bits, &value, sizeof bits);
    add_hexadecimal(out, bits);
}

static void add_text(struct text *out, const char *text)
{
    add_integer(out, (int64_t)strlen(text));
    add_string(out, ":");
    add_string(out, text);
}

static void add_fields(struct text *out, const struct field *fields, const unsigned char *config);

static void add_choice(struct text *out, const struct choice *choice)
{
    add_string(out, choice->kind->name);
    add_string(out, "{");
    add_fields(out, kind_fields(choice->kind), choice->settings);
    add_string(out, "}");
}

static void add_choices(struct text *out, const struct choices *choices)
{
    int order[CHOICES_MAX] = {0};
    for (int i = 0; i < choices->count; i++) {
        int j = i;
        for (; j > 0 && strcmp(choices->items[order[j - 1]].kind->name, choices->items[i].kind->name) > 0; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
    for (int i = 0; i < choices->count; i++)
        add_choice(out, &choices->items[order[i]]);
}

static void add_list(struct text *out, const struct field *field, const void *value)
{
    const struct integer_list *integers = value;
    const struct real_list *reals = value;
    const struct name_list *names = value;
    add_string(out, "[");
    for (int i = 0; field->type == FIELD_INTEGERS && i < integers->count; i++) {
        add_integer(out, integers->values[i]);
        add_string(out, ",");
    }
    for (int i = 0; field->type == FIELD_REALS && i < reals->count; i++)
        add_real(out, reals->values[i]);
    for (int i = 0; field->type == FIELD_NAMES && i < names->count; i++)
        add_text(out, names->values[i]->name);
    add_string(out, "]");
}

/* By a hash of its values: one of a hundred classes has ten thousand. */
static void add_matrix(struct text *out, const struct real_matrix *matrix)
{
    const size_t bytes = (size_t)matrix->rows * (size_t)matrix->columns * sizeof *matrix->values;
    const struct hash128 hash = hash_bytes128(matrix->values, bytes);
    add_integer(out, matrix->rows);
    add_string(out, "x");
    add_integer(out, matrix->columns);
    add_string(out, ":");
    add_hexadecimal(out, hash.high);
    add_hexadecimal(out, hash.low);
}

static void add_value(struct text *out, const struct field *field, const void *value);

static void add_items(struct text *out, const struct field *field, const struct item_list *list)
{
    add_string(out, "[");
    for (int i = 0; i < list->count; i++)
        add_value(out, field->item, list->items[i]);
    add_string(out, "]");
}

static void add_value(struct text *out, const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_SEED:
        add_integer(out, *(const int64_t *)value);
        break;
    case FIELD_REAL:
    case FIELD_DURATION:
        add_real(out, *(const double *)value);
        break;
    case FIELD_FLAG:
        add_string(out, *(const bool *)value ? "true" : "false");
        break;
    case FIELD_TEXT:
    case FIELD_PATH:
        add_text(out, value);
        break;
    case FIELD_INTEGERS:
    case FIELD_REALS:
    case FIELD_NAMES:
        add_list(out, field, value);
        break;
    case FIELD_NAME:
        add_string(out, (*(const struct kind *const *)value)->name);
        break;
    case FIELD_CHOICE:
        add_choice(out, value);
        break;
    case FIELD_CHOICES:
        add_choices(out, value);
        break;
    case FIELD_LIST:
        add_items(out, field, value);
        break;
    case FIELD_MATRIX:
        add_matrix(out, value);
        break;
    case FIELD_SECTION:
        add_string(out, "{");
        add_fields(out, field->section, value);
        add_string(out, "}");
        break;
    }
}

/* The table's fields that enter the identity, by name; returns how many. */
static int sort_fields(const struct field *fields, const struct field *sorted[FIELDS_MAX])
{
    int count = 0;
    for (const struct field *field = fields; field->name != NULL && count < FIELDS_MAX; field++) {
        if ((field->flags & FIELD_NO_IDENTITY) != 0)
            continue;
        int i = count++;
        for (; i > 0 && strcmp(sorted[i - 1]->name, field->name) > 0; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = field;
    }
    return count;
}

/* Whether the text from `start` on is exactly `end`. */
static bool ends_in(const struct text *text, size_t start, const char *end)
{
    return !text->failed && text->length - start == strlen(end) && strcmp(text->data + start, end) == 0;
}

static void add_fields(struct text *out, const struct field *fields, const unsigned char *config)
{
    const struct field *sorted[FIELDS_MAX];
    const int count = sort_fields(fields, sorted);
    for (int i = 0; i < count; i++) {
        const size_t start = out->length, value = start + strlen(sorted[i]->name) + 1;
        add_string(out, sorted[i]->name);
        add_string(out, "=");
        add_value(out, sorted[i], config + sorted[i]->offset);
        if ((sorted[i]->flags & FIELD_LATER) != 0 && ends_in(out, value, sorted[i]->default_text))
            out->length = start;
        else
            add_string(out, "\n");
    }
}

void config_canonical(const struct field *fields, const void *config, struct text *out)
{
    add_fields(out, fields, config);
}
