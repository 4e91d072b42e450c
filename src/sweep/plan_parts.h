/* plan_parts.h - the body of a plan; for the files plan*.c. */
#ifndef SEEDBED_SWEEP_PLAN_PARTS_H
#define SEEDBED_SWEEP_PLAN_PARTS_H

#include "sweep/grid.h"
#include "sweep/growing.h"
#include "sweep/hash_map.h"
#include "sweep/plan.h"

/* The distinct values of one axis, in the order they are met. */
struct axis_values {
    struct text texts;     /* one behind the other, each with its end */
    struct growing starts; /* size_t: of each in texts */
    struct hash_map numbers;
};

struct plan {
    struct tree_arena *arena;
    struct config_lists lists; /* lent by every config below */
    struct grid *grid;
    char *base_directory;
    struct trial_config first; /* of trial 0 */
    int64_t longest_epochs, longest_steps;
    int most_stages;
    struct reduction_extent reductions;
    struct growing trials;     /* struct plan_trial */
    struct growing sources;    /* struct plan_source */
    struct growing variants;   /* struct plan_variant */
    struct growing shapeless;  /* struct model_config, by configuration */
    struct growing models;     /* struct plan_model, by configuration and input */
    struct growing pairs;      /* struct plan_pair */
    struct hash128 comparison; /* hash of the comparison's settings */
    struct axis_values *axes;  /* [plan_axis_count] */
    struct growing values;     /* int32_t [trials, plan_axis_count]: which value of each axis */
    struct hash_map variant_numbers, shapeless_numbers;
    struct trial_config config;  /* of the point at hand */
    struct text canonical, word; /* reused */
};

struct plan_trial *plan_trial_at(const struct plan *plan, int64_t trial);
struct plan_source *plan_source_at(const struct plan *plan, int source);

/* Binds one point of the grid into plan->config; *kept: it is a trial without a fault. */
enum status plan_bind_point(struct plan *plan, int64_t point, bool *kept, struct faults *faults, struct error *error);

/* Room for the values of every axis, once the grid is read. */
enum status plan_axes_create(struct plan *plan, struct error *error);
void plan_axes_free(struct plan *plan);

/* Notes the value of every axis of the trial in plan->config. */
enum status plan_axes_add(struct plan *plan, int64_t point, struct error *error);

/* "sweep.yaml:4:15" of a key at a point of the grid; where the key is a default, of what it stands in. */
void plan_find_place(struct plan *plan, int64_t point, const char *key, char *place, size_t bytes);

/* Finds the pairs that the sweep asks for; the last part of plan_resolve. */
enum status plan_make_pairs(struct plan *plan, struct faults *faults, struct error *error);

/* The number of classes that the loss's settings are made for; 0: any. */
int plan_loss_classes(const struct choice *loss);

/* STATUS_BAD_SWEEP with the number of faults. */
enum status plan_refuse(const struct faults *faults, const char *name, struct error *error);

#endif
