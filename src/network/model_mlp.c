/* model_mlp.c - hidden dense layers of the given widths, and a linear one with an output for each class. */
#include <stdbool.h>
#include <string.h>

#include "network/activation.h"
#include "network/layer_dense.h"
#include "network/models.h"
#include "network/network.h"

struct bias_ops {
    struct kind kind;
    bool hidden, last;
};

static const struct bias_ops bias_all = {
    .kind = {.name = "all", .summary = "every layer has a bias"}, .hidden = true, .last = true};
static const struct bias_ops bias_last = {.kind = {.name = "last", .summary = "only the last layer has a bias"},
                                          .last = true};
static const struct bias_ops bias_none = {.kind = {.name = "none", .summary = "no layer has a bias"}};

static const struct kind_table bias_table = {
    .what = "bias",
    .plural = "biases",
    .kinds = (const struct kind *const[]){&bias_all.kind, &bias_last.kind, &bias_none.kind, NULL}};

struct mlp_settings {
    struct integer_list hidden;
    const struct kind *activation;
    const struct kind *bias; /* struct bias_ops */
};

static const struct field mlp_fields[] = {
    {.name = "hidden",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct mlp_settings, hidden),
     .default_text = "[256, 256]",
     .minimum = 1,
     .maximum = 1 << 20,
     .unit = "units",
     .summary = "Widths of the hidden layers, first to last; [] for a linear classifier."},
    {.name = "activation",
     .type = FIELD_NAME,
     .offset = offsetof(struct mlp_settings, activation),
     .default_text = "relu",
     .kinds = &activation_table,
     .summary = "The function applied to each hidden unit."},
    {.name = "bias",
     .type = FIELD_NAME,
     .offset = offsetof(struct mlp_settings, bias),
     .default_text = "all",
     .kinds = &bias_table,
     .summary = "Which layers have a bias: all, last, none."},
    {.name = NULL}};

static enum status mlp_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                              struct error *error)
{
    (void)input;
    const struct mlp_settings *const mlp = settings;
    const struct bias_ops *const bias = (const struct bias_ops *)mlp->bias;
    for (int i = 0; i < mlp->hidden.count; i++) {
        const struct dense_settings hidden = {
            .units = mlp->hidden.values[i], .bias = bias->hidden, .activation = mlp->activation};
        TRY(layer_list_add(list, &layer_dense, &hidden, sizeof hidden, error));
    }
    const struct dense_settings last = {
        .units = classes, .bias = bias->last, .activation = kind_find(&activation_table, "linear")};
    return layer_list_add(list, &layer_dense, &last, sizeof last, error);
}

const struct model_ops model_mlp = {
    .kind = {.name = "mlp", .summary = "multi-layer perceptron: dense layers one after another", .fields = mlp_fields},
    .expand = mlp_expand};
