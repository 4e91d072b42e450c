/* model_layers.c - a network as the sweep file lists it. An item is a layer, a function (`relu`), or a group of lists:
 * `residual` and `concatenate`. Items become nodes of the graph in their order, a group's lists before the layer that
 * joins them. */
#include <stdio.h>
#include <string.h>

#include "network/layer_dense.h"
#include "network/models.h"
#include "network/network.h"

enum { LAYERS_MAX = 4096 };

static const struct field layer_item = {.name = "layer", .type = FIELD_CHOICE, .kinds = &layer_item_table};
static const struct field branch_item = {.name = "branch", .type = FIELD_LIST, .item = &layer_item};

static const struct field residual_fields[] = {
    {.name = "layers",
     .type = FIELD_LIST,
     .offset = offsetof(struct residual_settings, layers),
     .item = &layer_item,
     .summary = "Layers that the shortcut leads around."},
    {.name = "shortcut",
     .type = FIELD_LIST,
     .offset = offsetof(struct residual_settings, shortcut),
     .default_text = "[]",
     .item = &layer_item,
     .summary =
         "Layers on the shortcut, such as a 1 x 1 convolution where the shape changes; [] for the input itself."},
    {.name = "zero_pad",
     .type = FIELD_FLAG,
     .offset = offsetof(struct residual_settings, zero_pad),
     .default_text = "false",
     .summary = "Whether a shortcut of another shape is thinned out and its missing channels are zero."},
    {.name = "activation",
     .type = FIELD_NAME,
     .offset = offsetof(struct residual_settings, activation),
     .default_text = "linear",
     .kinds = &activation_table,
     .summary = "The function applied to each sum."},
    {.name = NULL}};

static const struct field concatenate_fields[] = {
    {.name = "branches",
     .type = FIELD_LIST,
     .offset = offsetof(struct concatenate_settings, branches),
     .item = &branch_item,
     .summary = "Lists of layers beside each other, 2 to 8; [] for the input itself."},
    {.name = NULL}};

static enum status check_length(const char *key, const struct item_list *list, int least, int most, struct error *error)
{
    if (list->count >= least && list->count <= most)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP, "%s has %d item%s; %d to %d are allowed", key, list->count,
                list->count == 1 ? "" : "s", least, most);
}

static enum status residual_check(const void *settings, struct error *error)
{
    return check_length("layers", &((const struct residual_settings *)settings)->layers, 1, FIELD_LIST_MAX, error);
}

static enum status concatenate_check(const void *settings, struct error *error)
{
    const struct concatenate_settings *const concatenate = settings;
    return check_length("branches", &concatenate->branches, 2, LAYER_INPUTS_MAX, error);
}

const struct kind group_residual = {.name = "residual",
                                    .summary = "a list of layers and a shortcut around it, added (He et al. 2015)",
                                    .fields = residual_fields,
                                    .check = residual_check};
const struct kind group_concatenate = {.name = "concatenate",
                                       .summary = "lists of layers that read the same input, their channels joined",
                                       .fields = concatenate_fields,
                                       .check = concatenate_check};

/* Adds a layer that reads *output, and moves *output on. */
static enum status add_layer(struct layer_list *list, const struct layer_ops *ops, const void *settings,
                             size_t settings_bytes, int *output, struct error *error)
{
    if (list->count == LAYERS_MAX)
        return fail(error, STATUS_BAD_SWEEP, "the network has more than %d layers", LAYERS_MAX);
    TRY(layer_list_add(list, ops, settings, settings_bytes, error));
    layer_list_inputs(list, 1, output);
    *output = last_output(list);
    return STATUS_OK;
}

/* Whether the layer ends with a function that can still be chosen; it is then this one. */
static bool take_function(struct choice *layer, const struct kind *function)
{
    const struct kind **const chosen = layer_setting(layer, "activation", FIELD_NAME);
    if (chosen == NULL || *chosen != kind_find(&activation_table, "linear"))
        return false;
    *chosen = function;
    return true;
}

