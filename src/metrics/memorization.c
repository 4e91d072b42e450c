/* memorization.c - what becomes of wrong training labels (Patel, Sastry 2021).
 * J1 is the accuracy on the labels trained on, J2 on the true labels, of the same training samples; both alone over the
 * flipped samples, whose labels differ, and the unflipped. In evaluation mode at each epoch's end, and in training mode
 * (`running_...`) over the mini-batches of the epoch, each as it was just before its step.
 * Per sample, by the predictions at the ends of epochs: when its label trained on was first predicted, how often it was
 * forgotten (Toneva et al. 2019), its mean margin (Pleiss et al. 2020); at measure points EL2N (Paul et al. 2021). */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernels/reduce.h"
#include "metrics/kinds.h"
#include "metrics/predictions.h"

struct memorization_settings {
    struct metric_when when;
};

static const struct field memorization_fields[] = {METRIC_WHEN_FIELDS(struct memorization_settings, "[end]"), {0}};

/* Columns of one mode, in the order of the table below. */
enum mode_column { COLUMN_J1, COLUMN_J2, COLUMN_FITTED, COLUMN_RESTORED, COLUMN_UNFLIPPED, MODE_COLUMNS };
enum {
    COLUMN_RUNNING = MODE_COLUMNS,
    COLUMN_INDEX = 2 * MODE_COLUMNS,
    COLUMN_CROSSING,
    COLUMN_PREDICTED,
    COLUMN_ERROR_NORM,
    COLUMN_LEARNED,
    COLUMN_FORGETTING,
    COLUMN_MEAN_MARGIN,
    MEMORIZATION_COLUMNS
};

/* clang-format off */
#define COLUMN(column_name, column_type, column_units, text, ...)                                                     \
    {.name = column_name, .type = column_type, .dimensions = {__VA_ARGS__}, .units = column_units, .long_name = text}
#define MODE(prefix, mode)                                                                                            \
    COLUMN(prefix "observed_accuracy", COLUMN_FLOAT64, "1", "J1: accuracy on the labels trained on, " mode,           \
           DIMENSION_EPOCH),                                                                                          \
    COLUMN(prefix "true_accuracy", COLUMN_FLOAT64, "1", "J2: accuracy on the true labels, " mode, DIMENSION_EPOCH),   \
    COLUMN(prefix "flipped_fitted", COLUMN_FLOAT64, "1",                                                              \
           "share of flipped samples whose label trained on is predicted, " mode, DIMENSION_EPOCH),                   \
    COLUMN(prefix "flipped_restored", COLUMN_FLOAT64, "1",                                                            \
           "share of flipped samples whose true label is predicted, " mode, DIMENSION_EPOCH),                         \
    COLUMN(prefix "unflipped_accuracy", COLUMN_FLOAT64, "1",                                                          \
           "accuracy on the unflipped samples, " mode, DIMENSION_EPOCH)

static const struct column memorization_columns[MEMORIZATION_COLUMNS] = {
    MODE("", "at the epoch's end in evaluation mode"),
    MODE("running_", "during the epoch in training mode"),
    COLUMN("index", COLUMN_FLOAT64, "1",
           "M = (J1 - (1 - eta)) / eta at the epoch's end, eta the share of flipped samples: 1 memorizes, 0 resists",
           DIMENSION_EPOCH),
    COLUMN("crossing_epoch", COLUMN_INT32, "epoch",
           "first epoch with J1 > J2 at its end after one with J2 > J1; -1: never", DIMENSION_NONE),
    COLUMN("predicted", COLUMN_INT16, "1", "predicted class", DIMENSION_POINT, DIMENSION_TRAIN_SAMPLE),
    COLUMN("el2n", COLUMN_FLOAT32, "1", "EL2N: length of softmax(z) - one-hot label trained on", DIMENSION_POINT,
           DIMENSION_TRAIN_SAMPLE),
    COLUMN("learned_epoch", COLUMN_INT32, "epoch",
           "first epoch at whose end the label trained on is predicted; -1: never", DIMENSION_TRAIN_SAMPLE),
    COLUMN("forgetting_events", COLUMN_INT32, "1",
           "epochs at whose end the label trained on is not predicted though it was at the end of the one before",
           DIMENSION_TRAIN_SAMPLE),
    COLUMN("aum", COLUMN_FLOAT32, "1",
           "area under the margin: mean of z_y - max over j != y of z_j over the ends of epochs 1, 2, ...",
           DIMENSION_TRAIN_SAMPLE),
};
/* clang-format on */

/* Samples by how they are predicted. */
struct tally {
    int64_t unflipped, unflipped_right;
    int64_t flipped, fitted, restored;
};

/* What is kept over a trial, and behind it struct history [train_samples]. */
struct memorization_state {
    struct tally running; /* of the epoch under way */
    bool restored;        /* J2 was above J1 */
    bool crossed;
};

struct history {
    double margins; /* their sum */
    int32_t right;  /* at the last epoch's end */
};

static size_t memorization_state_bytes(const void *settings, const struct metric_sizes *sizes)
{
    (void)settings;
    return sizeof(struct memorization_state) + (size_t)sizes->train_samples * sizeof(struct history);
}

static struct history *histories(void *state)
{
    return (struct history *)((struct memorization_state *)state + 1);
}

