#include "kernels/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct ranked {
    double value;
    int32_t place;
};

static int ascending(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

enum status ranks_order(int32_t n, const double *values, int32_t *order, struct error *error)
{
    struct ranked *ranked = NULL;
    TRY(memory_allocate((void **)&ranked, (size_t)n, sizeof *ranked, "order of values", error));
    for (int32_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){.value = values[i], .place = i};
    if (n > 0)
        qsort(ranked, (size_t)n, sizeof *ranked, ascending);
    for (int32_t i = 0; i < n; i++)
        order[i] = ranked[i].place;
    memory_free(ranked);
    return STATUS_OK;
}

double subset_overlap(int32_t n, int32_t k, const int32_t *a, const int32_t *b, uint8_t *marks)
{
    int32_t both = 0;
    memset(marks, 0, (size_t)n);
    for (int32_t i = 0; i < k; i++)
        marks[a[i]] = 1;
    for (int32_t i = 0; i < k; i++)
        both += marks[b[i]];
    return (double)both / (double)(2 * k - both);
}

/* ranks [n]: 0 for the least; equal values get the mean of theirs. */
static void share_ranks(int32_t n, const double *values, const int32_t *order, double *ranks)
{
    for (int32_t first = 0, last = 0; first < n; first = last) {
        while (last < n && values[order[last]] == values[order[first]])
            last++;
        for (int32_t i = first; i < last; i++)
            ranks[order[i]] = 0.5 * (first + last - 1);
    }
}

double ordered_rank_correlation(int32_t n, const double *a, const double *b, const int32_t *order_a,
                                const int32_t *order_b, double *room)
{
    double *ranks_a = room, *ranks_b = room + n;
    double products = 0, squares_a = 0, squares_b = 0;
    const double mean = 0.5 * (n - 1);
    share_ranks(n, a, order_a, ranks_a);
    share_ranks(n, b, order_b, ranks_b);
    for (int32_t i = 0; i < n; i++) {
        products += (ranks_a[i] - mean) * (ranks_b[i] - mean);
        squares_a += (ranks_a[i] - mean) * (ranks_a[i] - mean);
        squares_b += (ranks_b[i] - mean) * (ranks_b[i] - mean);
    }
    return products / sqrt(squares_a * squares_b);
}

static enum status correlate(int32_t n, const double *a, const double *b, int32_t *orders, double *room, double *out,
                             struct error *error)
{
    TRY(ranks_order(n, a, orders, error));
    TRY(ranks_order(n, b, orders + n, error));
    *out = ordered_rank_correlation(n, a, b, orders, orders + n, room);
    return STATUS_OK;
}

enum status rank_correlation(int32_t n, const double *a, const double *b, double *out, struct error *error)
{
    void *orders = NULL, *room = NULL;
    TRY(memory_allocate(&orders, 2 * (size_t)n, sizeof(int32_t), "ranks", error));
    enum status status = memory_allocate(&room, 2 * (size_t)n, sizeof(double), "ranks", error);
    if (status == STATUS_OK)
        status = correlate(n, a, b, orders, room, out, error);
    memory_free(room);
    memory_free(orders);
    return status;
}
