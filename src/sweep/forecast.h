/* forecast.h - what a plan will need: work, memory, disk. */
#ifndef SEEDBED_SWEEP_FORECAST_H
#define SEEDBED_SWEEP_FORECAST_H

#include "sweep/plan.h"
#include "sweep/schema.h"

/* What MPI, HDF5, OpenBLAS and the program itself take of a rank's memory, whatever the sweep: 31 to 34 MB measured,
 * with Open MPI 4.1, HDF5 1.10 and OpenBLAS 0.3.21. */
enum { FORECAST_LIBRARY_BYTES = 33000000 };

struct forecast {
    double flops, longest_flops; /* of all trials, of the longest */
    double node_bytes;           /* data sets, once a node */
    double
        rank_bytes; /* with libraries; any rank, at most: plan, view of the data, network, optimizer, evaluation, row */
    double first_rank_bytes; /* rank 0, which also makes the file and keeps the schedule */
    double file_bytes;
};

/* plan is resolved. What it takes is seen in this process: call it where little else has been done. What comparisons of
 * trials take is not counted. */
enum status forecast_make(struct plan *plan, const struct schema *schema, struct forecast *out, struct error *error);

#endif
