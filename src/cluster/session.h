/* session.h - one start of `seedbed run`: plan, data, file, trials, end. */
#ifndef SEEDBED_CLUSTER_SESSION_H
#define SEEDBED_CLUSTER_SESSION_H

#include "cluster/cluster.h"
#include "config/faults.h"

struct session_request {
    const char *sweep_path;
    const char *output_path;
    const char *const *sets;
    int set_count;
    bool resume;
    unsigned retry;           /* enum retry: with resume */
    const char *const *reuse; /* [reuse_count] older results files */
    int reuse_count;
    bool fail_fast;
    int64_t max_failures; /* -1: as the sweep's limits say; 0: no limit */
    enum schedule_order order;
    double time_limit; /* seconds from `started`; 0: none but the batch system's */
    double started;    /* of the process, seconds since 1970 */
    /* Rank 0: before the first trial, and while trials run. */
    void (*start)(void *context, const char *what);
    void (*report)(void *context, const struct progress *progress);
    void *context;
};

struct session_result {
    struct faults faults; /* owned by the caller; rank 0 */
    struct progress progress;
    bool gave_up; /* by max_failures or fail_fast */
    bool opened;  /* the file was this run's own, and no other's */
};

/* STATUS_STOPPED: in good order before the end. STATUS_BAD_SWEEP with faults: nothing was written. Collective. */
enum status session_run(struct cluster *cluster, const struct session_request *request, struct session_result *result,
                        struct error *error);

#endif
