/* bind_value.c - scalars and lists into the types of fields: one function a type, found by table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/binder.h"
#include "config/scalar.h"
#include "config/spacing.h"

void slot_refuse(const struct slot *slot, const struct tree_node *item, const char *trouble)
{
    struct phrase allowed = {0};
    phrase_add_allowed(&allowed, slot->field);
    if (item->type != TREE_SCALAR)
        slot_fault(slot, item, "one value is expected, not a %s%s; allowed: %s",
                   item->type == TREE_MAP ? "map" : "list",
                   item->type == TREE_LIST ? " (several values of a key go under 'grid')" : "", allowed.text);
    else if (tree_is_empty(item))
        slot_fault(slot, item, "the key has no value; allowed: %s", allowed.text);
    else
        slot_fault(slot, item, "'%.100s' %s; allowed: %s", item->text, trouble, allowed.text);
}

/* Checks bounds; a refusal says the range. */
static bool in_range(const struct slot *slot, const struct tree_node *item, double value)
{
    const struct field *field = slot->field;
    const bool bounded = field->minimum != 0 || field->maximum != 0;
    const bool low = (field->flags & FIELD_ABOVE_MINIMUM) != 0 ? value <= field->minimum : value < field->minimum;
    const bool high = (field->flags & FIELD_BELOW_MAXIMUM) != 0 ? value >= field->maximum : value > field->maximum;
    if (bounded && (low || high))
        slot_refuse(slot, item, low ? "is too small" : "is too large");
    return !bounded || (!low && !high);
}

static bool read_integer(const struct slot *slot, const struct tree_node *item, int64_t *out)
{
    const char *trouble = scalar_integer(item, out);
    if (trouble != NULL)
        slot_refuse(slot, item, trouble);
    return trouble == NULL && in_range(slot, item, (double)*out);
}

static bool read_real(const struct slot *slot, const struct tree_node *item, double *out)
{
    const char *trouble = scalar_real(item, out);
    if (trouble != NULL)
        slot_refuse(slot, item, trouble);
    return trouble == NULL && in_range(slot, item, *out);
}

static void bind_integer(const struct slot *slot)
{
    int64_t value = 0;
    if (read_integer(slot, slot->node, &value))
        *(int64_t *)slot->out = value;
}

static void bind_real(const struct slot *slot)
{
    double value = 0;
    if (read_real(slot, slot->node, &value))
        *(double *)slot->out = value;
}

static void bind_flag(const struct slot *slot)
{
    const char *trouble = scalar_flag(slot->node, slot->out);
    if (trouble != NULL)
        slot_refuse(slot, slot->node, trouble);
}

static void bind_seed(const struct slot *slot)
{
    int64_t value = -1;
    const bool follows = slot->node->type == TREE_SCALAR && strcmp(slot->node->text, "seed") == 0;
    const char *trouble = follows ? NULL : scalar_integer(slot->node, &value);
    if (trouble == NULL && !follows && value < 0)
        trouble = "is too small";
    if (trouble != NULL)
        slot_refuse(slot, slot->node, trouble);
    else
        *(int64_t *)slot->out = value;
}

static void bind_duration(const struct slot *slot)
{
    double value = 0;
    const char *trouble = scalar_duration(slot->node, &value);
    if (trouble == NULL && value < 0)
        trouble = "is below 0";
    if (trouble != NULL)
        slot_refuse(slot, slot->node, trouble);
    else if (in_range(slot, slot->node, value))
        *(double *)slot->out = value;
}

static void bind_text(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    if (node->type != TREE_SCALAR || tree_is_empty(node)) {
        slot_refuse(slot, node, "is no text");
        return;
    }
    if (strlen(node->text) >= FIELD_TEXT_BYTES) {
        slot_fault(slot, node, "the text is longer than %d bytes", FIELD_TEXT_BYTES - 1);
        return;
    }
    memset(slot->out, 0, FIELD_TEXT_BYTES);
    memcpy(slot->out, node->text, strlen(node->text));
}

static void bind_path(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    const char *base = slot->binder->base_directory;
    if (node->type != TREE_SCALAR || node->text[0] == '\0' || node->text[0] == '/' || base == NULL || base[0] == '\0') {
        bind_text(slot);
        return;
    }
    const int bytes = snprintf(NULL, 0, "%s/%s", base, node->text);
    if (bytes >= FIELD_TEXT_BYTES) {
        slot_fault(slot, node, "the path, taken from the sweep file's folder, is longer than %d bytes",
                   FIELD_TEXT_BYTES - 1);
        return;
    }
    memset(slot->out, 0, FIELD_TEXT_BYTES);
    snprintf(slot->out, FIELD_TEXT_BYTES, "%s/%s", base, node->text);
}

