/* expansion.c - the graph back to nested lists. Every join has a fork: the last output that all its inputs come from.
 * A list goes from a fork to an input of its join; seen from outside, a join follows its fork. */
#include "config/expansion.h"

#include <string.h>

#include "config/config.h"
#include "config/names.h"
#include "config/write.h"
#include "network/model.h"
#include "network/models.h"

/* The output before this one, groups of layers taken as one. */
static int output_before(const struct layer_list *layers, int output)
{
    const struct layer_node *const node = &layers->nodes[output - 1];
    int at[LAYER_INPUTS_MAX];
    memcpy(at, node->inputs, sizeof at);
    for (;;) {
        int largest = 0, smallest = 0;
        for (int i = 1; i < node->input_count; i++) {
            largest = at[i] > at[largest] ? i : largest;
            smallest = at[i] < at[smallest] ? i : smallest;
        }
        if (at[largest] == at[smallest])
            return at[largest];
        at[largest] = output_before(layers, at[largest]);
    }
}

struct expansion {
    const struct layer_list *layers;
    struct config_lists *lists;
};

static enum status keep(const struct expansion *expansion, const void *value, size_t bytes, const void **kept,
                        struct error *error)
{
    *kept = config_lists_keep(expansion->lists, value, bytes);
    return *kept != NULL ? STATUS_OK : fail(error, STATUS_NO_MEMORY, "no memory for the list of layers");
}

static enum status list_between(const struct expansion *expansion, int from, int to, struct item_list *out,
                                struct error *error);

static enum status fill_residual(const struct expansion *expansion, const struct layer_node *node, int fork,
                                 struct choice *out, struct error *error)
{
    const struct add_settings *const sum = (const void *)node->layer.settings;
    struct residual_settings *const residual = (void *)out->settings;
    out->kind = &group_residual;
    residual->zero_pad = strcmp(sum->shortcut->name, "zero_pad") == 0;
    residual->activation = sum->activation;
    TRY(list_between(expansion, fork, node->inputs[1], &residual->shortcut, error));
    return list_between(expansion, fork, node->inputs[0], &residual->layers, error);
}

static enum status fill_concatenate(const struct expansion *expansion, const struct layer_node *node, int fork,
                                    struct choice *out, struct error *error)
{
    struct concatenate_settings *const concatenate = (void *)out->settings;
    const void *branches[LAYER_INPUTS_MAX];
    out->kind = &group_concatenate;
    for (int i = 0; i < node->input_count; i++) {
        struct item_list branch;
        memset(&branch, 0, sizeof branch);
        TRY(list_between(expansion, fork, node->inputs[i], &branch, error));
        TRY(keep(expansion, &branch, sizeof branch, &branches[i], error));
    }
    const void *items = NULL;
    TRY(keep(expansion, branches, (size_t)node->input_count * sizeof *branches, &items, error));
    concatenate->branches = (struct item_list){.count = node->input_count, .items = items};
    return STATUS_OK;
}

/* The item that makes an output out of the one before it. */
static enum status make_item(const struct expansion *expansion, int output, const void **kept, struct error *error)
{
    const struct layer_node *const node = &expansion->layers->nodes[output - 1];
    const int before = output_before(expansion->layers, output);
    struct choice item;
    memset(&item, 0, sizeof item);
    if (node->layer.kind == &layer_add.kind)
        TRY(fill_residual(expansion, node, before, &item, error));
    else if (node->layer.kind == &layer_concatenate.kind)
        TRY(fill_concatenate(expansion, node, before, &item, error));
    else if (node->layer.kind == &layer_activation.kind)
        item.kind = ((const struct activation_settings *)(const void *)node->layer.settings)->function;
    else
        memcpy(&item, &node->layer, sizeof item);
    return keep(expansion, &item, sizeof item, kept, error);
}

/* The items that lead from one output to another; *out was zeroed. */
static enum status list_between(const struct expansion *expansion, int from, int to, struct item_list *out,
                                struct error *error)
{
    const void *items[FIELD_LIST_MAX];
    int first = FIELD_LIST_MAX;
    for (int at = to; at != from; at = output_before(expansion->layers, at)) {
        if (first == 0)
            return fail(error, STATUS_BAD_SWEEP, "more than %d layers follow one another: a list cannot hold them",
                        FIELD_LIST_MAX);
        TRY(make_item(expansion, at, &items[--first], error));
    }
    const int count = FIELD_LIST_MAX - first;
    const void *kept = NULL;
    if (count > 0)
        TRY(keep(expansion, items + first, (size_t)count * sizeof *items, &kept, error));
    out->count = count;
    out->items = kept;
    return STATUS_OK;
}

static enum status write_layers(const struct expansion *expansion, struct text *out, struct error *error)
{
    struct item_list items = {0};
    const struct field *const layers = field_find(kind_fields(&model_layers.kind), "layers", strlen("layers"));
    TRY(list_between(expansion, 0, last_output(expansion->layers), &items, error));
    text_add(out, "model:\n  kind: %s\n  %s:\n", model_layers.kind.name, layers->name);
    write_items(out, layers, &items, 4);
    return STATUS_OK;
}

enum status expansion_write(const struct model_config *model, struct shape input, struct text *out, struct error *error)
{
    enum { ANY_CLASSES = 0 };
    struct layer_list layers = {0};
    struct config_lists lists = {0};
    enum status status = model_expand(model, input, ANY_CLASSES, &layers, error);
    if (status == STATUS_OK)
        status = write_layers(&(struct expansion){.layers = &layers, .lists = &lists}, out, error);
    config_lists_free(&lists);
    layer_list_free(&layers);
    return status;
}

/* The section `model` that only names its kind. */
static enum status default_model(const char *name, struct config_lists *lists, struct model_config *out,
                                 struct error *error)
{
    struct faults faults = {0};
    const struct tree_node key = {.type = TREE_SCALAR, .file = "", .text = "kind"};
    const struct tree_node value = {.type = TREE_SCALAR, .file = "", .text = name};
    const struct tree_node *const keys[] = {&key}, *const values[] = {&value};
    const struct tree_node map = {.type = TREE_MAP, .file = "", .text = "", .count = 1, .keys = keys, .items = values};
    const struct config_reading reading = {.lists = lists, .faults = &faults};
    const bool good = config_bind(&map, model_fields, &reading, out);
    faults_free(&faults);
    return good ? STATUS_OK : fail(error, STATUS_INTERNAL, "model %s has no defaults", name);
}

enum status expansion_write_all(struct text *out, struct error *error)
{
    const struct shape image = {32, 32, 3};
    struct config_lists lists = {0};
    enum status status = STATUS_OK;
    for (const struct kind *const *kind = model_table.kinds; status == STATUS_OK && *kind != NULL; kind++) {
        struct model_config model;
        if (*kind == &model_layers.kind)
            continue;
        text_add(out, "\n# {kind: %s} for images of %d x %d x %d\n", (*kind)->name, image.height, image.width,
                 image.channels);
        status = default_model((*kind)->name, &lists, &model, error);
        if (status == STATUS_OK)
            status = expansion_write(&model, image, out, error);
    }
    config_lists_free(&lists);
    return status == STATUS_OK ? text_status(out, error) : status;
}
