/* points.c - the moments a metric is measured at: epochs ascending, then separated, then end. */
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

/* The least wanted epoch above `after`; INT64_MAX when there is none. */
static int64_t next_epoch(const struct metric_when *when, int64_t after)
{
    int64_t next = INT64_MAX;
    if (after < 0 && names_moment(when, &moment_init))
        next = 0;
    for (int i = 0; i < when->epochs.count; i++)
        if (when->epochs.values[i] > after && when->epochs.values[i] < next)
            next = when->epochs.values[i];
    if (when->every > 0) {
        const int64_t multiple = after < 0 ? when->every : (after / when->every + 1) * when->every;
        next = multiple < next ? multiple : next;
    }
    return next;
}

static int add_point(struct measure_point point, struct measure_point *points, int capacity, int count)
{
    if (count < capacity)
        points[count] = point;
    return count + 1;
}

int metric_points(const struct metric_when *when, int epochs, struct measure_point *points, int capacity)
{
    int count = 0;
    for (int64_t epoch = next_epoch(when, -1); epoch <= epochs; epoch = next_epoch(when, epoch))
        count = add_point((struct measure_point){.moment = MOMENT_EPOCH, .epoch = (int)epoch}, points, capacity, count);
    if (names_moment(when, &moment_separated))
        count = add_point((struct measure_point){.moment = MOMENT_SEPARATED}, points, capacity, count);
    if (names_moment(when, &moment_end))
        count = add_point((struct measure_point){.moment = MOMENT_END}, points, capacity, count);
    return count;
}
