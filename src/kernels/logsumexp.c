/* logsumexp.c - with M the largest of z: (M - z_label) + log1p(sum over the others of exp(z_j - M)).
 * For many rows exp and log1p are short series after exact range reduction, in loops that become vector code: for a
 * small network the C library's cost as much as its last layers. */
#include "kernels/logsumexp.h"

#include <math.h>
#include <string.h>

#include "kernels/reduce.h"

static const double log2_high = 0x1.62e42fefa38p-1; /* 41 bits: times an exponent it is exact */
static const double log2_low = 0x1.ef35793c7673p-45;

double logsumexp_minus(int m, const float *z, int label)
{
    const int largest = first_maximum(m, z);
    const double maximum = (double)z[largest];
    double others = 0;
    for (int j = 0; j < m; j++)
        if (j != largest)
            others += exp((double)z[j] - maximum);
    return (maximum - (double)z[label]) + log1p(others);
}

/* 2^k, where k is the whole number in `shifted` = k + 0x1.8p52   abs(k) <= 1022 */
static inline double power_of_two(double shifted)
{
    uint64_t bits;
    double power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023u) << 52;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* exp(x) = 2^k exp(r), abs(r) <= log(2)/2, in two halves of k: results below the smallest normal number are rounded
 * once; -infinity gives 0.   x <= 0 */
static inline double exp_negative(double x)
{
    const double rounder = 0x1.8p52;
    const double least = x < -746.0 ? -746.0 : x;
    const double k = (least * 0x1.71547652b82fep0 + rounder) - rounder;
    const double r = (least - k * log2_high) - k * log2_low;
    const double shifted = k * 0.5 + rounder, rest = (k - (shifted - rounder)) + rounder;
    double q = r * (1.0 / 6227020800) + 1.0 / 479001600;
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    q = q * r * r + r;
    return (q + 1.0) * power_of_two(shifted) * power_of_two(rest);
}

/* log(1 + u): w = 1 + u rounded, w = 2^k f with f in [sqrt(1/2), sqrt(2)), log f = 2 atanh((f - 1) / (f + 1)); what w
 * lacks is added as its share of w.   u >= 0 */
static inline double log1p_positive(double u)
{
    const double w = 1.0 + u, lost = u - (w - 1.0), rounder = 0x1p52;
    uint64_t bits, exponent;
    memcpy(&bits, &w, sizeof bits);
    exponent = (bits - 0x3fe6a09e667f3bcdu) >> 52; /* the bits of sqrt(1/2) */
    bits -= exponent << 52;
    exponent += 0x4330000000000000u; /* those of 2^52 */
    double f, k;
    memcpy(&f, &bits, sizeof f);
    memcpy(&k, &exponent, sizeof k);
    k -= rounder;
    const double s = (f - 1.0) / (f + 1.0), t = s * s;
    double p = t * (1.0 / 21) + 1.0 / 19;
    p = p * t + 1.0 / 17;
    p = p * t + 1.0 / 15;
    p = p * t + 1.0 / 13;
    p = p * t + 1.0 / 11;
    p = p * t + 1.0 / 9;
    p = p * t + 1.0 / 7;
    p = p * t + 1.0 / 5;
    p = p * t + 1.0 / 3;
    return k * log2_high + (2.0 * s + (2.0 * s * t * p + (k * log2_low + lost / w)));
}

enum { ROOM = 512 };

/* e [ROOM], overwritten; n m <= ROOM */
static void some_rows(int n, int m, const float *z, const int16_t *labels, double *restrict e, double *restrict out)
{
    double lead[ROOM];
    for (int i = 0; i < n; i++) {
        const float *const row = z + (int64_t)i * m;
        const int largest = first_maximum(m, row);
        for (int j = 0; j < m; j++)
            e[i * m + j] = (double)row[j] - (double)row[largest];
        e[i * m + largest] = -INFINITY;
        lead[i] = (double)row[largest] - (double)row[labels[i]];
    }
#pragma omp simd
    for (int i = 0; i < n * m; i++)
        e[i] = exp_negative(e[i]);
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int j = 0; j < m; j++)
            out[i] += e[i * m + j];
    }
#pragma omp simd
    for (int i = 0; i < n; i++)
        out[i] = lead[i] + log1p_positive(out[i]);
}

void logsumexp_minus_rows(int n, int m, const float *z, const int16_t *labels, double *out)
{
    double e[ROOM] = {0};
    const int most = m > ROOM ? 1 : ROOM / m;
    for (int i = 0; i < n; i += most) {
        const float *const row = z + (int64_t)i * m;
        if (m > ROOM)
            out[i] = logsumexp_minus(m, row, labels[i]);
        else
            some_rows(n - i < most ? n - i : most, m, row, labels + i, e, out + i);
    }
}
