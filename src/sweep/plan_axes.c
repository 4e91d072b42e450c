/* plan_axes.c - axes and their values as text, and the sweep as resolved. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "config/keys.h"
#include "config/write.h"
#include "sweep/plan_parts.h"

int plan_axis_count(const struct plan *plan)
{
    return grid_axis_count(plan->grid);
}

const char *plan_axis_name(const struct plan *plan, int axis)
{
    return grid_axis_name(plan->grid, axis);
}

/* A value as written, in flow style. */
static void write_node(struct text *out, const struct tree_node *node)
{
    if (node->type == TREE_SCALAR) {
        text_add(out, "%s", node->text);
        return;
    }
    text_add(out, node->type == TREE_LIST ? "[" : "{");
    for (int i = 0; i < node->count; i++) {
        text_add(out, "%s", i == 0 ? "" : ", ");
        if (node->type == TREE_MAP)
            text_add(out, "%s: ", node->keys[i]->text);
        write_node(out, node->items[i]);
    }
    text_add(out, node->type == TREE_LIST ? "]" : "}");
}

/* Plain values as the engine reads them, so that 1e-3 and 0.001 are one; kinds, sections and their lists as written. */
static void write_axis(struct plan *plan, const struct trial_config *config, int64_t point, int axis, struct text *out)
{
    const void *value = NULL;
    const struct field *field = config_value(trial_fields, config, plan_axis_name(plan, axis), &value);
    const struct tree_node *node = grid_axis_value(plan->grid, plan->arena, point, axis);
    const bool is_kind = field != NULL && field->type == FIELD_CHOICE;
    if (node != NULL && (field == NULL || field->type == FIELD_SECTION || field->type == FIELD_LIST || is_kind))
        write_node(out, node);
    else if (is_kind)
        text_add(out, "%s", ((const struct choice *)value)->kind->name);
    else if (field != NULL && (field->type == FIELD_TEXT || field->type == FIELD_PATH))
        text_add(out, "%s", (const char *)value);
    else if (field != NULL)
        write_value(out, field, value);
}

enum status plan_axis_texts(struct plan *plan, int64_t trial, struct text *out, struct error *error)
{
    void *config = NULL;
    TRY(memory_allocate(&config, 1, sizeof(struct trial_config), "configuration", error));
    enum status status = plan_trial_config(plan, trial, config, error);
    const size_t mark = tree_arena_mark(plan->arena);
    for (int axis = 0; status == STATUS_OK && axis < plan_axis_count(plan); axis++) {
        out[axis].length = 0;
        text_add(&out[axis], "%s", "");
        write_axis(plan, config, plan_trial(plan, trial)->point, axis, &out[axis]);
        status = text_status(&out[axis], error);
    }
    tree_arena_rewind(plan->arena, mark);
    memory_free(config);
    return status;
}

/* Distinct values of every axis over all trials, in the order they are met, a line an axis. */
struct axis_values {
    struct text line;
    struct hash_map seen;
};

static enum status collect_values(struct plan *plan, struct text *texts, struct axis_values *values,
                                  struct error *error)
{
    for (int64_t trial = 0; trial < plan_trial_count(plan); trial++) {
        TRY(plan_axis_texts(plan, trial, texts, error));
        for (int axis = 0; axis < plan_axis_count(plan); axis++) {
            int64_t number = 0;
            const int64_t before = values[axis].seen.count;
            const struct hash128 hash = hash_bytes128(texts[axis].data, texts[axis].length);
            TRY(hash_map_number(&values[axis].seen, hash, &number, error));
            if (number == before)
                text_add(&values[axis].line, "%s%s", before == 0 ? "" : ", ", texts[axis].data);
        }
    }
    return STATUS_OK;
}

static enum status describe_axes(struct plan *plan, struct text *texts, struct axis_values *values, struct text *out,
                                 struct error *error)
{
    TRY(collect_values(plan, texts, values, error));
    text_add(out, "# %" PRId64 " trials\n", plan_trial_count(plan));
    for (int axis = 0; axis < plan_axis_count(plan); axis++)
        text_add(out, "# axis %s: %s\n", plan_axis_name(plan, axis), values[axis].line.data);
    return text_status(out, error);
}

enum status plan_describe(struct plan *plan, struct text *out, struct error *error)
{
    struct text texts[GRID_AXES_MAX] = {{0}};
    struct axis_values values[GRID_AXES_MAX] = {{.line = {0}}};
    config_dump(trial_fields, plan_sweep_config(plan), out);
    const enum status status = describe_axes(plan, texts, values, out, error);
    for (int axis = 0; axis < plan_axis_count(plan); axis++) {
        text_free(&texts[axis]);
        text_free(&values[axis].line);
        hash_map_free(&values[axis].seen);
    }
    return status;
}
