/* training.h - the training loop, with moments at which others look in.
 * The loop knows no clock, file or message: hooks bring them. */
#ifndef SEEDBED_TRAINING_TRAINING_H
#define SEEDBED_TRAINING_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "data/data.h"
#include "network/network.h"
#include "seedbed/field.h"
#include "seedbed/metric.h"
#include "seedbed/status.h"
#include "training/reduction.h"

extern const struct kind_table optimizer_table; /* struct optimizer_ops, training/optimizers.h */
extern const struct kind_table decay_table;     /* names of what weight decay acts on */
extern const struct kind_table schedule_table;  /* struct schedule_ops */

struct schedule_position {
    int64_t step, steps;   /* 0-based, of all */
    int64_t epoch, epochs; /* 0-based, of all */
    int64_t epoch_steps;   /* of one epoch */
};

struct schedule_ops {
    struct kind kind;
    double (*rate)(const void *settings, double base, const struct schedule_position *at);
};

/* Section `train.stop`: what ends training before its epochs do. 0 and false: never. */
struct stop_config {
    int64_t steps;
    double train_loss;
    int64_t every; /* steps */
    bool separated;
    int64_t patience; /* epochs */
};

/* Section `train`. */
struct train_config {
    int64_t epochs, batch_size;
    struct choice loss;      /* struct loss_ops */
    struct choice optimizer; /* struct optimizer_ops */
    double clip_norm;        /* 0: none */
    double learning_rate;
    struct choice schedule; /* struct schedule_ops */
    double warmup;          /* epochs */
    struct stop_config stop;
    struct item_list stages; /* struct stage_config: before the training itself, one after another */
    struct reduction_config reduction;
};

/* An item of `train.stages`: training on other labels, that of the network which the main one goes on with. */
struct stage_config {
    struct train_config train; /* without stages */
    struct choice label_noise; /* of stage_label_noise_table */
};

extern const struct field train_fields[]; /* of struct train_config */

/* The learning rate of a step: the schedule's, and warm-up. */
double training_rate(const struct train_config *config, const struct schedule_position *at);

/* Where training is: at the end of an epoch, or within one; epoch 0 is the network before training. */
struct epoch_record {
    int epoch;    /* that ends here or is under way: 1, 2, ... */
    bool whole;   /* the epoch has ended; false: within it, or training ended before it did */
    bool last;    /* nothing follows, whatever epoch_end says */
    int64_t step; /* steps taken so far */
    int64_t samples_seen;
    double learning_rate; /* of the epoch's last step so far; of the first step for epoch 0 */
    double gradient_norm; /* mean over the epoch's steps so far of the mini-batch gradient's L2 norm, before weight
                             decay and clipping; NaN for epoch 0 */
};

/* A mini-batch as it went through the network in training mode. */
struct training_batch {
    int epoch; /* 1, 2, ...: the epoch that it belongs to */
    int n;
    const int32_t *which; /* [n] positions in the training part */
    const float *logits;  /* [n, classes] */
};

/* Where training is, as plain data: between two steps, or after one whose moment has not passed. */
enum training_stand { STAND_START, STAND_STEP, STAND_STEP_END, STAND_EPOCH_END };
struct training_place {
    int64_t epoch, step; /* 0-based: of the epoch and the step that follow, or that the moment ends */
    int64_t first;       /* samples of the epoch's order that are behind */
    int64_t samples_seen;
    int64_t epoch_start;       /* the step that this epoch began with */
    double norms;              /* sum of this epoch's gradient norms */
    double rate;               /* of the last step */
    enum training_stand stand; /* what comes next: epoch 0's moment, a step, step_end, epoch_end */
    bool stop;                 /* nothing follows the epoch's end */
};

/* All that training goes on from, beside the network's parameters and the hooks' own: random draws are functions of the
 * place. Whole whenever a hook is called; a hook that is ended early is called again. */
struct training_state {
    struct training_place place;
    int64_t optimizer_count;
    float *optimizer; /* [optimizer_count], lent */
};

