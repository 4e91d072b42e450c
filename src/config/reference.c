/* reference.c - sweeps/reference.yaml: every key at its default, so that the file is itself a sweep of one trial.
 * Settings of kinds that are not the default stand in comments. */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/names.h"

enum { COMMENT_COLUMN = 34, LINE_MOST = 118 };

static const char head[] =
    "# Every key of a sweep file: its default, what it may be, what it does. Made from the tables of the program:\n"
    "# change those, not this file. All values shown are the defaults; leave out what you do not change.\n"
    "#\n"
    "# YAML as seedbed reads it: 1e-3 is a number; quoted text never is; yes, no, on, off and null are plain words;\n"
    "# true and false are the only flags; numbers are decimal, without underscores or leading zeros.\n"
    "# Relative paths are taken from the folder of the sweep file.\n\n";

static const char tail[] =
    "# Several values of a key make a grid: every combination is one trial. Keys are dotted paths to the keys above.\n"
    "#\n"
    "# grid:\n"
    "#   seed: 0..9                                  # whole numbers, both ends in\n"
    "#   train.learning_rate: {log: [1e-3, 1, 7]}    # 7 values, evenly spaced in the logarithm, to 12 digits\n"
    "#   data.label_noise.rate: {lin: [0, 0.4, 5]}   # 5 values, evenly spaced\n"
    "#   train.loss: [cross_entropy, mse]            # a list; an item may be a map: {kind: ..., setting: ...}\n"
    "#   model.hidden: [[64], [256, 256]]            # the values of a key that is a list: a list of lists\n"
    "#   model: [{kind: mlp, hidden: [8]}, {kind: mlp, hidden: [16]}]   # whole sections\n"
    "#\n"
    "# A list of maps under 'grid' is the union of those grids:\n"
    "#\n"
    "# grid:\n"
    "#   - {seed: 0..9, train.loss: [cross_entropy]}\n"
    "#   - {seed: 0..2, train.loss: [mse], train.learning_rate: [0.01, 0.1]}\n"
    "#\n"
    "# Keys that move together, one map a group; each group is crossed with the grid:\n"
    "#\n"
    "# zip:\n"
    "#   - {train.batch_size: [32, 128], train.epochs: [20, 40]}\n"
    "#\n"
    "# Combinations to drop: a trial goes when all keys of one entry match its values, defaults included. A value, a\n"
    "# list of values, or bounds: above, below, at_least, at_most. An entry that drops nothing is an error.\n"
    "#\n"
    "# exclude:\n"
    "#   - {train.loss: mse, train.learning_rate: {above: 0.3}}\n"
    "#   - {train.loss: [cross_entropy, mse], seed: {at_least: 5, below: 8}}\n"
    "#\n"
    "# Pairs of trials to compare, by their weights at the end (which 'metrics' must record) and the settings of\n"
    "# 'comparison'. across: trials that agree in every other axis; within: trials that agree in these.\n"
    "#\n"
    "# pairs:\n"
    "#   - {across: seed}\n"
    "#   - {within: [train.loss, data.label_noise.rate]}\n"
    "#\n"
    "# Trials are numbered in this order: grids of a union one after another; within a grid its keys and then the zip\n"
    "# groups as written, the last one changing fastest; dropped combinations leave no gap.\n";

/* Comment lines of at most LINE_MOST characters, broken between words. */
static void add_comment(struct text *out, int indent, const char *comment)
{
    const size_t most = (size_t)(LINE_MOST - indent - 2);
    while (*comment != '\0') {
        size_t length = strlen(comment);
        if (length > most) {
            length = most;
            while (length > 1 && comment[length] != ' ')
                length--;
        }
        text_add(out, "%*s# %.*s\n", indent, "", (int)length, comment);
        comment += length;
        comment += strspn(comment, " ");
    }
}

/* "a list of layers", whose kinds or keys stand below it. */
static void add_list(const struct field *item, struct phrase *allowed)
{
    if (item->type == FIELD_CHOICE)
        phrase_add(allowed, "a list of %s", item->kinds->plural);
    else
        phrase_add(allowed, "a list of %s", item->type == FIELD_LIST ? "lists" : "maps with the keys below");
}

