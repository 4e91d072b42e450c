/* stiffness_statistics.c - means of signs and cosines over pairs of samples, all in double. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "metrics/stiffness.h"

/* Sums over the pairs of each two classes; [classes, classes] each. */
struct class_sums {
    double *agree[AGREE_COUNT], *count, *naive, *zeros;
};

static double sign(double x)
{
    return (x > 0) - (x < 0);
}

static void agree(const struct pairs *pairs, int i, int j, double agreement[AGREE_COUNT])
{
    const double product = pairs->gram->products[(size_t)i * (size_t)pairs->gram->count + (size_t)j];
    agreement[AGREE_SIGN] = sign(product);
    agreement[AGREE_COSINE] = product * pairs->lengths[i] * pairs->lengths[j];
}

/* The product of the gradients themselves as float32 has it, subnormal numbers flushed to zero as in training. */
static double naive_product(const struct gram *gram, int i, int j)
{
    const double product = gram->products[(size_t)i * (size_t)gram->count + (size_t)j];
    const double whole = product * gram->scales[i] * gram->scales[j];
    return fabs(whole) < (double)FLT_MIN ? 0 : whole;
}

static void add_pairs(const struct pairs *pairs, const struct class_sums *sums)
{
    const int16_t *const labels = pairs->chosen->labels;
    for (int i = pairs->rows.first; i < pairs->rows.end; i++)
        for (int j = pairs->columns.first; j < pairs->columns.end; j++) {
            if (i == j)
                continue;
            const int cell = labels[i] * pairs->classes + labels[j];
            double agreement[AGREE_COUNT];
            agree(pairs, i, j, agreement);
            const double naive = naive_product(pairs->gram, i, j);
            sums->agree[AGREE_SIGN][cell] += agreement[AGREE_SIGN];
            sums->agree[AGREE_COSINE][cell] += agreement[AGREE_COSINE];
            sums->count[cell] += 1;
            sums->naive[cell] += sign(naive);
            sums->zeros[cell] += naive == 0;
        }
}

/* A mean of class means, or of pairs. */
struct mean {
    double sum, count;
};

static void add_to(struct mean *mean, double sum, double count)
{
    mean->sum += sum;
    mean->count += count;
}

static double mean_of(struct mean mean)
{
    return mean.count > 0 ? mean.sum / mean.count : (double)NAN;
}

/* Of the off-diagonal cells: +1 within one super-class, -1 between two, 0 where one has none. */
static int relation(int a, int b, const int64_t *supers, int super_count)
{
    if (a >= super_count || b >= super_count || supers[a] < 0 || supers[b] < 0)
        return 0;
    return supers[a] == supers[b] ? 1 : -1;
}

static void take_means(const struct pairs *pairs, const struct class_sums *sums, enum agreement kind,
                       const int64_t *supers, int super_count, struct stiffness_means *means)
{
    struct mean all = {0}, within = {0}, between = {0}, same = {0}, other = {0};
    for (int a = 0; a < pairs->classes; a++)
        for (int b = 0; b < pairs->classes; b++) {
            const int cell = a * pairs->classes + b;
            if (sums->count[cell] == 0)
                continue;
            const double class_mean = sums->agree[kind][cell] / sums->count[cell];
            const int related = a == b ? 0 : relation(a, b, supers, super_count);
            add_to(&all, sums->agree[kind][cell], sums->count[cell]);
            add_to(a == b ? &within : &between, class_mean, 1);
            if (related != 0)
                add_to(related > 0 ? &same : &other, class_mean, 1);
        }
    means->all[kind] = mean_of(all);
    means->within[kind] = mean_of(within);
    means->between[kind] = mean_of(between);
    means->same_super[kind] = mean_of(same);
    means->other_super[kind] = mean_of(other);
}

static void take_naive_means(const struct pairs *pairs, const struct class_sums *sums, struct stiffness_means *means)
{
    struct mean within = {0}, between = {0}, zeros = {0};
    for (int a = 0; a < pairs->classes; a++)
        for (int b = 0; b < pairs->classes; b++) {
            const int cell = a * pairs->classes + b;
            if (sums->count[cell] == 0)
                continue;
            add_to(a == b ? &within : &between, sums->naive[cell] / sums->count[cell], 1);
            add_to(&zeros, sums->zeros[cell], sums->count[cell]);
        }
    means->naive_within = mean_of(within);
    means->naive_between = mean_of(between);
    means->zero_share = mean_of(zeros);
}

