/* normalisation.h - constants of x = (raw - mean) / deviation, by channel. */
#ifndef SEEDBED_DATA_NORMALISATION_H
#define SEEDBED_DATA_NORMALISATION_H

#include "data/data.h"

/* Fills mean and deviation of every part from the view's training samples. More than CHANNELS_MAX channels:
 * STATUS_BAD_DATA. */
enum status normalisation_fill(const struct kind *normalisation, struct data_view *view, struct error *error);

#endif