static void count(struct tally *tally, int predicted, int label, int true_label)
{
    if (label == true_label) {
        tally->unflipped++;
        tally->unflipped_right += predicted == label;
    } else {
        tally->flipped++;
        tally->fitted += predicted == label;
        tally->restored += predicted == true_label;
    }
}

/* NaN, which is absent, of none. */
static double share(int64_t some, int64_t all)
{
    return all > 0 ? (double)some / (double)all : (double)NAN;
}

static double observed_accuracy(const struct tally *tally)
{
    return share(tally->unflipped_right + tally->fitted, tally->unflipped + tally->flipped);
}

static double true_accuracy(const struct tally *tally)
{
    return share(tally->unflipped_right + tally->restored, tally->unflipped + tally->flipped);
}

/* (J1 - (1 - eta)) / eta in whole numbers of samples: exactly 1 when all is fitted, 0 when just the unflipped is. */
static double memorization_index(const struct tally *tally)
{
    return share(tally->fitted + tally->unflipped_right - tally->unflipped, tally->flipped);
}

static void store(void *const *row, int column, int epoch, double value)
{
    ((double *)row[column])[epoch] = value;
}

/* row begins with the mode's columns. */
static void store_tally(const struct tally *tally, int epoch, void *const *row)
{
    store(row, COLUMN_J1, epoch, observed_accuracy(tally));
    store(row, COLUMN_J2, epoch, true_accuracy(tally));
    store(row, COLUMN_FITTED, epoch, share(tally->fitted, tally->flipped));
    store(row, COLUMN_RESTORED, epoch, share(tally->restored, tally->flipped));
    store(row, COLUMN_UNFLIPPED, epoch, share(tally->unflipped_right, tally->unflipped));
}

static void memorization_batch(const void *settings, const struct metric_batch *batch, void *state)
{
    (void)settings;
    struct memorization_state *own = state;
    for (int i = 0; i < batch->n; i++) {
        const int predicted = first_maximum(batch->classes, batch->logits + (size_t)i * (size_t)batch->classes);
        count(&own->running, predicted, batch->labels[batch->which[i]], batch->true_labels[batch->which[i]]);
    }
}

/* One sample at an epoch's end. */
static void follow(const struct measurement *at, int i, bool right, struct history *history, void *const *row)
{
    const struct evaluation *part = &at->parts[PART_TRAIN];
    int32_t *learned = row[COLUMN_LEARNED], *forgetting = row[COLUMN_FORGETTING];
    if (at->epoch == 0)
        forgetting[i] = 0;
    else
        history->margins += label_margin(at->classes, part->logits + (size_t)i * (size_t)at->classes, part->labels[i]);
    if (at->epoch > 0)
        ((float *)row[COLUMN_MEAN_MARGIN])[i] = (float)(history->margins / at->epoch);
    if (right && learned[i] < 0)
        learned[i] = at->epoch;
    forgetting[i] += history->right && !right;
    history->right = right;
}

static enum status memorization_epoch(const void *settings, const struct measurement *at, void *state, void *const *row,
                                      struct error *error)
{
    (void)settings, (void)error;
    struct memorization_state *own = state;
    const struct evaluation *part = &at->parts[PART_TRAIN];
    struct tally tally = {0};
    for (int i = 0; i < part->count; i++) {
        const int predicted = first_maximum(at->classes, part->logits + (size_t)i * (size_t)at->classes);
        count(&tally, predicted, part->labels[i], part->true_labels[i]);
        follow(at, i, predicted == part->labels[i], &histories(state)[i], row);
    }
    store_tally(&tally, at->epoch, row);
    store(row, COLUMN_INDEX, at->epoch, memorization_index(&tally));
    if (at->epoch > 0)
        store_tally(&own->running, at->epoch, row + COLUMN_RUNNING);
    own->running = (struct tally){0};
    if (own->restored && !own->crossed && tally.fitted > tally.restored) {
        own->crossed = true;
        *(int32_t *)row[COLUMN_CROSSING] = at->epoch;
    }
    own->restored |= tally.restored > tally.fitted;
    return STATUS_OK;
}

static enum status memorization_measure(const void *settings, const struct measurement *at, void *state,
                                        void *const *row, struct error *error)
{
    (void)settings, (void)state, (void)error;
    const struct evaluation *part = &at->parts[PART_TRAIN];
    int16_t *predicted = row[COLUMN_PREDICTED];
    float *norm = row[COLUMN_ERROR_NORM];
    for (int i = 0; i < part->count; i++) {
        const float *z = part->logits + (size_t)i * (size_t)at->classes;
        predicted[i] = (int16_t)first_maximum(at->classes, z);
        norm[i] = (float)sample_error_norm(at->classes, z, part->labels[i]);
    }
    return STATUS_OK;
}

const struct metric_ops metric_memorization = {
    .kind = {.name = "memorization",
             .summary = "whether wrong labels are learned: accuracy on labels trained on and true, sample by sample",
             .fields = memorization_fields,
             .check = metric_when_check},
    .column_count = MEMORIZATION_COLUMNS,
    .columns = memorization_columns,
    .state_bytes = memorization_state_bytes,
    .batch = memorization_batch,
    .epoch = memorization_epoch,
    .measure = memorization_measure};
