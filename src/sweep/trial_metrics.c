/* trial_metrics.c - at each moment: every metric's `epoch`, the measure points that are due, and at the last `end`.
 * A point comes once: where it has an epoch in the row, it has come. */
#include "sweep/trial_metrics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* How far a moment has been measured; all zero outside of one. */
struct progress {
    int32_t metric;     /* that is measured next */
    int32_t epoch_seen; /* 1: by this one's `epoch` */
};

enum { ALIGNMENT = 64, PROGRESS_BYTES = ALIGNMENT };

struct trial_metrics {
    const struct schema *schema;
    struct results_row *row;
    size_t state_bytes;
    unsigned char *states; /* [state_bytes]: one metric's after the other's */
    unsigned char *kept;   /* [PROGRESS_BYTES + state_bytes]: struct progress, states */
    struct progress progress;
};

/* Of one metric, rounded up so that the next one's state is aligned for anything. */
static size_t state_bytes(const struct schema_metric *metric)
{
    if (metric->ops->state_bytes == NULL)
        return 0;
    return (metric->ops->state_bytes(metric->settings, &metric->sizes) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t states_bytes(const struct schema *schema)
{
    size_t bytes = 0;
    for (int m = 0; m < schema_metric_count(schema); m++)
        bytes += state_bytes(schema_metric(schema, m));
    return bytes;
}

size_t trial_metrics_state_bytes(const struct schema *schema)
{
    return PROGRESS_BYTES + 2 * states_bytes(schema);
}

enum status trial_metrics_create(const struct schema *schema, struct results_row *row, struct trial_metrics **out,
                                 struct error *error)
{
    void *block = NULL, *states = NULL, *kept = NULL;
    TRY(memory_allocate(&block, 1, sizeof(struct trial_metrics), "metrics", error));
    struct trial_metrics *metrics = block;
    *metrics = (struct trial_metrics){.schema = schema, .row = row, .state_bytes = states_bytes(schema)};
    enum status status = memory_allocate(&states, metrics->state_bytes, 1, "state of the metrics", error);
    metrics->states = states;
    if (status == STATUS_OK)
        status = memory_allocate(&kept, PROGRESS_BYTES + metrics->state_bytes, 1, "state of the metrics", error);
    metrics->kept = kept;
    if (status == STATUS_OK)
        *out = metrics;
    else
        trial_metrics_destroy(&metrics);
    return status;
}

void trial_metrics_destroy(struct trial_metrics **metrics)
{
    if (*metrics == NULL)
        return;
    memory_free((*metrics)->states);
    memory_free((*metrics)->kept);
    memory_free(*metrics);
    *metrics = NULL;
}

void trial_metrics_begin(struct trial_metrics *metrics)
{
    metrics->progress = (struct progress){0};
    if (metrics->state_bytes > 0)
        memset(metrics->states, 0, metrics->state_bytes);
}

void *trial_metrics_kept(struct trial_metrics *metrics, size_t *bytes)
{
    *bytes = PROGRESS_BYTES + metrics->state_bytes;
    return metrics->kept;
}

void trial_metrics_keep(struct trial_metrics *metrics)
{
    memcpy(metrics->kept, &metrics->progress, sizeof metrics->progress);
    if (metrics->state_bytes > 0)
        memcpy(metrics->kept + PROGRESS_BYTES, metrics->states, metrics->state_bytes);
}

void trial_metrics_restore(struct trial_metrics *metrics)
{
    memcpy(&metrics->progress, metrics->kept, sizeof metrics->progress);
    if (metrics->state_bytes > 0)
        memcpy(metrics->states, metrics->kept + PROGRESS_BYTES, metrics->state_bytes);
}

/* A metric's `epoch`, `measure` or `end` is over. */
static void keep_metric(struct trial_metrics *metrics, size_t first, size_t bytes)
{
    memcpy(metrics->kept, &metrics->progress, sizeof metrics->progress);
    if (bytes > 0)
        memcpy(metrics->kept + PROGRESS_BYTES + first, metrics->states + first, bytes);
}

bool trial_metrics_watch_batches(const struct trial_metrics *metrics)
{
    for (int m = 0; m < schema_metric_count(metrics->schema); m++)
        if (schema_metric(metrics->schema, m)->ops->batch != NULL)
            return true;
    return false;
}

void trial_metrics_batch(struct trial_metrics *metrics, const struct metric_batch *batch)
{
    unsigned char *state = metrics->states;
    for (int m = 0; m < schema_metric_count(metrics->schema); m++) {
        const struct schema_metric *metric = schema_metric(metrics->schema, m);
        if (metric->ops->batch != NULL)
            metric->ops->batch(metric->settings, batch, state);
        state += state_bytes(metric);
    }
}

static int32_t *point_epochs(const struct trial_metrics *metrics, const struct schema_metric *metric)
{
    return results_row_data(metrics->row, metric->first_point_array + POINT_EPOCH);
}

/* Whether the metric looks for training losses after this step within an epoch. */
static bool looks_at(const struct schema_metric *metric, int64_t step)
{
    const struct metric_when *when = metric->settings;
    return when->loss_every > 0 && step % when->loss_every == 0;
}

static bool within_is_due(const struct schema_metric *metric, int point, int64_t step, double train_loss)
{
    const struct measure_point *wanted = &metric->points[point];
    if (wanted->moment == MOMENT_STEP)
        return wanted->number == step;
    return wanted->moment == MOMENT_LOSS && looks_at(metric, step) && train_loss <= wanted->train_loss;
}

bool trial_metrics_due(const struct trial_metrics *metrics, int64_t step, double train_loss)
{
    for (int m = 0; m < schema_metric_count(metrics->schema); m++) {
        const struct schema_metric *metric = schema_metric(metrics->schema, m);
        const struct metric_when *when = metric->settings;
        if (when->steps.count == 0 && !looks_at(metric, step))
            continue;
        for (int point = 0; point < metric->point_count; point++)
            if (point_epochs(metrics, metric)[point] < 0 && within_is_due(metric, point, step, train_loss))
                return true;
    }
    return false;
}

enum look trial_metrics_look(const struct trial_metrics *metrics, int64_t step)
{
    if (trial_metrics_due(metrics, step, INFINITY))
        return LOOK_ALL;
    return trial_metrics_due(metrics, step, -INFINITY) ? LOOK_TRAIN : LOOK_NONE;
}

static bool point_is_due(const struct schema_metric *metric, int p, const struct moment_reached *reached)
{
    const struct measure_point *point = &metric->points[p];
    if (reached->within)
        return within_is_due(metric, p, reached->at.step, reached->at.parts[PART_TRAIN].mean_loss);
    switch (point->moment) {
    case MOMENT_EPOCH:
        return point->number == reached->at.epoch && reached->whole;
    case MOMENT_STEP:
        return point->number == reached->at.step;
    case MOMENT_LOSS:
        return reached->at.parts[PART_TRAIN].mean_loss <= point->train_loss;
    case MOMENT_SEPARATED:
        return reached->separates;
    case MOMENT_END:
        return reached->ends;
    }
    return false;
}

enum { COLUMNS_MAX = 256 };

/* Where each column goes: point -1 for the whole trial's. */
static void find_slabs(const struct trial_metrics *metrics, const struct schema_metric *metric, int point,
                       void *slabs[COLUMNS_MAX])
{
    for (int c = 0; c < metric->ops->column_count; c++) {
        const int array = metric->arrays[c];
        slabs[c] = array < 0 ? NULL : results_row_data(metrics->row, array);
        if (array >= 0 && point >= 0 && metric->ops->columns[c].dimensions[0] == DIMENSION_POINT)
            slabs[c] = (char *)slabs[c] + (size_t)point * schema_point_bytes(metrics->schema, array);
    }
}

static void record_point(const struct trial_metrics *metrics, const struct schema_metric *metric,
                         const struct measurement *at)
{
    struct results_row *row = metrics->row;
    point_epochs(metrics, metric)[at->point] = at->epoch;
    ((int64_t *)results_row_data(row, metric->first_point_array + POINT_STEP))[at->point] = at->step;
    ((int64_t *)results_row_data(row, metric->first_point_array + POINT_SAMPLES_SEEN))[at->point] = at->samples_seen;
    ((double *)results_row_data(row, metric->first_point_array + POINT_TRAIN_LOSS))[at->point] =
        at->parts[PART_TRAIN].mean_loss;
}

/* One of a metric's points. Where it is stopped it has not come yet, and begins anew. */
static enum status measure_point(struct trial_metrics *metrics, const struct schema_metric *metric, void *state,
                                 const struct measurement *at, struct error *error)
{
    void *slabs[COLUMNS_MAX];
    find_slabs(metrics, metric, at->point, slabs);
    const enum status status = metric->ops->measure(metric->settings, at, state, slabs, error);
    if (status != STATUS_STOPPED)
        record_point(metrics, metric, at);
    return status;
}

/* first: where its state is. */
static enum status measure_metric(struct trial_metrics *metrics, const struct schema_metric *metric, size_t first,
                                  const struct moment_reached *reached, struct error *error)
{
    const struct metric_ops *ops = metric->ops;
    const size_t bytes = state_bytes(metric);
    void *const state = metrics->states + first;
    void *slabs[COLUMNS_MAX];
    struct measurement at = reached->at;
    at.sizes = &metric->sizes;
    find_slabs(metrics, metric, -1, slabs);
    if (ops->epoch != NULL && !reached->within && !metrics->progress.epoch_seen) {
        TRY(ops->epoch(metric->settings, &at, state, slabs, error));
        metrics->progress.epoch_seen = 1;
        keep_metric(metrics, first, bytes);
    }
    for (int point = 0; point < metric->point_count; point++) {
        if (point_epochs(metrics, metric)[point] >= 0 || !point_is_due(metric, point, reached))
            continue;
        at.point = point;
        TRY(measure_point(metrics, metric, state, &at, error));
        keep_metric(metrics, first, bytes);
    }
    if (!reached->ends || ops->end == NULL)
        return STATUS_OK;
    at.point = -1;
    return ops->end(metric->settings, &at, state, slabs, error);
}

enum status trial_metrics_measure(struct trial_metrics *metrics, const struct moment_reached *reached,
                                  struct error *error)
{
    size_t first = 0;
    for (int m = 0; m < schema_metric_count(metrics->schema); m++) {
        const struct schema_metric *metric = schema_metric(metrics->schema, m);
        if (m == metrics->progress.metric) {
            TRY(measure_metric(metrics, metric, first, reached, error));
            metrics->progress = (struct progress){.metric = m + 1};
            keep_metric(metrics, first, state_bytes(metric));
            reached->rest(reached->context);
        }
        first += state_bytes(metric);
    }
    metrics->progress = (struct progress){0};
    return STATUS_OK;
}
