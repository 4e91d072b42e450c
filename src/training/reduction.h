/* reduction.h - training goes on with a part of its samples (Banburski et al. 2021): which ones, and when they change.
 */
#ifndef SEEDBED_TRAINING_REDUCTION_H
#define SEEDBED_TRAINING_REDUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/field.h"
#include "seedbed/metric.h"
#include "seedbed/status.h"

/* Section `train.reduction`. */
struct reduction_config {
    const struct kind *by;   /* none: no reduction */
    const struct kind *when; /* of the first choice */
    double keep;             /* at most 1: a share of the training samples; more: a number of them */
    double shrink;           /* 0: at once; else each choice's part of the one before, down to keep */
    int64_t every;           /* epochs; 0: chosen once */
    bool nested, freeze;
};

extern const struct kind_table reduction_table; /* of `by` */
extern const struct field reduction_fields[];   /* of struct reduction_config */
enum status reduction_check(const void *settings, struct error *error);

/* What one configuration needs room for, or several together. */
struct reduction_extent {
    int64_t choices;
    double share;   /* of the training samples, and */
    int64_t number; /* of samples, that a choice may keep */
};

/* Makes the extent large enough for config over so many epochs. */
void reduction_extend(struct reduction_extent *extent, const struct reduction_config *config, int64_t epochs);
/* The most samples that a choice keeps out of train_count. */
int64_t reduction_most_kept(const struct reduction_extent *extent, int64_t train_count);

struct reduction;

/* config is lent; seed: the `order` stream's. *out is owned by the caller. Any rank. */
enum status reduction_create(const struct reduction_config *config, int train_count, int classes, uint64_t seed,
                             struct reduction **out, struct error *error);
void reduction_destroy(struct reduction **reduction);

/* After epoch 0, 1, ...: chooses anew where that is due. train: the training part as it is now; separated: all of it is
 * right, or was at an earlier epoch's end. */
void reduction_look(struct reduction *reduction, int epoch, bool separated, const struct evaluation *train);

/* What training goes on with. */
struct kept_samples {
    int choices; /* so far; 0: all samples are kept */
    int count;
    const int32_t *which; /* [count] positions in the training part, ascending */
    bool frozen;          /* no steps are taken any more */
};

/* What it has chosen so far, as bytes that a copy may be put back into: of a reduction with the same config and
 * samples.
 */
void *reduction_state(struct reduction *reduction, size_t *bytes);

/* Lent until the next reduction_look. */
struct kept_samples reduction_kept(const struct reduction *reduction);

#endif
