/* points.c - the moments a metric is measured at: epochs, steps, training losses, separated, end. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "metrics/metrics.h"

static const struct kind moment_init = {.name = "init", .summary = "before training"};
static const struct kind moment_separated = {
    .name = "separated", .summary = "after the first epoch at whose end every training sample is right"};
static const struct kind moment_end = {
    .name = "end", .summary = "when training ends, after the last epoch or by a rule of train.stop"};
static const struct kind *const moment_kinds[] = {&moment_init, &moment_separated, &moment_end, NULL};
const struct kind_table moment_table = {.what = "moment", .plural = "moments", .kinds = moment_kinds};

static bool names_moment(const struct metric_when *when, const struct kind *moment)
{
    for (int i = 0; i < when->at.count; i++)
        if (when->at.values[i] == moment)
            return true;
    return false;
}

/* The least number of the list above `after`; INT64_MAX when there is none. */
static int64_t next_number(const struct integer_list *list, int64_t after)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < list->count; i++)
        if (list->values[i] > after && list->values[i] < next)
            next = list->values[i];
    return next;
}

static int64_t next_epoch(const struct metric_when *when, int64_t after)
{
    if (after < 0 && names_moment(when, &moment_init))
        return 0;
    const int64_t next = next_number(&when->epochs, after);
    if (when->every == 0)
        return next;
    const int64_t multiple = after < 0 ? when->every : (after / when->every + 1) * when->every;
    return multiple < next ? multiple : next;
}

/* The largest wanted loss below `before`; -1 when there is none. */
static double next_loss(const struct metric_when *when, double before)
{
    double next = -1;
    for (int i = 0; i < when->loss.count; i++)
        if (when->loss.values[i] < before && when->loss.values[i] > next)
            next = when->loss.values[i];
    return next;
}

struct points {
    struct measure_point *points;
    int capacity, count;
};

static void add_point(struct points *to, struct measure_point point)
{
    if (to->count < to->capacity)
        to->points[to->count] = point;
    to->count++;
}

int metric_points(const struct metric_when *when, int64_t epochs, int64_t steps, struct measure_point *points,
                  int capacity)
{
    struct points to = {.points = points, .capacity = capacity};
    for (int64_t epoch = next_epoch(when, -1); epoch <= epochs; epoch = next_epoch(when, epoch))
        add_point(&to, (struct measure_point){.moment = MOMENT_EPOCH, .number = epoch});
    for (int64_t step = next_number(&when->steps, -1); step <= steps; step = next_number(&when->steps, step))
        add_point(&to, (struct measure_point){.moment = MOMENT_STEP, .number = step});
    double loss = INFINITY;
    while ((loss = next_loss(when, loss)) >= 0)
        add_point(&to, (struct measure_point){.moment = MOMENT_LOSS, .train_loss = loss});
    if (names_moment(when, &moment_separated))
        add_point(&to, (struct measure_point){.moment = MOMENT_SEPARATED});
    if (names_moment(when, &moment_end))
        add_point(&to, (struct measure_point){.moment = MOMENT_END});
    return to.count;
}

enum status metric_when_check(const void *settings, struct error *error)
{
    const struct metric_when *when = settings;
    if (when->loss_every == 0 || when->loss.count > 0)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP,
                "loss_every: %" PRId64
                " says how often to look for a training loss, but 'loss' names none; give 'loss' "
                "such as [0.1, 0.01], or drop 'loss_every'",
                when->loss_every);
}