/* Whether the value is a list; a scalar in its place is refused with the remedy. */
bool slot_is_list(const struct slot *slot)
{
    const struct tree_node *node = slot->node;
    if (node->type == TREE_LIST)
        return true;
    if (node->type == TREE_SCALAR && !tree_is_empty(node))
        slot_fault(slot, node, "'%.100s' is one value where a list is expected; write [%.100s]", node->text,
                   node->text);
    else
        slot_refuse(slot, node, "is no list");
    return false;
}

bool slot_has_room(const struct slot *slot, const struct tree_node *item, int64_t count, int64_t more)
{
    const int most = slot->field->type == FIELD_NAMES ? FIELD_NAMES_MAX : FIELD_LIST_MAX;
    if (count + more <= most)
        return true;
    slot_fault(slot, item, "the list has more than %d values", most);
    return false;
}

static void add_range(const struct slot *slot, const struct tree_node *item, struct integer_list *list)
{
    int64_t first = 0, last = 0;
    const char *trouble = scalar_range(item, &first, &last);
    if (trouble != NULL) {
        slot_refuse(slot, item, trouble);
        return;
    }
    const uint64_t more = (uint64_t)last - (uint64_t)first;
    if (!in_range(slot, item, (double)first) || !in_range(slot, item, (double)last) ||
        !slot_has_room(slot, item, list->count, more >= FIELD_LIST_MAX ? FIELD_LIST_MAX + 1 : (int64_t)more + 1))
        return;
    for (int64_t i = 0; i <= (int64_t)more; i++)
        list->values[list->count++] = first + i;
}

static void refuse_spacing(void *context, const struct tree_node *node, const char *message)
{
    slot_fault(context, node, "%s", message);
}

/* Rounded, each number once. */
static void bind_spaced_integers(const struct slot *slot)
{
    struct integer_list list = {0};
    struct spacing spacing = {0};
    struct slot place = *slot;
    const struct spacing_report report = {.context = &place, .refuse = refuse_spacing};
    if (!spacing_read(slot->node, &spacing, &report) || !slot_has_room(slot, slot->node, 0, spacing.count) ||
        !in_range(slot, spacing.from, spacing.low) || !in_range(slot, spacing.to, spacing.high))
        return;
    for (int64_t i = 0; i < spacing.count; i++) {
        char text[40];
        spacing_write(&spacing, i, text, sizeof text);
        const int64_t value = llround(strtod(text, NULL));
        if (list.count == 0 || list.values[list.count - 1] != value)
            list.values[list.count++] = value;
    }
    *(struct integer_list *)slot->out = list;
}

/* Whether a plain list has every number that a dotted path sets. A default that the file does not give has none. */
static bool has_numbers(const struct slot *slot)
{
    if (slot->node->stray == NULL || slot->node->count > 0)
        return slot_has_no_stray(slot, "number");
    slot_fault(slot, slot->node->stray, "there is no number %d to set: write the whole list into its section first",
               slot->node->stray_index);
    return false;
}

static void bind_integers(const struct slot *slot)
{
    struct integer_list list = {0};
    if ((slot->field->flags & FIELD_SPACED) != 0 && spacing_is(slot->node)) {
        bind_spaced_integers(slot);
        return;
    }
    if (!slot_is_list(slot) || !has_numbers(slot))
        return;
    for (int i = 0; i < slot->node->count; i++) {
        const struct tree_node *item = slot->node->items[i];
        int64_t value = 0;
        if (scalar_is_range(item))
            add_range(slot, item, &list);
        else if (!slot_has_room(slot, item, list.count, 1))
            return;
        else if (read_integer(slot, item, &value))
            list.values[list.count++] = value;
    }
    *(struct integer_list *)slot->out = list;
}

static void bind_reals(const struct slot *slot)
{
    struct real_list list = {0};
    if (!slot_is_list(slot) || !has_numbers(slot))
        return;
    for (int i = 0; i < slot->node->count; i++) {
        const struct tree_node *item = slot->node->items[i];
        double value = 0;
        if (!slot_has_room(slot, item, list.count, 1))
            return;
        if (read_real(slot, item, &value))
            list.values[list.count++] = value;
    }
    *(struct real_list *)slot->out = list;
}

