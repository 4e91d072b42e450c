/* best_scale.h - the factor on all logits that makes the mean cross-entropy least. */
#ifndef SEEDBED_METRICS_BEST_SCALE_H
#define SEEDBED_METRICS_BEST_SCALE_H

#include <stdint.h>

struct best_scale {
    double scale; /* s >= 0; infinite where no sample is wrong */
    double loss;  /* mean cross-entropy of s z; at an infinite s its limit */
};

/* argmin over s >= 0 of the mean of logsumexp(s z) - s z_label, to 1e-10 relative. start > 0: a guess.      logits [n,
 * classes]  labels [n]
 */
struct best_scale find_best_scale(int n, int classes, const float *logits, const int16_t *labels, double start);

#endif
