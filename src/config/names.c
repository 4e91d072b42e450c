#include "config/names.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void phrase_add(struct phrase *phrase, const char *format, ...)
{
    const size_t left = sizeof phrase->text - phrase->length;
    va_list arguments;
    va_start(arguments, format);
    const int count = vsnprintf(phrase->text + phrase->length, left, format, arguments);
    va_end(arguments);
    if (count >= 0 && (size_t)count < left) {
        phrase->length += (size_t)count;
        return;
    }
    phrase->length = sizeof phrase->text - 1;
    memcpy(phrase->text + phrase->length - 3, "...", 3);
}

/* Whether wrong is the initials of name: lr of learning_rate. */
static bool is_initials(const char *wrong, const char *name)
{
    if (strchr(name, '_') == NULL)
        return false;
    for (; *wrong != '\0'; wrong++) {
        if (*wrong != *name)
            return false;
        name = strchr(name, '_');
        if (name == NULL)
            return wrong[1] == '\0';
        name++;
    }
    return false;
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    const int length = (int)strlen(nearest->wrong);
    const int most = length < 6 ? 1 + length / 4 : length / 3;
    const int distance = is_initials(nearest->wrong, name) ? 0 : text_distance(nearest->wrong, name);
    if (distance > most || distance >= length || (nearest->best != NULL && nearest->distance <= distance))
        return;
    nearest->best = name;
    nearest->distance = distance;
}

void nearest_offer_fields(struct nearest *nearest, const struct field *fields)
{
    for (; fields->name != NULL; fields++)
        nearest_offer(nearest, fields->name);
}

void nearest_offer_kinds(struct nearest *nearest, const struct kind_table *table)
{
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        nearest_offer(nearest, (*kind)->name);
}

void phrase_add_nearest(struct phrase *phrase, const struct nearest *nearest)
{
    if (nearest->best != NULL)
        phrase_add(phrase, "; did you mean '%s'?", nearest->best);
}

static void add_item(struct phrase *phrase, bool first, const char *name)
{
    phrase_add(phrase, "%s%s", first ? "" : ", ", name);
}

void phrase_add_kinds(struct phrase *phrase, const struct kind_table *table)
{
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        add_item(phrase, kind == table->kinds, (*kind)->name);
}

void phrase_add_fields(struct phrase *phrase, const struct field *fields)
{
    for (const struct field *field = fields; field->name != NULL; field++)
        add_item(phrase, field == fields, field->name);
}

void phrase_add_owners(struct phrase *phrase, const struct kind_table *table, const char *setting)
{
    bool first = true;
    for (const struct kind *const *kind = table->kinds; *kind != NULL; kind++)
        if (field_find(kind_fields(*kind), setting, strlen(setting)) != NULL) {
            add_item(phrase, first, (*kind)->name);
            first = false;
        }
}

/* " from 0 to 1", " above 0", " of at least 1 and below 9"; bounds beyond exact whole numbers are none. */
static void add_range(struct phrase *phrase, const struct field *field)
{
    const bool bounded = field->minimum != 0 || field->maximum != 0;
    const bool has_low = bounded && field->minimum > -1e15;
    const bool has_high = bounded && field->maximum < 1e15;
    const bool above = (field->flags & FIELD_ABOVE_MINIMUM) != 0;
    const bool below = (field->flags & FIELD_BELOW_MAXIMUM) != 0;
    if (has_low && has_high && !above && !below) {
        phrase_add(phrase, " from %.15g to %.15g", field->minimum, field->maximum);
        return;
    }
    if (has_low)
        phrase_add(phrase, above ? " above %.15g" : " of at least %.15g", field->minimum);
    if (has_high)
        phrase_add(phrase, "%s %s %.15g", has_low ? " and" : "", below ? "below" : "at most", field->maximum);
}

static void add_one_of(struct phrase *phrase, const char *lead, const struct field *field)
{
    phrase_add(phrase, "%s", lead);
    phrase_add_kinds(phrase, field->kinds);
}

void phrase_add_allowed(struct phrase *phrase, const struct field *field)
{
    static const char *const words[] = {[FIELD_INTEGER] = "a whole number",
                                        [FIELD_REAL] = "a number",
                                        [FIELD_FLAG] = "true or false",
                                        [FIELD_SEED] =
                                            "a whole number of at least 0, or seed to follow the trial's seed",
                                        [FIELD_DURATION] = "seconds, or such as 90s, 10m, 2h, 1-12:00:00; 0 for none",
                                        [FIELD_TEXT] = "a text",
                                        [FIELD_PATH] = "a path",
                                        [FIELD_INTEGERS] = "a list of whole numbers",
                                        [FIELD_REALS] = "a list of numbers",
                                        [FIELD_MATRIX] = "a list of rows, lists of numbers"};
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_CHOICE:
        add_one_of(phrase, "", field);
        break;
    case FIELD_NAMES:
        add_one_of(phrase, "a list out of ", field);
        break;
    case FIELD_CHOICES:
        add_one_of(phrase, "a map with keys out of ", field);
        break;
    case FIELD_LIST:
        phrase_add(phrase, "a list, each item %s", field->item->type == FIELD_CHOICE ? "one of " : "");
        phrase_add_allowed(phrase, field->item);
        break;
    case FIELD_SECTION:
        phrase_add(phrase, "a map with the keys ");
        phrase_add_fields(phrase, field->section);
        break;
    default:
        phrase_add(phrase, "%s", words[field->type]);
        if ((field->type == FIELD_INTEGERS || field->type == FIELD_REALS || field->type == FIELD_MATRIX) &&
            (field->minimum != 0 || field->maximum != 0))
            phrase_add(phrase, ", each");
        if (field->type != FIELD_SEED && field->type != FIELD_DURATION)
            add_range(phrase, field);
        if ((field->flags & FIELD_SPACED) != 0)
            phrase_add(phrase, ", or {log: [first, last, how many]}");
    }
}

const struct field *kind_fields(const struct kind *kind)
{
    static const struct field none[] = {{.name = NULL}};
    return kind == NULL || kind->fields == NULL ? none : kind->fields;
}

const struct field *field_find(const struct field *fields, const char *name, size_t length)
{
    for (; fields->name != NULL; fields++)
        if (strncmp(fields->name, name, length) == 0 && fields->name[length] == '\0')
            return fields;
    return NULL;
}

const struct field *field_find_inline(const struct field *fields)
{
    for (; fields->name != NULL; fields++)
        if (fields->type == FIELD_CHOICE && (fields->flags & FIELD_INLINE) != 0)
            return fields;
    return NULL;
}
