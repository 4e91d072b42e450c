/* data.h - data as a trial sees it: a subset of a data set, normalised on the way out, with noisy labels.
 * The data set itself is never copied or changed. */
#ifndef SEEDBED_DATA_DATA_H
#define SEEDBED_DATA_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/dataset.h"
#include "seedbed/field.h"
#include "seedbed/status.h"

extern const struct kind_table dataset_table;           /* struct dataset_ops */
extern const struct kind_table label_noise_table;       /* struct label_noise_ops */
extern const struct kind_table stage_label_noise_table; /* the same and `observed`: what data.label_noise gives */
extern const struct kind_table normalisation_table;     /* names without settings */
extern const struct kind_table validation_label_table;  /* names without settings */

/* Section `data.augment`: random changes of the inputs that are trained on; all off when zero. */
struct augment_config {
    int64_t shift, cutout; /* pixels */
    bool flip;
};

extern const struct field augment_fields[]; /* of struct augment_config */

/* Section `data`. */
struct data_config {
    struct choice source;             /* FIELD_INLINE; struct dataset_ops */
    const struct kind *normalisation; /* none: raw values; unit: [0, 1]; standard: zero mean, unit variance a channel;
                                       * sphere: standard, then unit length a sample */
    int64_t train_size, test_size;    /* 0: all, of the training part what validation leaves */
    int64_t validation_size;          /* of the data set's training part; 0: none */
    const struct kind *validation_labels; /* observed: noisy as those trained on; true: as in the data set */
    struct choice label_noise;            /* struct label_noise_ops */
    struct augment_config augment;
};

extern const struct field data_fields[]; /* of struct data_config */
settings_check data_check;

/* Resolved seeds of the streams that data uses. */
struct data_seeds {
    uint64_t data, subset, noise;
};

/* What a label noise draws for: n samples with their positions in the whole training part. */
struct label_noise_request {
    const void *settings;
    uint64_t seed;
    uint32_t substream; /* of the `noise` stream: 0 for data.label_noise; other draws have others */
    int classes, n;
    const int32_t *index;           /* [n] ascending */
    const int16_t *true_labels;     /* [n] */
    const int16_t *observed_labels; /* [n] of data.label_noise; not for that itself */
};

struct label_noise_ops {
    struct kind kind;
    /* labels[i] = noisy version of true_labels[i]; draws by position in the whole training part, so that a sample's
     * label does not depend on the subset, unless the kind says so.   labels [n] */
    enum status (*draw)(const struct label_noise_request *request, int16_t *labels, struct error *error);

    /* Whether the settings suit that many classes; NULL: always. STATUS_BAD_SWEEP with the remedy. */
    enum status (*fit)(const void *settings, int classes, struct error *error);
};

enum { CHANNELS_MAX = 4 };

/* One part as a trial sees it. */
struct samples {
    const struct dataset *dataset; /* lent */
    int part;                      /* of the data set */
    int count;                     /* 0: no such part */
    int32_t *index;                /* [count] position in the data set's part, ascending */
    int16_t *labels;               /* [count] observed: trained on, and evaluated on */
    int16_t *true_labels;          /* [count] */
    /* x = (raw - mean) / deviation, by channel; both float32, recorded in the results file; see samples_gather */
    float mean[CHANNELS_MAX], deviation[CHANNELS_MAX];
    bool unit_length; /* then x = x / |x|, sample by sample */
};

struct data_view {
    struct shape shape;
    int classes;
    double noise_rate; /* realised share of training labels that differ from the true ones */
    struct samples parts[PART_COUNT];
};

/* Loads or draws the data set that config names. *out owned by the caller (dataset_destroy). Any rank. */
enum status data_load(const struct data_config *config, uint64_t data_seed, struct dataset **out, struct error *error);

/* How many samples a trial sees in a part (PART_...) of a data set of this shape; STATUS_BAD_SWEEP when config asks for
 * more than there are. */
enum status data_size(const struct data_config *config, const struct dataset_shape *shape, int part, int *out,
                      struct error *error);

/* Whether a label noise suits the classes of the data. */
enum status data_noise_fits(const struct choice *label_noise, int classes, struct error *error);

/* Whether two configs name the same data set (source, settings and, for synthetic sources, seed). */
bool data_same_source(const struct data_config *a, uint64_t seed_a, const struct data_config *b, uint64_t seed_b);

/* Subset, noise and normalisation constants. The training part is the first train_size samples of a permutation of the
 * data set's training part, the validation part the last validation_size. dataset must outlive the view. Any rank. */
enum status data_view_create(const struct dataset *dataset, const struct data_config *config,
                             const struct data_seeds *seeds, struct data_view **out, struct error *error);
void data_view_destroy(struct data_view **view);

/* The labels that another label noise, of stage_label_noise_table, gives the training part, by a draw of its own: 1, 2,
 * ...; labels [count] */
enum status data_view_draw(const struct data_view *view, const struct choice *label_noise, uint64_t noise_seed,
                           uint32_t draw, int16_t *labels, struct error *error);

/* Whether inputs are divided by their length at last. */
bool data_unit_length(const struct data_config *config);

/* Where the bytes of the samples first..first+n-1 lie, in a data set of bytes: rows [n] of height * width * channels.
 */
void samples_bytes(const struct samples *samples, int first, int n, const uint8_t **rows);

/* x = normalised values of the samples which[0..n-1] (positions in the view's part); which NULL: first, first+1, ...
 * x [n, height, width, channels] = (float32(raw) - mean) * (1 / deviation), each operation rounded to float32: the
 * bits of a sample do not depend on its batch. With unit_length then x * float32(1 / sqrt(s)), where s is the sum of
 * the squares in double: lane j of UNIT_LENGTH_LANES adds the squares of values j, j + lanes, ... in turn, then the
 * lanes are added from the first to the last. A sample of zeros stays as it is. */
enum { UNIT_LENGTH_LANES = 16 };
void samples_gather(const struct samples *samples, const int32_t *which, int first, int n, float *x);

struct augmentation {
    const struct augment_config *config; /* lent */
    uint64_t seed;                       /* the `augment` stream's */
    uint32_t epoch;
};

/* Changes gathered inputs in place: flip, then shift, then cutout, drawn for each sample from seed, epoch and its
 * position in the data set.   which [n], x [n, height, width, channels] */
void samples_augment(const struct samples *samples, const struct augmentation *augmentation, const int32_t *which,
                     int n, float *x);

#endif
