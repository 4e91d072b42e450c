/* layer.h - the interface of a layer.
 * Activations are NHWC: [n, height, width, channels], dense features [n, 1, 1, features]. */
#ifndef SEEDBED_LAYER_H
#define SEEDBED_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/field.h"
#include "seedbed/status.h"

struct shape {
    int height, width, channels;
};

enum { LAYER_INPUTS_MAX = 8, LAYER_TENSORS_MAX = 8, LAYER_STATES_MAX = 2, TENSOR_RANK_MAX = 4, TENSOR_NAME_BYTES = 48 };

enum tensor_role {
    TENSOR_WEIGHT, /* drawn by the model's `init` */
    TENSOR_BIAS,   /* zero, or as `init` says */
    TENSOR_SCALE,  /* one */
    TENSOR_SHIFT,  /* zero */
    TENSOR_STATE   /* `initial`; no parameter: changed by forward passes, not by the optimizer */
};

/* One parameter tensor, row-major in the flat block. */
struct tensor_spec {
    char name[TENSOR_NAME_BYTES]; /* by the layer "weight"; in the network "dense1.weight" */
    enum tensor_role role;
    int rank;
    int dimensions[TENSOR_RANK_MAX];
    int fan_in, fan_out;
    float initial; /* of TENSOR_STATE */
    int layer;     /* its place in the network; this and depth are the network's to fill */
    int depth;     /* layers with weights on the longest path from the input to here, its own included */
};

/* What one sample's gradient is kept as: rows that follow each other without gaps. */
enum gradient_form {
    GRADIENT_WHOLE, /* rows[0]: the gradients of all parameter tensors, one after another */
    GRADIENT_OUTER  /* rows[0]: a [fan_in], rows[1]: d [fan_out]: d a^T for tensors[0], d for tensors[1] if there is one
                     */
};

/* What a layer needs, given its settings and the shapes of its inputs. */
struct layer_plan {
    struct shape output;
    int tensor_count;
    struct tensor_spec tensors[LAYER_TENSORS_MAX];
    int state_count;
    struct tensor_spec states[LAYER_STATES_MAX]; /* of TENSOR_STATE: running statistics and their like */
    size_t saved_per_sample;                     /* floats kept from forward to backward, beside the output */
    size_t kept;                                 /* floats kept likewise, whatever the number of samples */
    size_t scratch_per_sample;                   /* floats needed only during one call */
    size_t scratch_fixed;                        /* the same, whatever the number of samples; they lie first */
    double flops_per_sample;                     /* of forward */
    enum gradient_form gradient_form;            /* of backward_each */
};

enum pass_mode {
    PASS_EVALUATE,      /* as after training */
    PASS_DIFFERENTIATE, /* the same, and all is kept that a way back needs */
    PASS_TRAIN,         /* batch statistics, dropout; running statistics follow; a way back */
    PASS_ESTIMATE       /* batch statistics, no dropout; running statistics become the mean over such passes */
};

/* One call's arguments. Pointers are lent for the call; nothing here is owned by the layer.
 * A batch passes in blocks of samples that are few enough to stay in cache; each call sees one. */
struct layer_pass {
    int n;     /* samples of this block */
    int first; /* the place of its first one in the batch */
    int batch; /* samples of the batch; first + n == batch: this is its last block */
    enum pass_mode mode;
    const void *settings;
    int input_count;
    struct shape input_shapes[LAYER_INPUTS_MAX];
    struct shape output_shape;
    const float *inputs[LAYER_INPUTS_MAX];
    float *output;
    const float *parameters[LAYER_TENSORS_MAX];
    float *states[LAYER_STATES_MAX];
    float *saved; /* of these n samples */
    float *kept;  /* the same for all blocks */
    float *scratch;
    int layer;         /* its place in the network */
    int64_t step;      /* of training, below 0 in stages: with layer and sample the place of a random draw */
    uint64_t seed;     /* the `dropout` stream's seed */
    int64_t estimated; /* samples of earlier PASS_ESTIMATE passes */
    /* backward only */
    float *d_output;                        /* may be overwritten */
    float *d_inputs[LAYER_INPUTS_MAX];      /* overwritten; NULL: not wanted */
    float *d_parameters[LAYER_TENSORS_MAX]; /* overwritten with the gradient over this block; see observe_back */
    /* backward_each only */
    float *rows[2]; /* [n, row] by plan's gradient_form; overwritten with each sample's gradient */
};

struct layer_ops {
    struct kind kind;

    /* Fills plan (zeroed by the caller). STATUS_BAD_SWEEP where the shapes do not fit. */
    enum status (*plan)(const void *settings, int input_count, const struct shape *inputs, struct layer_plan *plan,
                        struct error *error);
    void (*forward)(const struct layer_pass *pass);
    /* Follows a forward of the same mode, PASS_TRAIN or PASS_DIFFERENTIATE. */
    void (*backward)(const struct layer_pass *pass);

    /* Its output is linear in its inputs, in evaluation mode, and it has no parameters: a derivative passes it as any
     * value does, by forward and backward. */
    bool linear;

    /* The calls below may be NULL. */
    /* Only where samples depend on each other, as by a batch's statistics; else both NULL. They see every block of a
     * batch in turn before forward and backward see the first one; what they find lies in `kept`. observe is called in
     * PASS_TRAIN and PASS_ESTIMATE only. observe_back, before every backward, writes d_parameters, of the whole batch,
     * in its last call; backward does not. */
    void (*observe)(const struct layer_pass *pass);
    void (*observe_back)(const struct layer_pass *pass);
    /* Settings of a layer with a TENSOR_WEIGHT -> those of its linear part: no bias, no activation.
     * linear [CHOICE_BYTES] */
    void (*linear_part)(const void *settings, void *linear);
    /* Of a layer that in evaluation mode scales and shifts each channel: multiplies the weights of the layer before it
     * by the factors of their channels. weights [channels, row] */
    void (*fold)(const struct layer_pass *pass, size_t row, float *weights);
    /* As backward in PASS_DIFFERENTIATE, but with the parameters' gradient of each sample by itself.
     * NULL: found by forward and backward of one sample at a time; gradient_form must then be GRADIENT_WHOLE. A layer
     * with observe_back has one. */
    void (*backward_each)(const struct layer_pass *pass);

    /* For curvature, where the layer is not `linear`; both or none. Derivatives along a direction of the parameters, in
     * PASS_DIFFERENTIATE: everything in `along` is the derivative of what pass has in its place, and its parameters are
     * the direction. Calls see whole batches: first is 0. along->inputs are NULL in a layer with parameters whose input
     * depends on none. along->saved lasts from forward_along to backward_along; along->kept is room of plan's size, and
     * along->scratch of the largest of the layer's inputs, output and parameters, for one call. */
    /* Follows forward: along->output. */
    void (*forward_along)(const struct layer_pass *pass, const struct layer_pass *along);
    /* Follows forward_along: the d_inputs of pass, as backward would find them, and of along, and along->d_parameters.
     * Both d_output may be overwritten. */
    void (*backward_along)(const struct layer_pass *pass, const struct layer_pass *along);
};

#endif
