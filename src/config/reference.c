/* reference.c - sweeps/reference.yaml: every key at its default, so that the file is itself a sweep of one trial.
 * Settings of kinds that are not the default stand in comments. */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/names.h"

enum { COMMENT_COLUMN = 44 };

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
    "# Trials are numbered in this order: grids of a union one after another; within a grid its keys and then the zip\n"
    "# groups as written, the last one changing fastest; dropped combinations leave no gap.\n";

/* "key: value   # text", the text at one column. */
static void add_line(struct text *out, const char *lead, int indent, const char *assignment, const char *comment)
{
    char line[256];
    snprintf(line, sizeof line, "%s%*s%s", lead, indent, "", assignment);
    text_add(out, "%-*s # %s\n", COMMENT_COLUMN, line, comment);
}

static void describe(const struct field *field, struct phrase *comment)
{
    if (field->type != FIELD_CHOICES) {
        phrase_add_allowed(comment, field);
        if (field->unit != NULL && strcmp(field->unit, "1") != 0)
            phrase_add(comment, ", in %s", field->unit);
        phrase_add(comment, ". ");
    }
    phrase_add(comment, "%s", field->summary);
    if ((field->flags & FIELD_NO_GRID) != 0)
        phrase_add(comment, " Not in a grid.");
}

static void add_fields(struct text *out, const char *lead, int indent, const struct field *fields);

static void add_key(struct text *out, const char *lead, int indent, const struct field *field)
{
    char assignment[200];
    struct phrase comment = {0};
    const bool required = field->default_text == NULL;
    describe(field, &comment);
    snprintf(assignment, sizeof assignment, "%s: %s", field->name, required ? "..." : field->default_text);
    if (required)
        phrase_add(&comment, " Required.");
    add_line(out, lead, indent, assignment, comment.text);
}

/* The kinds of a choice, each with its sentence and settings; those of the default kind are part of the sweep when they
 * stand in the section's own map. */
static void add_kinds(struct text *out, const char *lead, int indent, const struct field *field)
{
    const bool is_inline = (field->flags & FIELD_INLINE) != 0;
    for (const struct kind *const *kind = field->kinds->kinds; *kind != NULL; kind++) {
        const bool is_default =
            is_inline && field->default_text != NULL && strcmp((*kind)->name, field->default_text) == 0;
        text_add(out, "%s%*s# %s: %s\n", lead, indent, "", (*kind)->name, (*kind)->summary);
        add_fields(out, is_default || *lead != '\0' ? lead : "#", indent + (is_inline ? 0 : 4), kind_fields(*kind));
    }
}

static void add_field(struct text *out, const char *lead, int indent, const struct field *field)
{
    if (field->type == FIELD_SECTION) {
        text_add(out, "\n%s%*s# %s\n%s%*s%s:\n", lead, indent, "", field->summary, lead, indent, "", field->name);
        add_fields(out, lead, indent + 2, field->section);
        return;
    }
    add_key(out, lead, indent, field);
    if (field->type == FIELD_CHOICE || field->type == FIELD_CHOICES)
        add_kinds(out, lead, indent + (field->type == FIELD_CHOICES ? 2 : 0), field);
}

static void add_fields(struct text *out, const char *lead, int indent, const struct field *fields)
{
    for (const struct field *field = fields; field->name != NULL; field++)
        add_field(out, lead, indent, field);
}

void config_reference(struct text *out)
{
    text_add(out, "%s", head);
    add_fields(out, "", 0, trial_fields);
    text_add(out, "\n%s", tail);
}
