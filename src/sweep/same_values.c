/* same_values.c - values are sorted, numbers by their value and ranges by their first one, so that equal ones meet. */
#include "sweep/same_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/scalar.h"

static int compare_numbers(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int compare_nodes(const struct tree_node *a, const struct tree_node *b)
{
    double p = 0, q = 0;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type == TREE_SCALAR) {
        const bool number_a = scalar_real(a, &p) == NULL, number_b = scalar_real(b, &q) == NULL;
        if (number_a != number_b)
            return number_a ? -1 : 1;
        return number_a ? compare_numbers(p, q) : strcmp(a->text, b->text);
    }
    for (int i = 0; i < a->count && i < b->count; i++) {
        int order = a->type == TREE_MAP ? strcmp(a->keys[i]->text, b->keys[i]->text) : 0;
        if (order == 0)
            order = compare_nodes(a->items[i], b->items[i]);
        if (order != 0)
            return order;
    }
    return compare_numbers(a->count, b->count);
}

struct entry {
    const struct tree_node *node;
    double low, high; /* NaN: no number */
    int index;
};

static struct entry make_entry(const struct axis_part *part, int index)
{
    struct entry entry = {.node = part->node, .low = part->low, .high = part->high, .index = index};
    if (part->type == AXIS_VALUE) {
        if (part->node->type != TREE_SCALAR || scalar_real(part->node, &entry.low) != NULL)
            entry.low = NAN;
        entry.high = entry.low;
    }
    return entry;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    int order = isnan(p->low) - isnan(q->low);
    if (order == 0)
        order = isnan(p->low) ? compare_nodes(p->node, q->node) : compare_numbers(p->low, q->low);
    return order != 0 ? order : p->index - q->index;
}

/* Whether entry repeats a value of the one before, or of a range that reaches up to `reach`. */
static bool repeats(const struct entry *before, const struct entry *entry, double reach)
{
    if (isnan(entry->low))
        return isnan(before->low) && compare_nodes(before->node, entry->node) == 0;
    return entry->low == before->low || (entry->low <= reach && entry->low == floor(entry->low));
}

static bool check_entries(const struct axis *axis, struct entry *entries, struct faults *faults)
{
    bool good = true;
    qsort(entries, (size_t)axis->part_count, sizeof *entries, compare_entries);
    double reach = entries[0].high;
    for (int i = 1; i < axis->part_count; i++) {
        const struct entry *before = &entries[i - 1], *entry = &entries[i];
        if (repeats(before, entry, reach)) {
            const char *text = entry->node->type == TREE_SCALAR ? entry->node->text : "[...]";
            axis_fault(faults, entry->node, "%s: %s'%s' is among the values twice; it is already in line %d",
                       axis->key->text, entry->high > entry->low ? "a value of " : "", text, before->node->line);
            good = false;
        }
        reach = entry->high > reach || isnan(entry->high) ? entry->high : reach;
    }
    return good;
}

/* Evenly spaced values repeat only when they lie closer than their 12 digits tell apart. */
static bool check_spacing(const struct axis *axis, struct faults *faults)
{
    const struct spacing *spacing = &axis->parts->spacing;
    if (axis->parts->type != AXIS_SPACED || spacing->count == 1)
        return true;
    const double span = fabs(spacing->high - spacing->low);
    const double largest = fmax(fabs(spacing->high), fabs(spacing->low));
    if (span / (double)(spacing->count - 1) > 1e-11 * largest)
        return true;
    axis_fault(faults, axis->parts->node, "%s: %lld values from %s to %s would repeat; they lie too close",
               axis->key->text, (long long)spacing->count, spacing->from->text, spacing->to->text);
    return false;
}

bool same_values_check(const struct axis *axis, struct faults *faults)
{
    if (axis->part_count == 1)
        return check_spacing(axis, faults);
    void *room = NULL;
    if (memory_allocate(&room, (size_t)axis->part_count, sizeof(struct entry), "axis", NULL) != STATUS_OK) {
        axis_fault(faults, axis->key, "no memory for the values of %s", axis->key->text);
        return false;
    }
    struct entry *entries = room;
    for (int i = 0; i < axis->part_count; i++)
        entries[i] = make_entry(&axis->parts[i], i);
    const bool good = check_entries(axis, entries, faults);
    memory_free(room);
    return good;
}
