/* bits.h - what may give other bits: refused among ranks. */
#ifndef SEEDBED_CLUSTER_BITS_H
#define SEEDBED_CLUSTER_BITS_H

#include "cluster/cluster.h"

/* STATUS_USAGE when ranks are of different builds, or for different vectors: a trial's bits would depend on the rank.
 * Collective. */
enum status bits_agree(struct cluster *cluster, struct error *error);

#endif
