#include "metrics/loss_figures.h"

#include <math.h>
#include <string.h>

/* Bits whose order as unsigned numbers is the order of the floats. */
static uint32_t key_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/* By the digit of 8 bits at `shift`, keeping the order of equal digits. */
static void sort_by_digit(int n, const float *from, float *to, int shift)
{
    int start[257] = {0};
    for (int i = 0; i < n; i++)
        start[(key_of(from[i]) >> shift & 255) + 1]++;
    for (int digit = 0; digit < 256; digit++)
        start[digit + 1] += start[digit];
    for (int i = 0; i < n; i++)
        to[start[key_of(from[i]) >> shift & 255]++] = from[i];
}

void sort_numbers(int n, float *values, float *scratch)
{
    for (int shift = 0; shift < 32; shift += 16) {
        sort_by_digit(n, values, scratch, shift);
        sort_by_digit(n, scratch, values, shift + 8);
    }
}

double sorted_quantile(int n, const float *sorted, double share)
{
    const double place = share * (n - 1);
    const int below = (int)place;
    const int above = below + 1 < n ? below + 1 : below;
    return (double)sorted[below] + (place - below) * ((double)sorted[above] - (double)sorted[below]);
}

double sorted_trimmed_mean(int n, const float *sorted, double share)
{
    const int kept = n - (int)ceil(share * n);
    double total = 0;
    for (int i = 0; i < kept; i++)
        total += (double)sorted[i];
    return total / kept;
}

double sorted_gini(int n, const float *sorted)
{
    double total = 0, weighted = 0;
    for (int i = 0; i < n; i++) {
        total += (double)sorted[i];
        weighted += (2.0 * (i + 1) - n - 1) * (double)sorted[i];
    }
    return total > 0 ? weighted / (n * total) : (double)NAN;
}

double sorted_top_share(int n, const float *sorted, double share)
{
    const int first = n - (int)ceil(share * n);
    double top = 0, total = 0;
    for (int i = n - 1; i >= 0 && sorted[i] > 0; i--) {
        total += (double)sorted[i];
        top += i >= first ? (double)sorted[i] : 0;
    }
    return total > 0 ? top / total : (double)NAN;
}