void stiffness_of_classes(const struct pairs *pairs, const int64_t *supers, int super_count, double *room,
                          float *const matrix[AGREE_COUNT], struct stiffness_means *means)
{
    const size_t cells = (size_t)pairs->classes * (size_t)pairs->classes;
    const struct class_sums sums = {
        .agree = {room, room + cells}, .count = room + 2 * cells, .naive = room + 3 * cells, .zeros = room + 4 * cells};
    memset(room, 0, 5 * cells * sizeof *room);
    add_pairs(pairs, &sums);
    for (int kind = 0; kind < AGREE_COUNT; kind++) {
        take_means(pairs, &sums, (enum agreement)kind, supers, super_count, means);
        for (size_t cell = 0; cell < cells; cell++)
            matrix[kind][cell] = sums.count[cell] > 0 ? (float)(sums.agree[kind][cell] / sums.count[cell]) : NAN;
    }
    take_naive_means(pairs, &sums, means);
}

/* -1: outside the edges. */
static int bin_of(double distance, int bins, const double *edges)
{
    if (!(distance >= edges[0]) || distance > edges[bins])
        return -1;
    int bin = 0;
    while (bin + 1 < bins && distance >= edges[bin + 1])
        bin++;
    return bin;
}

/* Sums for a straight line through (x, y). */
struct line {
    double count, x, y, xx, xy;
};

static void add_point(struct line *line, double x, double y)
{
    line->count += 1;
    line->x += x;
    line->y += y;
    line->xx += x * x;
    line->xy += x * y;
}

static void fit_line(const struct line *line, struct distance_curve *curve)
{
    const double spread = line->xx - line->x * line->x / line->count;
    curve->slope = curve->intercept = curve->length = (double)NAN;
    if (line->count < 2 || !(spread > 0))
        return;
    curve->slope = (line->xy - line->x * line->y / line->count) / spread;
    curve->intercept = (line->y - curve->slope * line->x) / line->count;
    if (curve->slope < 0 && curve->intercept > 0)
        curve->length = -curve->intercept / curve->slope;
}

static double centre(const double *edges, int bin)
{
    return (edges[bin] + edges[bin + 1]) / 2;
}

/* Between neighbouring bins that hold pairs: the first above zero followed by one that is not. */
static double first_crossing(int bins, const double *edges, const double *values, const int64_t *count)
{
    int before = -1;
    for (int bin = 0; bin < bins; bin++) {
        if (count[bin] == 0)
            continue;
        if (before >= 0 && values[before] > 0 && values[bin] <= 0) {
            const double x = centre(edges, before), step = centre(edges, bin) - x;
            return x + step * values[before] / (values[before] - values[bin]);
        }
        before = bin;
    }
    return (double)NAN;
}

static void clear_curve(int bins, struct distance_curve *curve)
{
    const size_t bytes = (size_t)bins * sizeof(double);
    for (int kind = 0; kind < AGREE_COUNT; kind++) {
        memset(curve->all[kind], 0, bytes);
        memset(curve->within[kind], 0, bytes);
    }
    memset(curve->count, 0, (size_t)bins * sizeof(int64_t));
    memset(curve->within_count, 0, (size_t)bins * sizeof(int64_t));
}

static void divide_by(int bins, const int64_t *count, double *sums)
{
    for (int bin = 0; bin < bins; bin++)
        sums[bin] = count[bin] > 0 ? sums[bin] / (double)count[bin] : (double)NAN;
}

void stiffness_by_distance(const struct pairs *pairs, const float *cosines, int bins, const double *edges,
                           struct distance_curve *curve)
{
    const int16_t *const labels = pairs->chosen->labels;
    struct line line = {0};
    clear_curve(bins, curve);
    for (int i = pairs->rows.first; i < pairs->rows.end; i++)
        for (int j = pairs->columns.first; j < pairs->columns.end; j++) {
            if (i == j)
                continue;
            const double distance = fmax(0, 1 - (double)cosines[(size_t)i * (size_t)pairs->chosen->count + (size_t)j]);
            const int bin = bin_of(distance, bins, edges);
            double agreement[AGREE_COUNT];
            agree(pairs, i, j, agreement);
            if (labels[i] == labels[j])
                add_point(&line, distance, agreement[AGREE_SIGN]);
            if (bin < 0)
                continue;
            for (int kind = 0; kind < AGREE_COUNT; kind++) {
                curve->all[kind][bin] += agreement[kind];
                curve->within[kind][bin] += labels[i] == labels[j] ? agreement[kind] : 0;
            }
            curve->count[bin]++;
            curve->within_count[bin] += labels[i] == labels[j];
        }
    for (int kind = 0; kind < AGREE_COUNT; kind++) {
        divide_by(bins, curve->count, curve->all[kind]);
        divide_by(bins, curve->within_count, curve->within[kind]);
    }
    curve->crossing = first_crossing(bins, edges, curve->all[AGREE_SIGN], curve->count);
    curve->within_crossing = first_crossing(bins, edges, curve->within[AGREE_SIGN], curve->within_count);
    fit_line(&line, curve);
}
