/* gram.h - the samples that metrics look at one by one, and the products of their gradients. */
#ifndef SEEDBED_METRICS_GRAM_H
#define SEEDBED_METRICS_GRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/metric.h"

/* Samples of the training part, then held-out ones: of the validation part, or of the test part where there is none. */
struct chosen {
    int count, train_count;
    int held_out;      /* the part that the others are of */
    int32_t *position; /* [count] in their part, ascending in each */
    int16_t *labels;   /* [count] trained on, or of the held-out part */
};

/* At most `samples` of each part, as many of every class as there are, drawn by the `metric` stream: a sample's draw
 * depends on its position in the data set only. Free with chosen_free in any case. */
enum status chosen_draw(const struct measurement *at, int64_t samples, bool held_out, struct chosen *out,
                        struct error *error);
void chosen_free(struct chosen *chosen);

/* How many chosen_draw takes at most. */
int64_t chosen_most(int64_t samples, int64_t part_samples);

int chosen_part(const struct chosen *chosen, int i);

/* The gradient of sample i is scale_i g_i: g_i does not underflow however sure the network is. */
struct gram {
    int count;
    double *products; /* [count, count] g_i.g_j, symmetric */
    double *scales;   /* [count] */
};

/* Sums over the samples of scale_i / scale g_i and of its square, for every parameter. */
struct gram_moments {
    double *sums, *squares; /* [count] */
    int64_t count;
    double scale; /* the largest of the samples */
};

/* By one backward pass of the network over the samples, in evaluation mode; where their rows are too many for memory,
 * some are found again. moments may be NULL. Free with gram_free and gram_moments_free in any case. */
enum status gram_compute(const struct measurement *at, const struct chosen *chosen, struct gram *out,
                         struct gram_moments *moments, struct error *error);

/* Mean over the parameters of mean(g)^2 / variance(g) over n samples. Left out are parameters that do not vary, and
 * those whose gradients are but rounding beside their tensor's: 1e-5 of its root mean square, or less. NaN: none is
 * left. tensors [tensor_count] in the order of the moments; running statistics among them do not count */
double gram_signal_to_noise(const struct gram_moments *moments, int n, int tensor_count,
                            const struct tensor_spec *tensors);

/* What gram_compute takes for so many samples, with or without moments. */
struct metric_cost gram_cost(const struct metric_trial *trial, int64_t count, bool moments);

/* cosines [count, count] of the chosen samples' inputs, or of a layer's outputs in evaluation mode. */
enum { LAYER_INPUT = -1 };
enum status chosen_cosines(const struct measurement *at, const struct chosen *chosen, int layer, float *cosines,
                           struct error *error);

void gram_free(struct gram *gram);
void gram_moments_free(struct gram_moments *moments);

#endif
