/* trial_size.h - the memory that training a trial takes, beside the plan and the row. */
#ifndef SEEDBED_SWEEP_TRIAL_SIZE_H
#define SEEDBED_SWEEP_TRIAL_SIZE_H

#include "sweep/growing.h"
#include "sweep/hash_map.h"
#include "sweep/plan.h"

struct trial_network {
    double bytes;
    int first_outputs; /* as of network_summary */
};

/* Keeps what it has found of networks. {.networks = {.size = sizeof(struct trial_network)}} is ready. */
struct trial_sizes {
    struct hash_map numbers; /* of a model with a largest batch */
    struct growing networks; /* struct trial_network */
};

/* *out: bytes of view, evaluators, network, optimizer, loop, and of the metric that takes most while it measures. */
enum status trial_size(struct trial_sizes *sizes, const struct plan *plan, const struct plan_trial *trial, double *out,
                       struct error *error);
/* Samples of each part that a variant's trials see. */
enum status variant_sizes(const struct plan *plan, int variant, int count[PART_COUNT], struct error *error);
/* *out: bytes of a view of the data. */
enum status view_size(const struct plan *plan, int variant, double *out, struct error *error);
void trial_sizes_free(struct trial_sizes *sizes);

#endif
