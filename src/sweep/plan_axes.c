/* plan_axes.c - axes and their values as text, noted while a trial's configuration is at hand, and the sweep as
 * resolved. */
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
static void write_axis(struct plan *plan, int64_t point, int axis, struct text *out)
{
    const void *value = NULL;
    const struct field *field = config_value(trial_fields, &plan->config, plan_axis_name(plan, axis), &value);
    const bool is_kind = field != NULL && field->type == FIELD_CHOICE;
    const struct tree_node *node = NULL;
    if (field == NULL || field->type == FIELD_SECTION || field->type == FIELD_LIST || is_kind)
        node = grid_axis_value(plan->grid, plan->arena, point, axis);
    if (node != NULL)
        write_node(out, node);
    else if (is_kind)
        text_add(out, "%s", ((const struct choice *)value)->kind->name);
    else if (field != NULL && (field->type == FIELD_TEXT || field->type == FIELD_PATH))
        text_add(out, "%s", (const char *)value);
    else if (field != NULL)
        write_value(out, field, value);
}

/* The number of the value in plan->word. */
static enum status number_value(struct plan *plan, struct axis_values *values, int32_t *number, struct error *error)
{
    const struct text *word = &plan->word;
    const size_t start = values->texts.length;
    int64_t found = 0;
    TRY(text_status(word, error));
    TRY(hash_map_number(&values->numbers, hash_bytes128(word->data, word->length), &found, error));
    *number = (int32_t)found;
    if (found < values->starts.count)
        return STATUS_OK;
    text_add_bytes(&values->texts, word->data, word->length);
    text_add_bytes(&values->texts, "", 1);
    TRY(text_status(&values->texts, error));
    return growing_add(&values->starts, &start, error);
}

enum status plan_axes_create(struct plan *plan, struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, (size_t)plan_axis_count(plan), sizeof *plan->axes, "axes", error));
    plan->axes = memory;
    plan->values.size = sizeof(int32_t);
    for (int axis = 0; axis < plan_axis_count(plan); axis++)
        plan->axes[axis].starts.size = sizeof(size_t);
    return STATUS_OK;
}

void plan_axes_free(struct plan *plan)
{
    for (int axis = 0; plan->axes != NULL && axis < plan_axis_count(plan); axis++) {
        text_free(&plan->axes[axis].texts);
        growing_free(&plan->axes[axis].starts);
        hash_map_free(&plan->axes[axis].numbers);
    }
    memory_free(plan->axes);
    growing_free(&plan->values);
    text_free(&plan->word);
}

enum status plan_axes_add(struct plan *plan, int64_t point, struct error *error)
{
    enum status status = STATUS_OK;
    const size_t mark = tree_arena_mark(plan->arena);
    for (int axis = 0; status == STATUS_OK && axis < plan_axis_count(plan); axis++) {
        int32_t number = 0;
        plan->word.length = 0;
        text_add(&plan->word, "%s", "");
        write_axis(plan, point, axis, &plan->word);
        status = number_value(plan, &plan->axes[axis], &number, error);
        if (status == STATUS_OK)
            status = growing_add(&plan->values, &number, error);
    }
    tree_arena_rewind(plan->arena, mark);
    return status;
}

int64_t plan_axis_value_count(const struct plan *plan, int axis)
{
    return plan->axes[axis].starts.count;
}

const char *plan_axis_value(const struct plan *plan, int axis, int64_t value)
{
    return plan->axes[axis].texts.data + ((const size_t *)plan->axes[axis].starts.items)[value];
}

const char *plan_axis_text(const struct plan *plan, int64_t trial, int axis)
{
    const int32_t *values = (const int32_t *)plan->values.items + trial * plan_axis_count(plan);
    return plan_axis_value(plan, axis, values[axis]);
}

enum status plan_describe(const struct plan *plan, struct text *out, struct error *error)
{
    config_dump(trial_fields, plan_sweep_config(plan), out);
    text_add(out, "# %" PRId64 " trials\n", plan_trial_count(plan));
    for (int axis = 0; axis < plan_axis_count(plan); axis++) {
        text_add(out, "# axis %s: ", plan_axis_name(plan, axis));
        for (int64_t value = 0; value < plan_axis_value_count(plan, axis); value++)
            text_add(out, "%s%s", value == 0 ? "" : ", ", plan_axis_value(plan, axis, value));
        text_add(out, "\n");
    }
    return text_status(out, error);
}
