/* ranks.h - orders of numbers: subsets of the least and the largest, and rank correlation. */
#ifndef SEEDBED_KERNELS_RANKS_H
#define SEEDBED_KERNELS_RANKS_H

#include <stdint.h>

#include "seedbed/status.h"

/* order [n] = positions of values, ascending; equal values in the order of their positions. */
enum status ranks_order(int32_t n, const double *values, int32_t *order, struct error *error);

/* Jaccard overlap |A and B| / |A or B| of two subsets of k of the numbers 0 .. n - 1.   a [k], b [k]; marks [n]: room
 */
double subset_overlap(int32_t n, int32_t k, const int32_t *a, const int32_t *b, uint8_t *marks);

/* Spearman's correlation: Pearson's of the ranks, equal values sharing their mean rank; NaN when all of one are equal.
 * a, b [n] */
enum status rank_correlation(int32_t n, const double *a, const double *b, double *out, struct error *error);

/* The same where the orders are known.   order_a, order_b [n] as of ranks_order; room [2, n] */
double ordered_rank_correlation(int32_t n, const double *a, const double *b, const int32_t *order_a,
                                const int32_t *order_b, double *room);

#endif
