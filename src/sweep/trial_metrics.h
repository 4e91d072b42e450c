/* trial_metrics.h - the sweep's metrics over one trial after another: who is due when, and where they write. */
#ifndef SEEDBED_SWEEP_TRIAL_METRICS_H
#define SEEDBED_SWEEP_TRIAL_METRICS_H

#include "results/results.h"
#include "sweep/schema.h"

struct trial_metrics;

/* schema and row are lent. *out is owned by the caller. Any rank. */
enum status trial_metrics_create(const struct schema *schema, struct results_row *row, struct trial_metrics **out,
                                 struct error *error);
void trial_metrics_destroy(struct trial_metrics **metrics);

/* Bytes that the metrics keep over a trial. */
size_t trial_metrics_state_bytes(const struct schema *schema);

/* What the metrics have kept so far over the trial, as bytes: as it was when trial_metrics_keep was called last, and at
 * the end of each metric since. */
void *trial_metrics_kept(struct trial_metrics *metrics, size_t *bytes);
/* Before each moment and before the bytes are taken. */
void trial_metrics_keep(struct trial_metrics *metrics);
/* The bytes have been set: go on from them, also within a moment, whose metrics that have been measured are left out.
 */
void trial_metrics_restore(struct trial_metrics *metrics);

/* Before a trial. */
void trial_metrics_begin(struct trial_metrics *metrics);

/* Whether any metric wants to see mini-batches; if so, each is to be shown. */
bool trial_metrics_watch_batches(const struct trial_metrics *metrics);
void trial_metrics_batch(struct trial_metrics *metrics, const struct metric_batch *batch);

/* What is to be evaluated after a step within an epoch. */
enum look { LOOK_NONE, LOOK_TRAIN /* the training loss decides whether a point is due */, LOOK_ALL /* one is */ };
enum look trial_metrics_look(const struct trial_metrics *metrics, int64_t step);

/* Whether a point is due at this training loss, found after a step within an epoch. */
bool trial_metrics_due(const struct trial_metrics *metrics, int64_t step, double train_loss);

/* A moment of training, evaluated. */
struct moment_reached {
    struct measurement at;
    bool within;    /* an epoch, and training goes on */
    bool whole;     /* the epoch is */
    bool separates; /* the first at which every training sample is right */
    bool ends;      /* nothing follows */
    void *context;
    void (*rest)(void *context); /* after each metric, when what it keeps is whole */
};

/* Everything that is due at this moment. After STATUS_STOPPED the rest is due when it is called again. */
enum status trial_metrics_measure(struct trial_metrics *metrics, const struct moment_reached *reached,
                                  struct error *error);

#endif
