/* plan.h - a sweep file worked out: which trials there are, on which data and models, and what each will cost.
 * Made in two steps, because identities need the data: plan_create reads and checks the file alone; plan_resolve takes
 * the data sets that the plan names. Every rank makes the same plan. */
#ifndef SEEDBED_SWEEP_PLAN_H
#define SEEDBED_SWEEP_PLAN_H

#include <stdint.h>

#include "config/config.h"
#include "seedbed/dataset.h"

struct plan_request {
    const char *name; /* of the sweep file, for messages */
    const char *text; /* its bytes */
    size_t bytes;
    const char *base_directory; /* where relative paths start */
    const char *const *sets;    /* `--set` values: KEY=VALUE */
    int set_count;
};

struct plan_trial {
    int64_t point;  /* of the grid */
    int64_t epochs; /* at most; by the configuration alone until plan_resolve */
    int64_t parameters;
    int64_t batch_size, stop_steps, check_steps; /* 0: no such limit, no checks within epochs */
    struct item_list stages;                     /* of train.stages, lent by the plan */
    int32_t source, variant, model;
    const struct loss_ops *loss;
    int32_t loss_classes;        /* that its loss is made for; 0: any */
    int32_t state_per_parameter; /* floats that an optimizer of it keeps, at most */
    double flops;                /* predicted, whole trial, at most */
    double samples;              /* that it trains on, stages included, at most */
    int64_t steps;               /* of the training itself, at most */
    struct hash128 identity;
};

/* One data set that trials name. */
struct plan_source {
    struct data_config config;
    uint64_t data_seed;
    char place[256];               /* of data.path or of what stands for it in the sweep file, for messages */
    const struct dataset *dataset; /* lent by plan_resolve's caller */
};

/* One way of seeing a data set: subset, normalisation, label noise, augmentation. */
struct plan_variant {
    int32_t source;
    struct data_config config;
    struct data_seeds seeds;
};

/* One network on one shape of input. */
struct plan_model {
    struct model_config config;
    struct shape input;
    int classes;
    struct network_summary summary;
};

/* Two trials of one variant that are compared once both have ended. */
struct plan_pair {
    int32_t first, second;
    struct hash128 identity; /* of both trials and of the comparison's settings */
};

enum { PLAN_PAIRS_MAX = 1000000 };

struct plan;

/* Reads the file and checks every combination but for what needs the data. NULL in *out and faults counted when the
 * file is wrong (STATUS_BAD_SWEEP). faults is the caller's. */
enum status plan_create(const struct plan_request *request, struct plan **out, struct faults *faults,
                        struct error *error);
void plan_destroy(struct plan **plan);

int plan_source_count(const struct plan *plan);
const struct plan_source *plan_source(const struct plan *plan, int source);

/* Takes the data sets [plan_source_count], which must outlive the plan; checks sizes and shapes, works out variants,
 * models, costs and identities, and finds duplicate trials. */
enum status plan_resolve(struct plan *plan, const struct dataset *const *datasets, struct faults *faults,
                         struct error *error);

int64_t plan_trial_count(const struct plan *plan);
const struct plan_trial *plan_trial(const struct plan *plan, int64_t trial);
int64_t plan_pair_count(const struct plan *plan); /* after plan_resolve */
const struct plan_pair *plan_pair(const struct plan *plan, int64_t pair);
double plan_pair_flops(const struct plan *plan, int64_t pair); /* predicted */
int plan_variant_count(const struct plan *plan);
const struct plan_variant *plan_variant(const struct plan *plan, int variant);
int plan_model_count(const struct plan *plan);
const struct plan_model *plan_model(const struct plan *plan, int model);

/* The trial's configuration, resolved. *out is plain data, whose lists the plan lends. */
enum status plan_trial_config(struct plan *plan, int64_t trial, struct trial_config *out, struct error *error);

/* What holds for the whole sweep: the first trial's configuration, whose name, metrics and limits are everyone's. */
const struct trial_config *plan_sweep_config(const struct plan *plan);
int64_t plan_longest_epochs(const struct plan *plan);                    /* after plan_resolve */
int64_t plan_longest_steps(const struct plan *plan);                     /* after plan_resolve */
int plan_most_stages(const struct plan *plan);                           /* of a trial's train.stages */
const struct reduction_extent *plan_reductions(const struct plan *plan); /* of all trials together */

int plan_axis_count(const struct plan *plan);
const char *plan_axis_name(const struct plan *plan, int axis);
/* The distinct values of an axis over all trials, in the order they are met, as text: plain values as the engine reads
 * them, so that 1e-3 and 0.001 are one; kinds, sections and their lists as written. Lent until plan_destroy. */
int64_t plan_axis_value_count(const struct plan *plan, int axis);
const char *plan_axis_value(const struct plan *plan, int axis, int64_t value);
/* One trial's value of an axis. Empty where the trial's kinds have no such key. */
const char *plan_axis_text(const struct plan *plan, int64_t trial, int axis);

/* The sweep as resolved: every key of the first trial, then each axis and its values. The same text for the same sweep.
 */
enum status plan_describe(const struct plan *plan, struct text *out, struct error *error);

#endif
