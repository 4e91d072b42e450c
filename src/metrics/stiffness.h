/* stiffness.h - how the gradients of pairs of samples agree, in numbers. */
#ifndef SEEDBED_METRICS_STIFFNESS_H
#define SEEDBED_METRICS_STIFFNESS_H

#include "metrics/gram.h"

struct stiffness_settings {
    struct metric_when when;
    int64_t samples;
    struct name_list pairs; /* of pair_table */
    bool distances, layers;
    struct real_list edges;
    struct integer_list superclasses;
    bool gram;
};

extern const struct field stiffness_fields[];
extern const struct kind stiffness_pair_train, stiffness_pair_held_out; /* and the one between them */
settings_check stiffness_check;
enum status stiffness_fit(const void *settings, const struct metric_trial *trial, struct error *error);

/* One of the pairs' two sides: samples first..end-1 of the chosen ones. */
struct side {
    int first, end;
};

/* What is asked of one kind of pairs. Pairs are (i, j), i of `rows`, j of `columns`, i != j. */
struct pairs {
    const struct chosen *chosen;
    const struct gram *gram;
    const double *lengths; /* [count] 1 / |g_i|; 0 where g_i is 0 */
    int classes;
    struct side rows, columns;
};

enum agreement { AGREE_SIGN, AGREE_COSINE, AGREE_COUNT };

/* Means over pairs: sign(g_i.g_j) and cos(g_i, g_j). NaN where there is no pair. */
struct stiffness_means {
    double all[AGREE_COUNT];
    double within[AGREE_COUNT], between[AGREE_COUNT];         /* of the class matrix: diagonal, the rest */
    double same_super[AGREE_COUNT], other_super[AGREE_COUNT]; /* of the rest: one super-class, two */
    double naive_within, naive_between; /* signs of products of float32 gradients, which underflow */
    double zero_share;                  /* of pairs whose float32 product is exactly zero */
};

/* matrix[AGREE_COUNT] [classes, classes], room [5, classes, classes].
 * supers: the super-class of each class, super_count of them; a class beyond has none, nor one below 0. */
void stiffness_of_classes(const struct pairs *pairs, const int64_t *supers, int super_count, double *room,
                          float *const matrix[AGREE_COUNT], struct stiffness_means *means);

/* By distance 1 - cos(x_i, x_j): means over the pairs of each bin, edges [bins + 1] ascending, the last bin closed. */
struct distance_curve {
    double *all[AGREE_COUNT], *within[AGREE_COUNT]; /* [bins] of all pairs, of those of one class */
    int64_t *count, *within_count;                  /* [bins] */
    double crossing, within_crossing; /* where the sign curves first cross zero from above, between bin centres */
    double slope, intercept;          /* least squares line of the sign over pairs of one class */
    double length;                    /* where that line falls through zero */
};

/* cosines [count, count] of the chosen samples. Overwrites what curve's pointers lend. */
void stiffness_by_distance(const struct pairs *pairs, const float *cosines, int bins, const double *edges,
                           struct distance_curve *curve);

#endif
