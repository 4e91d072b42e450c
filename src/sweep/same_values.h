/* same_values.h - an axis of a grid may not have the same value twice; a key of a zip group may. */
#ifndef SEEDBED_SWEEP_SAME_VALUES_H
#define SEEDBED_SWEEP_SAME_VALUES_H

#include "sweep/axis.h"

/* Whether all values differ, however they are spelled; else faults. */
bool same_values_check(const struct axis *axis, struct faults *faults);

#endif
