/* config.h - a sweep file's sections as plain data, and the one table of fields that reads, checks and writes them. */
#ifndef SEEDBED_CONFIG_CONFIG_H
#define SEEDBED_CONFIG_CONFIG_H

#include <stdint.h>

#include "base/hash.h"
#include "base/text.h"
#include "config/faults.h"
#include "config/lists.h"
#include "config/tree.h"
#include "data/data.h"
#include "metrics/metrics.h"
#include "network/network.h"
#include "seedbed/random.h"
#include "training/training.h"

/* Section `seeds`: -1 follows the trial's own seed. */
struct seeds_config {
    int64_t stream[STREAM_COUNT];
};

/* Section `limits`. */
struct limits_config {
    double trial;         /* seconds; 0: none */
    double checkpoint;    /* seconds between a trial's checkpoints; 0: only where it is stopped */
    double memory;        /* MB that a rank may take; 0: its share of what the node has left */
    int64_t retries;      /* further tries of a trial that took its process down */
    int64_t max_failures; /* failed and timed-out trials before the sweep stops; 0: no limit */
};

/* Section `schedule`. */
struct schedule_config {
    const struct kind *rank0; /* of rank0_table */
};

extern const struct kind_table rank0_table; /* names without settings: what rank 0 does */

/* Whether rank 0 of so many only serves the others. */
bool schedule_rank0_serves(const struct schedule_config *config, int ranks);

/* Section `results`. */
struct results_config {
    const struct kind *writer; /* out of writer_table: who writes to the results file */
};

/* Section `comparison`: how the trials of a pair are compared. */
struct comparison_config {
    int64_t points;          /* between the two trials' parameters, both ends in */
    struct real_list shares; /* of the training samples: subsets of the least and the largest margins */
};

extern const struct kind_table writer_table;
extern const struct field comparison_fields[]; /* of struct comparison_config */

/* One trial, resolved: everything its results depend on, and the limits it runs under. */
struct trial_config {
    char name[FIELD_TEXT_BYTES]; /* of the sweep */
    int64_t seed;
    struct seeds_config seeds;
    struct data_config data;
    struct model_config model;
    struct train_config train;
    struct choices metrics;
    struct comparison_config comparison; /* of the sweep's pairs */
    struct limits_config limits;
    struct schedule_config schedule;
    struct results_config results;
};

extern const struct field
    trial_fields[]; /* of struct trial_config: the whole sweep file but grid, zip, exclude, pairs */

/* What a tree is read with. */
struct config_reading {
    const char *base_directory; /* where relative FIELD_PATHs start; NULL: they stay relative */
    struct config_lists *lists; /* keeps the items of lists, which the config lends */
    struct faults *faults;      /* gets every fault, each once */
};

/* Reads root by fields into the struct at out, defaults included. Returns whether there was no fault. Any rank. */
bool config_bind(const struct tree_node *root, const struct field *fields, const struct config_reading *reading,
                 void *out);

/* The struct at `config` as YAML that reads back to the same values: every key, in the table's order. */
void config_dump(const struct field *fields, const void *config, struct text *out);

/* Canonical bytes of what results depend on: keys sorted, floats by their bits, FIELD_NO_IDENTITY left out. */
void config_canonical(const struct field *fields, const void *config, struct text *out);

/* Every key with its default, unit, range and sentence, commented: sweeps/reference.yaml. */
void config_reference(struct text *out);

/* Every table that a sweep file may name something out of, NULL at the end: for `seedbed list`. */
extern const struct kind_table *const config_tables[];

/* The seed of a stream: pinned, or the trial's own. */
uint64_t trial_stream_seed(const struct trial_config *config, enum random_stream stream);

#endif
