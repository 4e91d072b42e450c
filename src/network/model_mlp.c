/* model_mlp.c - hidden dense layers of the given widths, and a linear one with an output for each class. */
#include "network/models.h"
#include "network/network.h"

struct mlp_settings {
    struct integer_list hidden;
    const struct kind *activation;
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
    {.name = NULL}};

static enum status mlp_expand(const void *settings, struct shape input, int classes, struct layer_list *list,
                              struct error *error)
{
    (void)input;
    const struct mlp_settings *const mlp = settings;
    for (int i = 0; i < mlp->hidden.count; i++)
        TRY(add_dense(list, mlp->hidden.values[i], mlp->activation->name, error));
    return add_dense(list, classes, "linear", error);
}

const struct model_ops model_mlp = {
    .kind = {.name = "mlp", .summary = "multi-layer perceptron: dense layers one after another", .fields = mlp_fields},
    .expand = mlp_expand};
