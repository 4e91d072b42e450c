/* loss_figures.h - what describes many losses, or how they rose, in single numbers. Sums are in double. */
#ifndef SEEDBED_METRICS_LOSS_FIGURES_H
#define SEEDBED_METRICS_LOSS_FIGURES_H

#include <stdint.h>

/* Sorts ascending; NaN has no place. scratch [n] is overwritten.      values [n] */
void sort_numbers(int n, float *values, float *scratch);

/* Of sorted [n] ascending, n >= 1. */
double sorted_quantile(int n, const float *sorted, double share); /* linear between order statistics at share (n-1) */
double sorted_trimmed_mean(int n, const float *sorted,
                           double share);       /* without the ceil(share n) largest; NaN: none left */
double sorted_gini(int n, const float *sorted); /* sum of (2 i - n - 1) x_i / (n sum of x), i from 1; NaN where the sum
                                                   is not above 0 */

/* The sum of the ceil(share n) largest of sorted [n] that are above 0, over the sum of all above 0; NaN: none is. */
double sorted_top_share(int n, const float *sorted, double share);

#endif