static void add_allowed(const struct field *field, struct phrase *allowed)
{
    enum { NAMES_MAX = 60 };
    if (field->type == FIELD_LIST)
        add_list(field->item, allowed);
    else
        phrase_add_allowed(allowed, field);
    if (field->type == FIELD_CHOICE && allowed->length > NAMES_MAX) {
        *allowed = (struct phrase){0};
        phrase_add(allowed, "one of the %s %s", field->kinds->plural,
                   (field->flags & FIELD_INHERITED) != 0 ? "above" : "below");
    }
    if (field->type == FIELD_CHOICES && allowed->length > NAMES_MAX) {
        *allowed = (struct phrase){0};
        phrase_add(allowed, "a map with keys out of the %s below", field->kinds->plural);
    }
    if (field->type == FIELD_NAMES && allowed->length > NAMES_MAX) { /* the summary above it names them */
        *allowed = (struct phrase){0};
        phrase_add(allowed, "a list of these names");
    }
    if (field->unit != NULL && strcmp(field->unit, "1") != 0 && field->type != FIELD_DURATION)
        phrase_add(allowed, "; %s", field->unit);
    if ((field->flags & FIELD_INHERITED) != 0)
        phrase_add(allowed, "; when absent as beside the list");
    else if (field->default_text == NULL)
        phrase_add(allowed, "; required");
    if ((field->flags & FIELD_NO_GRID) != 0)
        phrase_add(allowed, "; not in a grid");
}

/* Where a key is written. */
struct place {
    bool off; /* commented out */
    int indent;
    const struct kind_table *within; /* of the list around it, whose kinds are already there; NULL: none */
};

/* The sentence, then "key: value   # what is allowed". */
static void add_key(struct text *out, struct place place, const struct field *field)
{
    char line[256];
    struct phrase allowed = {0};
    const bool is_default = field->default_text != NULL && (field->flags & FIELD_INHERITED) == 0;
    const char *value = is_default ? field->default_text : "...";
    add_allowed(field, &allowed);
    snprintf(line, sizeof line, "%*s%s%s: %s", place.indent, "", place.off ? "# " : "", field->name, value);
    add_comment(out, place.indent, field->summary);
    text_add(out, "%-*s # %s\n", COMMENT_COLUMN, line, allowed.text);
}

static void add_fields(struct text *out, struct place place, const struct field *fields);

/* The kinds of a choice, each with its sentence and settings. Those of the default kind are part of the sweep when they
 * stand in the section's own map; the others are commented out. */
static void add_kinds(struct text *out, struct place place, const struct field *field)
{
    const bool is_inline = (field->flags & FIELD_INLINE) != 0;
    for (const struct kind *const *kind = field->kinds->kinds; *kind != NULL; kind++) {
        char heading[300];
        const bool is_default = field->default_text != NULL && strcmp((*kind)->name, field->default_text) == 0;
        snprintf(heading, sizeof heading, "-- %s: %s", (*kind)->name, (*kind)->summary);
        add_comment(out, place.indent, heading);
        struct place inner = place;
        inner.off = place.off || !is_inline || !is_default;
        inner.indent += is_inline ? 0 : 4;
        add_fields(out, inner, kind_fields(*kind));
    }
}

/* What an item of a list may be, commented out; not again within itself. */
static void add_item(struct text *out, struct place place, const struct field *item)
{
    place.off = true;
    if (item->type == FIELD_SECTION) {
        place.indent += 4;
        add_fields(out, place, item->section);
    } else if (item->type == FIELD_CHOICE && item->kinds != place.within) {
        place.within = item->kinds;
        add_kinds(out, place, item);
    }
}

static void add_field(struct text *out, struct place place, const struct field *field)
{
    if (field->type == FIELD_SECTION) {
        text_add(out, "\n");
        add_comment(out, place.indent, field->summary);
        text_add(out, "%*s%s%s:\n", place.indent, "", place.off ? "# " : "", field->name);
        place.indent += 2;
        add_fields(out, place, field->section);
        return;
    }
    text_add(out, place.indent == 0 ? "\n" : "");
    add_key(out, place, field);
    if (field->type == FIELD_LIST)
        add_item(out, place, field->item);
    if ((field->type != FIELD_CHOICE && field->type != FIELD_CHOICES) || (field->flags & FIELD_INHERITED) != 0)
        return;
    place.indent += field->type == FIELD_CHOICES ? 2 : 0;
    add_kinds(out, place, field);
}

static void add_fields(struct text *out, struct place place, const struct field *fields)
{
    for (const struct field *field = fields; field->name != NULL; field++)
        add_field(out, place, field);
}

void config_reference(struct text *out)
{
    text_add(out, "%s", head);
    add_fields(out, (struct place){0}, trial_fields);
    text_add(out, "\n%s", tail);
}
