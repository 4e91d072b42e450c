/* transition.h - a matrix that says how labels come to be wrong: row i has the probabilities of each label for a sample
 * of class i. */
#ifndef SEEDBED_BASE_TRANSITION_H
#define SEEDBED_BASE_TRANSITION_H

#include "seedbed/field.h"

/* Whether matrix is square and every row sums to 1; STATUS_BAD_SWEEP with the row. Its values are in [0, 1]. Any rank.
 */
enum status transition_check(const struct real_matrix *matrix, struct error *error);

#endif