/* follows: the layer that *output belongs to is of the same list, so that nothing else reads it. */
static enum status add_function(struct layer_list *list, const struct kind *function, bool follows, int *output,
                                struct error *error)
{
    if (follows && take_function(&list->nodes[*output - 1].layer, function))
        return STATUS_OK;
    const struct activation_settings settings = {.function = function};
    return add_layer(list, &layer_activation, &settings, sizeof settings, output, error);
}

static enum status add_items(struct layer_list *list, const char *key, const struct item_list *items, int *output,
                             struct error *error);

static enum status add_residual_group(struct layer_list *list, const struct residual_settings *residual, int *output,
                                      struct error *error)
{
    int shortcut = *output;
    TRY(add_items(list, "shortcut", &residual->shortcut, &shortcut, error));
    TRY(add_items(list, "layers", &residual->layers, output, error));
    const struct add_settings sum = {.shortcut =
                                         kind_find(&shortcut_table, residual->zero_pad ? "zero_pad" : "identity"),
                                     .activation = residual->activation};
    const int inputs[] = {*output, shortcut};
    TRY(add_layer(list, &layer_add, &sum, sizeof sum, output, error));
    layer_list_inputs(list, 2, inputs);
    return STATUS_OK;
}

static enum status add_branches(struct layer_list *list, const struct item_list *branches, int *output,
                                struct error *error)
{
    int ends[LAYER_INPUTS_MAX];
    for (int i = 0; i < branches->count; i++) {
        char key[24];
        snprintf(key, sizeof key, "branches.%d", i);
        ends[i] = *output;
        TRY(add_items(list, key, branches->items[i], &ends[i], error));
    }
    TRY(add_layer(list, &layer_concatenate, NULL, 0, output, error));
    layer_list_inputs(list, branches->count, ends);
    return STATUS_OK;
}

static enum status add_item(struct layer_list *list, const struct choice *item, bool follows, int *output,
                            struct error *error)
{
    const void *const settings = item->settings;
    if (item->kind == &group_residual)
        return add_residual_group(list, settings, output, error);
    if (item->kind == &group_concatenate)
        return add_branches(list, &((const struct concatenate_settings *)settings)->branches, output, error);
    if (kind_find(&activation_table, item->kind->name) == item->kind)
        return add_function(list, item->kind, follows, output, error);
    return add_layer(list, (const struct layer_ops *)item->kind, settings, sizeof item->settings, output, error);
}

/* Adds the list at `key` of the item at list->path, which is the place of each item meanwhile, and of the one at fault
 * afterwards. The first layer reads *output; *output becomes the last one's. */
static enum status add_items(struct layer_list *list, const char *key, const struct item_list *items, int *output,
                             struct error *error)
{
    const size_t length = strlen(list->path);
    for (int i = 0; i < items->count; i++) {
        snprintf(list->path + length, sizeof list->path - length, "%s%s.%d", length == 0 ? "" : ".", key, i);
        TRY(add_item(list, items->items[i], i > 0, output, error));
    }
    list->path[length] = '\0';
    return STATUS_OK;
}

struct layers_settings {
    struct item_list layers;
};

static const struct field layers_fields[] = {
    {.name = "layers",
     .type = FIELD_LIST,
     .offset = offsetof(struct layers_settings, layers),
     .item = &layer_item,
     .summary = "The layers, first to last: a name, or {kind: NAME, setting: value}."},
    {.name = NULL}};

static enum status layers_check(const void *settings, struct error *error)
{
    return check_length("layers", &((const struct layers_settings *)settings)->layers, 1, FIELD_LIST_MAX, error);
}

static enum status layers_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                                 struct error *error)
{
    (void)input;
    const struct layers_settings *const layers = settings;
    int output = 0;
    TRY(add_items(list, "layers", &layers->layers, &output, error));
    struct choice *const last = &list->nodes[list->count - 1].layer;
    struct dense_settings *const dense = (struct dense_settings *)(void *)last->settings;
    if (last->kind == &layer_dense.kind && dense->units == 0)
        dense->units = classes;
    return STATUS_OK;
}

const struct model_ops model_layers = {
    .kind = {.name = "layers",
             .summary = "a list of layers of your own; `seedbed list models` prints the other models as such lists",
             .fields = layers_fields,
             .check = layers_check},
    .expand = layers_expand};
