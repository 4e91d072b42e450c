#include "config/spacing.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/scalar.h"

enum { MESSAGE_ROOM = 256 };

static void SEEDBED_PRINTF(3, 4)
    refuse(const struct spacing_report *report, const struct tree_node *node, const char *format, ...)
{
    char message[MESSAGE_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    report->refuse(report->context, node, message);
}

bool spacing_is(const struct tree_node *node)
{
    if (node->type != TREE_MAP || node->count != 1)
        return false;
    const char *word = node->keys[0]->text;
    return strcmp(word, "log") == 0 || strcmp(word, "lin") == 0;
}

static bool read_end(const struct tree_node *node, bool logarithmic, double *out, const struct spacing_report *report)
{
    const char *trouble = scalar_real(node, out);
    if (trouble == NULL && logarithmic && *out <= 0)
        trouble = "is not above 0, so it has no logarithm";
    if (trouble != NULL)
        refuse(report, node, "'%.100s' %s", node->text, trouble);
    return trouble == NULL;
}

static bool read_count(const struct tree_node *node, int64_t *out, const struct spacing_report *report)
{
    const char *trouble = scalar_integer(node, out);
    if (trouble == NULL && *out < 1)
        trouble = "is too small";
    if (trouble != NULL)
        refuse(report, node, "'%.100s' %s; how many values is a whole number of at least 1", node->text, trouble);
    return trouble == NULL;
}

bool spacing_read(const struct tree_node *node, struct spacing *out, const struct spacing_report *report)
{
    const char *word = node->keys[0]->text;
    const struct tree_node *list = node->items[0];
    if (list->type != TREE_LIST || list->count != 3) {
        refuse(report, list, "'%s' takes three numbers: {%s: [first, last, how many]}", word, word);
        return false;
    }
    *out = (struct spacing){.logarithmic = strcmp(word, "log") == 0, .from = list->items[0], .to = list->items[1]};
    const bool count = read_count(list->items[2], &out->count, report);
    const bool from = read_end(out->from, out->logarithmic, &out->low, report);
    const bool to = read_end(out->to, out->logarithmic, &out->high, report);
    return count && from && to;
}

void spacing_write(const struct spacing *spacing, int64_t index, char *text, size_t bytes)
{
    const double share = spacing->count > 1 ? (double)index / (double)(spacing->count - 1) : 0;
    double value = spacing->low + share * (spacing->high - spacing->low);
    if (spacing->logarithmic)
        value = pow(10, log10(spacing->low) + share * (log10(spacing->high) - log10(spacing->low)));
    snprintf(text, bytes, "%.12g", value);
}
