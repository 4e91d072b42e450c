/* expand.c - a model's layers, with biases where the section asks for them. */
#include <string.h>

#include "network/model.h"
#include "network/network.h"

struct bias_ops {
    struct kind kind;
    bool before, last; /* whether the last layer, and those before it, keep theirs */
};

static const struct bias_ops bias_all = {
    .kind = {.name = "all", .summary = "every layer that has one by its model"}, .before = true, .last = true};
static const struct bias_ops bias_last = {.kind = {.name = "last", .summary = "only the last layer"}, .last = true};
static const struct bias_ops bias_none = {.kind = {.name = "none", .summary = "no layer"}};

const struct kind_table bias_table = {
    .what = "bias",
    .plural = "biases",
    .kinds = (const struct kind *const[]){&bias_all.kind, &bias_last.kind, &bias_none.kind, NULL}};

void *layer_setting(struct choice *layer, const char *name, enum field_type type)
{
    for (const struct field *field = layer->kind->fields; field != NULL && field->name != NULL; field++)
        if (field->type == type && strcmp(field->name, name) == 0)
            return layer->settings + field->offset;
    return NULL;
}

static void set_biases(struct layer_list *layers, const struct bias_ops *bias)
{
    bool is_last = true;
    for (int i = layers->count - 1; i >= 0; i--) {
        bool *const flag = layer_setting(&layers->nodes[i].layer, "bias", FIELD_FLAG);
        if (flag == NULL)
            continue;
        *flag = *flag && (is_last ? bias->last : bias->before);
        is_last = false;
    }
}

enum status model_expand(const struct model_config *config, struct shape input, int classes, struct layer_list *layers,
                         struct error *error)
{
    const struct model_ops *const model = (const struct model_ops *)config->kind.kind;
    TRY(model->expand(config->kind.settings, input, classes, layers, error));
    set_biases(layers, (const struct bias_ops *)config->bias);
    return STATUS_OK;
}
