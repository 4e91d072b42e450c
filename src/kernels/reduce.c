/* reduce.c - sums run in LANES fixed partial sums, so their order is the same for every vector width and alignment. */
#include "kernels/reduce.h"

#include <math.h>

enum { LANES = 16 };

static double sum_lanes(double lanes[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}

double sum(int64_t count, const double *x)
{
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += x[i + l];
    for (; i < count; i++)
        lanes[i % LANES] += x[i];
    return sum_lanes(lanes);
}

double sum_squares(int64_t count, const float *x)
{
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += (double)x[i + l] * (double)x[i + l];
    for (; i < count; i++)
        lanes[i % LANES] += (double)x[i] * (double)x[i];
    return sum_lanes(lanes);
}

bool all_finite(int64_t count, const float *x)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < count; i++)
        bad |= !(x[i] - x[i] == 0.0f);
    return bad == 0;
}

int first_maximum(int m, const float *z)
{
    int best = 0;
    for (int j = 1; j < m; j++)
        if (z[j] > z[best])
            best = j;
    return best;
}

double label_margin(int m, const float *z, int label)
{
    float other = -INFINITY;
    for (int j = 0; j < m; j++)
        if (j != label && z[j] > other)
            other = z[j];
    return (double)z[label] - (double)other;
}