struct training_hooks {
    void *context;
    /* Once, before anything else. state is lent until training_run returns; what it is set to here, training goes on
     * from. NULL: nobody looks. */
    enum status (*begin)(void *context, struct training_state *state, struct error *error);
    /* Before every step. Anything but STATUS_OK (STOPPED, TIMEOUT) ends the training with it. */
    enum status (*yield)(void *context, struct error *error);
    /* With every mini-batch, before its step. Must be cheap; NULL: nobody looks. */
    void (*batch)(void *context, const struct training_batch *batch);
    /* After every step but those that end an epoch or the training. *stop is false before; true ends the training,
     * after a call of epoch_end. Anything but STATUS_OK ends it with that. NULL: nobody looks. */
    enum status (*step_end)(void *context, const struct epoch_record *record, bool *stop, struct error *error);
    /* After epoch 0, 1, ... and where training ends. *stop is false before; true ends the training. Anything but
     * STATUS_OK ends it with that. */
    enum status (*epoch_end)(void *context, const struct epoch_record *record, bool *stop, struct error *error);
};

/* Everything that training one network needs beside the network; reused from trial to trial when it still fits. */
struct training {
    struct network *network;              /* lent, initialised */
    const struct samples *samples;        /* lent: the training part */
    const struct train_config *config;    /* lent */
    uint64_t order_seed;                  /* the `order` stream's seed */
    const struct augment_config *augment; /* lent; NULL: none */
    uint64_t augment_seed;                /* the `augment` stream's seed */
    uint64_t dropout_seed;                /* the `dropout` stream's seed */
    int stage;                         /* 0: the main training; 1, 2, ...: a stage before it, with draws of its own */
    int64_t earlier_steps;             /* of a stage: of those before it, at most */
    const struct reduction *reduction; /* lent; looked at before each epoch; NULL: none */
};

/* The largest n that training, its stages and evaluator_run pass to a network: network_create's max_batch. */
int training_max_batch(const struct train_config *config, int train_count);

/* Steps of an epoch, and the most that training takes: of all epochs, but at most stop.steps. */
int64_t training_epoch_steps(const struct train_config *config, int64_t train_count);
int64_t training_steps(const struct train_config *config, int64_t train_count);

/* The best epoch so far, for stop_at_epoch; filled at epoch 0. */
struct stop_memory {
    double least_loss; /* of the part that patience watches */
    int epoch;
};

/* Whether a rule ends training after this epoch, or at this training loss. patience watches the validation part, or
 * where there is none the test part. parts [PART_COUNT]. */
bool stop_at_epoch(const struct stop_config *stop, struct stop_memory *memory, int epoch,
                   const struct evaluation *parts);
bool stop_at_loss(const struct stop_config *stop, double train_loss);

/* Trains to the end. STATUS_DIVERGED (message: epoch and step) when a gradient or loss is not finite. Any rank, alone.
 */
enum status training_run(const struct training *training, const struct training_hooks *hooks, struct error *error);

/* Logits, losses and accuracy of every sample of a part in evaluation mode, in memory kept between calls. The bits are
 * those of the parameters and the samples, whatever was evaluated before. */
struct evaluator;
enum status evaluator_create(const struct samples *samples, int classes, struct evaluator **out, struct error *error);
void evaluator_destroy(struct evaluator **evaluator);
/* Bytes that evaluator_run takes and keeps beside logits and losses, for `count` samples of a data set of this shape:
 * those of a first layer with so many outputs (network_summary's first_outputs) whose products are made straight from
 * the data's bytes (kernels/bytes.h); 0 where they are not. unit_length: as in struct samples. */
size_t evaluator_room(int count, const struct dataset_shape *shape, bool unit_length, int first_outputs);
/* Makes the running statistics of batch normalisation anew: their mean over blocks of the evaluator's samples, with the
 * parameters as they are. hooks as in evaluator_run. */
enum status evaluator_estimate(struct evaluator *evaluator, struct network *network, const struct training_hooks *hooks,
                               struct error *error);
/* *out lends evaluator's memory until the next call. STATUS_DIVERGED when a logit is not finite (out is still filled).
 * yield as in training_hooks (hooks may be NULL), called between blocks of samples. */
enum status evaluator_run(struct evaluator *evaluator, struct network *network, const struct choice *loss,
                          const struct training_hooks *hooks, struct evaluation *out, struct error *error);

#endif
