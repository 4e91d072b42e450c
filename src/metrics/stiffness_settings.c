/* stiffness_settings.c - what may be asked of the metric `stiffness`. */
#include <stddef.h>

#include "metrics/metrics.h"
#include "metrics/stiffness.h"

_Static_assert(sizeof(struct stiffness_settings) <= CHOICE_BYTES, "settings of a kind fit a choice");

const struct kind stiffness_pair_train = {.name = "train", .summary = "both of the training part"};
static const struct kind pair_mixed = {.name = "mixed", .summary = "one of the training part, one held out of it"};
const struct kind stiffness_pair_held_out = {.name = "held_out", .summary = "both held out of the training part"};
static const struct kind_table pair_table = {
    .what = "kind of pairs",
    .plural = "pairs",
    .kinds = (const struct kind *const[]){&stiffness_pair_train, &pair_mixed, &stiffness_pair_held_out, NULL}};

const struct field stiffness_fields[] = {
    METRIC_WHEN_FIELDS(struct stiffness_settings, "[end]"),
    {.name = "samples",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct stiffness_settings, samples),
     .default_text = "500",
     .minimum = 2,
     .maximum = 8192,
     .flags = FIELD_NO_GRID,
     .summary = "Samples of each part, as many of every class; a fixed choice by the stream 'metric'."},
    {.name = "pairs",
     .type = FIELD_NAMES,
     .offset = offsetof(struct stiffness_settings, pairs),
     .default_text = "[train, mixed, held_out]",
     .kinds = &pair_table,
     .flags = FIELD_NO_GRID,
     .summary = "Which pairs: train, mixed, held_out; held out is the validation, else the "
                "test part."},
    {.name = "distances",
     .type = FIELD_FLAG,
     .offset = offsetof(struct stiffness_settings, distances),
     .default_text = "true",
     .flags = FIELD_NO_GRID,
     .summary = "Whether stiffness is also recorded against the distance 1 - cos of the inputs."},
    {.name = "layers",
     .type = FIELD_FLAG,
     .offset = offsetof(struct stiffness_settings, layers),
     .default_text = "false",
     .flags = FIELD_NO_GRID,
     .summary = "Whether also against the distance 1 - cos of every layer's outputs."},
    {.name = "edges",
     .type = FIELD_REALS,
     .offset = offsetof(struct stiffness_settings, edges),
     .default_text = "[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 2]",
     .maximum = 2,
     .flags = FIELD_NO_GRID,
     .summary = "Edges of the bins of distance, ascending; the last bin has its upper edge."},
    {.name = "superclasses",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct stiffness_settings, superclasses),
     .default_text = "[]",
     .maximum = 1e6,
     .flags = FIELD_NO_GRID,
     .summary =
         "Super-class of each class in turn, for means within and between them; []: the data's own, if it has any."},
    {.name = "gram",
     .type = FIELD_FLAG,
     .offset = offsetof(struct stiffness_settings, gram),
     .default_text = "false",
     .flags = FIELD_NO_GRID,
     .summary = "Whether the products of all gradients are recorded."},
    {0}};

enum status stiffness_check(const void *settings, struct error *error)
{
    const struct stiffness_settings *const s = settings;
    TRY(metric_when_check(settings, error));
    if (s->pairs.count == 0)
        return fail(error, STATUS_BAD_SWEEP,
                    "pairs: the list is empty; name at least one of train, "
                    "mixed, held_out");
    if (s->edges.count < 2)
        return fail(error, STATUS_BAD_SWEEP, "edges: %d found; a bin has two edges, so give at least two",
                    s->edges.count);
    for (int i = 1; i < s->edges.count; i++)
        if (s->edges.values[i] <= s->edges.values[i - 1])
            return fail(error, STATUS_BAD_SWEEP, "edges: %g follows %g; give them in ascending order",
                        s->edges.values[i], s->edges.values[i - 1]);
    if (s->layers && !s->distances)
        return fail(error, STATUS_BAD_SWEEP,
                    "layers: distances are off; leave 'layers' out or set 'distances' to true");
    return STATUS_OK;
}

enum status stiffness_fit(const void *settings, const struct metric_trial *trial, struct error *error)
{
    const int count = ((const struct stiffness_settings *)settings)->superclasses.count;
    if (count > 0 && count != trial->classes)
        return fail(error, STATUS_BAD_SWEEP,
                    "metrics.stiffness.superclasses: %d found for %d classes; give one for each class, or none", count,
                    trial->classes);
    return STATUS_OK;
}
