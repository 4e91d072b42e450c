/* optimizers.h - how a gradient changes the parameters.
 * The flat block is cut into runs of neighbouring tensors of equal role, so that weight decay can spare all but the
 * weights. An optimizer's own code sees whole lanes of one run only. */
#ifndef SEEDBED_TRAINING_OPTIMIZERS_H
#define SEEDBED_TRAINING_OPTIMIZERS_H

#include <stdbool.h>
#include <stdint.h>

#include "training/training.h"

enum { OPTIMIZER_LANES = 16, OPTIMIZER_STATES_MAX = 3 };

/* What all runs of one step share. */
struct optimizer_step {
    const void *settings;
    double learning_rate;
    int64_t step;          /* 0-based */
    double gradient_scale; /* every gradient counts times this; 1 where nothing is clipped */
};

/* Neighbouring parameters of one role. count is a multiple of OPTIMIZER_LANES; pointers do not overlap. */
struct optimizer_range {
    int64_t count;
    bool weights; /* not biases, scales or shifts */
    const float *gradient;
    float *parameters;                  /* changed */
    float *state[OPTIMIZER_STATES_MAX]; /* [count] each, changed; zero before the first step */
    double *squares;                    /* [OPTIMIZER_LANES] gradient[i]^2, not scaled, is added to lane i mod LANES */
};

struct optimizer_ops {
    struct kind kind;
    int state_per_parameter; /* floats; at most OPTIMIZER_STATES_MAX */
    void (*update)(const struct optimizer_step *step, const struct optimizer_range *range);
};

struct optimizer_run {
    int64_t count;
    bool weights;
};

/* A flat block, its runs in order without gaps. */
struct optimizer_block {
    int64_t count;
    int run_count;
    const struct optimizer_run *runs;
    const float *gradient; /* [count] */
    float *parameters;     /* [count] */
    float *state;          /* [state_per_parameter, count] */
};

/* One step over the whole block. Returns the gradient's sum of squares, not scaled, in double. */
double optimizer_apply(const struct optimizer_ops *ops, const struct optimizer_step *step,
                       const struct optimizer_block *block);

/* An optimizer at work on one network, with its state. */
struct optimizer;
/* config and network are lent. *out is owned by the caller. Any rank. */
enum status optimizer_create(const struct train_config *config, struct network *network, struct optimizer **out,
                             struct error *error);
void optimizer_destroy(struct optimizer **optimizer);
/* Lends all that it keeps from step to step [*count]; zero before the first step. */
float *optimizer_state(struct optimizer *optimizer, int64_t *count);
/* Takes network_gradient once, clipped as config says; step is 0-based. Returns the sum of squares of the gradient as
 * it was before clipping; where that is not finite, neither are the parameters. */
double optimizer_step(struct optimizer *optimizer, double learning_rate, int64_t step);

/* First member of every optimizer's settings, with DECAY_FIELDS in its field table. */
struct decay_settings {
    double weight_decay;
    const struct kind *decay;
};

#define DECAY_FIELDS(settings, default_weight_decay, sentence)                                                 \
    {.name = "weight_decay",                                                                                   \
     .type = FIELD_REAL,                                                                                       \
     .offset = offsetof(settings, decay.weight_decay),                                                         \
     .default_text = default_weight_decay,                                                                     \
     .maximum = 1e6,                                                                                           \
     .summary = sentence},                                                                                     \
    {                                                                                                          \
        .name = "decay", .type = FIELD_NAME, .offset = offsetof(settings, decay.decay), .default_text = "all", \
        .kinds = &decay_table, .summary = "Which parameters weight_decay acts on."                             \
    }

/* The weight decay of a run's parameters. */
double decay_of(const struct decay_settings *settings, bool weights);

extern const struct optimizer_ops optimizer_sgd;
extern const struct optimizer_ops optimizer_adam;
extern const struct optimizer_ops optimizer_adamw;
extern const struct optimizer_ops optimizer_rmsprop;

#endif
