/* doctor.h - what a run will meet on these ranks, these nodes and this folder. */
#ifndef SEEDBED_CLUSTER_DOCTOR_H
#define SEEDBED_CLUSTER_DOCTOR_H

#include "base/findings.h"
#include "cluster/cluster.h"

/* findings: rank 0's. Collective. */
enum status doctor_examine(struct cluster *cluster, const char *folder, struct findings *findings, struct error *error);

/* The same from versions alone, for those with known faults. */
void doctor_judge_mpi(const char *version, struct findings *findings);
void doctor_judge_hdf5(const char *version, struct findings *findings);

#endif
