/* layer.h - the interface of a layer.
 * Activations are NHWC: [n, height, width, channels], dense features [n, 1, 1, features]. */
#ifndef SEEDBED_LAYER_H
#define SEEDBED_LAYER_H

#include "seedbed/field.h"
#include "seedbed/status.h"

struct shape {
    int height, width, channels;
};

enum { LAYER_INPUTS_MAX = 8, LAYER_TENSORS_MAX = 8, TENSOR_RANK_MAX = 4, TENSOR_NAME_BYTES = 48 };

enum tensor_role {
    TENSOR_WEIGHT, /* drawn by the model's `init` */
    TENSOR_BIAS,   /* zero, or as `init` says */
    TENSOR_SCALE,  /* one */
    TENSOR_SHIFT   /* zero */
};

/* One parameter tensor, row-major in the flat block. */
struct tensor_spec {
    char name[TENSOR_NAME_BYTES]; /* by the layer "weight"; in the network "dense1.weight" */
    enum tensor_role role;
    int rank;
    int dimensions[TENSOR_RANK_MAX];
    int fan_in, fan_out;
};

/* What a layer needs, given its settings and the shapes of its inputs. */
struct layer_plan {
    struct shape output;
    int tensor_count;
    struct tensor_spec tensors[LAYER_TENSORS_MAX];
    size_t saved_per_sample;   /* floats kept from forward to backward, beside the output */
    size_t scratch_per_sample; /* floats needed only during one call */
    double flops_per_sample;   /* of forward */
};

enum pass_mode { PASS_EVALUATE, PASS_TRAIN };

/* One call's arguments. Pointers are lent for the call; nothing here is owned by the layer. */
struct layer_pass {
    int n; /* samples */
    enum pass_mode mode;
    const void *settings;
    int input_count;
    struct shape input_shapes[LAYER_INPUTS_MAX];
    struct shape output_shape;
    const float *inputs[LAYER_INPUTS_MAX];
    float *output;
    const float *parameters[LAYER_TENSORS_MAX];
    float *saved;
    float *scratch;
    /* backward only */
    float *d_output;                        /* may be overwritten */
    float *d_inputs[LAYER_INPUTS_MAX];      /* overwritten; NULL: not wanted */
    float *d_parameters[LAYER_TENSORS_MAX]; /* overwritten with this batch's gradient */
};

struct layer_ops {
    struct kind kind;

    /* Fills plan (zeroed by the caller). STATUS_BAD_SWEEP where the shapes do not fit. */
    enum status (*plan)(const void *settings, int input_count, const struct shape *inputs, struct layer_plan *plan,
                        struct error *error);
    void (*forward)(const struct layer_pass *pass);
    void (*backward)(const struct layer_pass *pass);
};

#endif