/* Whether row i is a list of as many values as the first. */
static bool is_row(const struct slot *slot, int i)
{
    const struct tree_node *row = slot->node->items[i], *first = slot->node->items[0];
    if (row->type != TREE_LIST || row->count == 0)
        slot_fault(slot, row,
                   "row %d is no list of numbers; a matrix is a list of rows, such as [[0.9, 0.1], [0.2, 0.8]]", i);
    else if (row->count != first->count)
        slot_fault(slot, row, "row %d has %d numbers, but row 0 has %d; all rows of a matrix are as long", i,
                   row->count, first->count);
    return row->type == TREE_LIST && row->count > 0 && row->count == first->count;
}

static bool read_rows(const struct slot *slot, int columns, double *values)
{
    for (int i = 0; i < slot->node->count; i++) {
        if (!is_row(slot, i))
            return false;
        for (int j = 0; j < columns; j++)
            if (read_real(slot, slot->node->items[i]->items[j], &values[i * columns + j]))
                values[i * columns + j] += 0.0; /* the two zeros are one value */
    }
    return true;
}

static void bind_matrix(const struct slot *slot)
{
    struct real_matrix *const matrix = slot->out;
    void *room = NULL;
    *matrix = (struct real_matrix){0};
    if (!slot_is_list(slot) || slot->node->count == 0 || !is_row(slot, 0))
        return;
    const int rows = slot->node->count, columns = slot->node->items[0]->count;
    const size_t bytes = (size_t)rows * (size_t)columns * sizeof(double);
    const double *kept = NULL;
    if (memory_allocate(&room, 1, bytes, "matrix", NULL) == STATUS_OK && read_rows(slot, columns, room)) {
        kept = config_lists_keep(slot->binder->lists, room, bytes);
        if (kept == NULL)
            slot_fault(slot, slot->node, "no memory for the matrix");
    }
    if (room == NULL)
        slot_fault(slot, slot->node, "no memory for the matrix");
    memory_free(room);
    if (kept != NULL)
        *matrix = (struct real_matrix){.rows = rows, .columns = columns, .values = kept};
}

/* The kind named by a scalar; NULL and a fault when there is none. */
static const struct kind *read_name(const struct slot *slot, const struct tree_node *item)
{
    const struct kind_table *table = slot->field->kinds;
    const struct kind *kind = item->type == TREE_SCALAR ? kind_find(table, item->text) : NULL;
    if (kind != NULL)
        return kind;
    struct nearest nearest = {.wrong = item->text};
    struct phrase trouble = {0};
    nearest_offer_kinds(&nearest, table);
    phrase_add(&trouble, "is not a known %s", table->what);
    if (nearest.best != NULL)
        phrase_add(&trouble, " (did you mean '%s'?)", nearest.best);
    slot_refuse(slot, item, trouble.text);
    return NULL;
}

static void bind_name(const struct slot *slot)
{
    const struct kind *kind = read_name(slot, slot->node);
    if (kind != NULL)
        *(const struct kind **)slot->out = kind;
}

static bool holds_name(const struct name_list *list, const struct kind *kind)
{
    for (int i = 0; i < list->count; i++)
        if (list->values[i] == kind)
            return true;
    return false;
}

static void bind_names(const struct slot *slot)
{
    struct name_list list = {0};
    if (!slot_is_list(slot))
        return;
    for (int i = 0; i < slot->node->count; i++) {
        const struct tree_node *item = slot->node->items[i];
        const struct kind *kind = read_name(slot, item);
        if (kind != NULL && holds_name(&list, kind))
            slot_fault(slot, item, "'%s' stands in the list twice", kind->name);
        else if (kind != NULL && slot_has_room(slot, item, list.count, 1))
            list.values[list.count++] = kind;
    }
    *(struct name_list *)slot->out = list;
}

void bind_value(const struct slot *slot)
{
    static void (*const binders[])(const struct slot *) = {
        [FIELD_INTEGER] = bind_integer, [FIELD_REAL] = bind_real,         [FIELD_FLAG] = bind_flag,
        [FIELD_SEED] = bind_seed,       [FIELD_DURATION] = bind_duration, [FIELD_TEXT] = bind_text,
        [FIELD_PATH] = bind_path,       [FIELD_INTEGERS] = bind_integers, [FIELD_REALS] = bind_reals,
        [FIELD_NAME] = bind_name,       [FIELD_NAMES] = bind_names,       [FIELD_CHOICE] = bind_choice,
        [FIELD_CHOICES] = bind_choices, [FIELD_SECTION] = bind_section,   [FIELD_LIST] = bind_list,
        [FIELD_MATRIX] = bind_matrix};
    binders[slot->field->type](slot);
}
