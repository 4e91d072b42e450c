/* layer_each.c - each sample's gradient of a layer that has no way of its own to find it: passes of one sample. */
#include <assert.h>

#include "network/graph.h"
#include "network/sample_gradients.h"

/* The same call for sample i alone. What forward saved is where a pass of one sample has it. */
static struct layer_pass pass_of_one(const struct layer_pass *pass, int i)
{
    struct layer_pass one = *pass;
    const size_t sample = (size_t)i, output = shape_size(pass->output_shape);
    one.n = one.batch = 1;
    one.first = 0;
    one.output += sample * output;
    one.d_output += sample * output;
    for (int k = 0; k < pass->input_count; k++) {
        const size_t input = shape_size(pass->input_shapes[k]);
        one.inputs[k] += sample * input;
        if (pass->d_inputs[k] != NULL)
            one.d_inputs[k] += sample * input;
    }
    return one;
}

size_t layer_gradient_width(const struct graph_node *node, int row)
{
    const struct layer_plan *const plan = &node->plan;
    if (plan->tensor_count > 0 && plan->gradient_form == GRADIENT_OUTER)
        return (size_t)plan->tensors[0].dimensions[row == 0 ? 1 : 0];
    return row == 0 ? graph_layer_parameters(node) : 0;
}

void layer_backward_each(const struct layer_ops *ops, const struct layer_plan *plan, const struct layer_pass *pass)
{
    if (plan->tensor_count == 0) {
        ops->backward(pass);
        return;
    }
    if (ops->backward_each != NULL) {
        ops->backward_each(pass);
        return;
    }
    assert(plan->gradient_form == GRADIENT_WHOLE && ops->observe_back == NULL);
    float *row = pass->rows[0];
    for (int i = 0; i < pass->n; i++) {
        struct layer_pass one = pass_of_one(pass, i);
        for (int t = 0; t < plan->tensor_count; t++) {
            one.d_parameters[t] = row;
            row += tensor_size(&plan->tensors[t]);
        }
        ops->forward(&one);
        ops->backward(&one);
    }
}
