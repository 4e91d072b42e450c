/* trial_checkpoint.h - one trial under way as its checkpoint has it: what is saved when, and put back.
 * What hooks change during a moment is kept as it was before the moment: a moment that is ended early is passed again,
 * but for the metrics that were through. */
#ifndef SEEDBED_SWEEP_TRIAL_CHECKPOINT_H
#define SEEDBED_SWEEP_TRIAL_CHECKPOINT_H

#include "network/network.h"
#include "results/results.h"
#include "sweep/checkpoint.h"
#include "sweep/trial_metrics.h"
#include "training/training.h"

/* What a trial's own hooks remember. */
struct trial_memory {
    int64_t stage;         /* under way: of train.stages, or behind the last the main training */
    int64_t samples_seen;  /* in the main training */
    int64_t stage_samples; /* in the stages that are behind */
    double seconds;        /* spent before this start */
    struct stop_memory stop;
    bool separated;
};

/* All lent but `kept_choices` and `file`. */
struct trial_checkpoint {
    struct checkpoint_store *store; /* NULL: none are written */
    struct checkpoint_mark mark;
    struct network *network;
    struct results_row *row;
    struct trial_metrics *metrics;
    struct reduction *reduction;
    struct training_state *training; /* of the training under way */
    struct trial_memory memory, kept;
    void *kept_choices;      /* of the reduction */
    struct checkpoint *file; /* to go on from; NULL: from the start, or already gone on */
    double started;          /* monotonic, less what was spent before */
    double saved;            /* monotonic, of the last save or the start */
    bool has_file;           /* there may be one */
};

/* Before anything is trained: finds the trial's file and what it remembers. A file that cannot be used is left out with
 * a warning. */
enum status trial_checkpoint_open(struct trial_checkpoint *checkpoint, struct error *error);
void trial_checkpoint_close(struct trial_checkpoint *checkpoint);

/* Once network and reduction are there. */
enum status trial_checkpoint_prepare(struct trial_checkpoint *checkpoint, struct error *error);

/* training_hooks.begin of every training of the trial: puts back what the file has. */
enum status trial_checkpoint_begin(struct trial_checkpoint *checkpoint, struct training_state *state,
                                   struct error *error);

/* Before a step, with what the caller's yield said, which is returned: saves where it stops the trial, and from time to
 * time. */
enum status trial_checkpoint_step(struct trial_checkpoint *checkpoint, enum status yielded);

/* Between two metrics of a moment: saves from time to time. */
void trial_checkpoint_rest(struct trial_checkpoint *checkpoint);

/* Before a moment is passed, and after it, with how it went, which is returned. */
void trial_checkpoint_enter(struct trial_checkpoint *checkpoint);
enum status trial_checkpoint_leave(struct trial_checkpoint *checkpoint, enum status passed);

#endif
