/* predictions.h - what the logits of single samples say. */
#ifndef SEEDBED_METRICS_PREDICTIONS_H
#define SEEDBED_METRICS_PREDICTIONS_H

#include <stdint.h>

/* Length of softmax(z) - one-hot(label), right at any finite logits (EL2N).      z [classes] */
double sample_error_norm(int classes, const float *z, int label);

#endif
