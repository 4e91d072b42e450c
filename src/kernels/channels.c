/* channels.c - a tile of LANES channels at a time, summed in float over CHUNK rows and in double beyond: as exact as
 * needed, at the speed of float. */
#include "kernels/channels.h"

#include <stddef.h>

enum { LANES = 16, CHUNK = 32 };

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

/* One term of a sum at a value of x and its channel's mean. */
typedef float term_function(float x, float mean);

static inline float term_value(float x, float mean)
{
    (void)mean;
    return x;
}

static inline float term_square(float x, float mean)
{
    return (x - mean) * (x - mean);
}

/* sums [width] of the first width channels; width <= LANES, constant where it is LANES */
static inline void sum_tile(term_function *term, int rows, int channels, int width, const float *x, const float *mean,
                            double *sums)
{
    double totals[LANES] = {0};
    float means[LANES] = {0};
    for (int l = 0; l < width; l++)
        means[l] = mean[l];
    for (int first = 0; first < rows; first += CHUNK) {
        float partial[LANES] = {0};
        for (int r = first; r < least(first + CHUNK, rows); r++)
            for (int l = 0; l < width; l++) {
                const size_t at = (size_t)r * (size_t)channels + (size_t)l;
                partial[l] += term(x[at], means[l]);
            }
        for (int l = 0; l < width; l++)
            totals[l] += (double)partial[l];
    }
    for (int l = 0; l < width; l++)
        sums[l] = totals[l];
}

static inline void sum_channels(term_function *term, int rows, int channels, const float *x, const float *mean,
                                double *sums)
{
    int first = 0;
    for (; first + LANES <= channels; first += LANES)
        sum_tile(term, rows, channels, LANES, x + first, mean + first, sums + first);
    if (first < channels)
        sum_tile(term, rows, channels, channels - first, x + first, mean + first, sums + first);
}

void channel_sums(int rows, int channels, const float *x, double *sums)
{
    sum_channels(term_value, rows, channels, x, x, sums);
}

void channel_squares(int rows, int channels, const float *x, const float *mean, double *squares)
{
    sum_channels(term_square, rows, channels, x, mean, squares);
}

/* Both sums in one pass.   sums, products [width] */
static inline void product_tile(int rows, int channels, int width, const float *dy, const float *x, const float *mean,
                                double *sums, double *products)
{
    double total[LANES] = {0}, total_products[LANES] = {0};
    float means[LANES] = {0};
    for (int l = 0; l < width; l++)
        means[l] = mean[l];
    for (int first = 0; first < rows; first += CHUNK) {
        float sum[LANES] = {0}, product[LANES] = {0};
        for (int r = first; r < least(first + CHUNK, rows); r++)
            for (int l = 0; l < width; l++) {
                const size_t at = (size_t)r * (size_t)channels + (size_t)l;
                sum[l] += dy[at];
                product[l] += dy[at] * (x[at] - means[l]);
            }
        for (int l = 0; l < width; l++) {
            total[l] += (double)sum[l];
            total_products[l] += (double)product[l];
        }
    }
    for (int l = 0; l < width; l++) {
        sums[l] = total[l];
        products[l] = total_products[l];
    }
}

void channel_products(int rows, int channels, const float *dy, const float *x, const float *mean, double *sums,
                      double *products)
{
    int first = 0;
    for (; first + LANES <= channels; first += LANES)
        product_tile(rows, channels, LANES, dy + first, x + first, mean + first, sums + first, products + first);
    if (first < channels)
        product_tile(rows, channels, channels - first, dy + first, x + first, mean + first, sums + first,
                     products + first);
}

void channel_affine(int rows, int channels, const float *restrict x, const float *restrict scale,
                    const float *restrict shift, float *restrict y)
{
    for (int r = 0; r < rows; r++, x += channels, y += channels)
        for (int c = 0; c < channels; c++)
            y[c] = scale[c] * x[c] + shift[c];
}

void channel_combine(int rows, int channels, const float *restrict dy, const float *restrict x, const float *restrict a,
                     const float *restrict b, const float *restrict c, float *restrict dx)
{
    for (int r = 0; r < rows; r++, dy += channels, x += channels, dx += channels)
        for (int i = 0; i < channels; i++)
            dx[i] = a[i] * dy[i] + b[i] * x[i] + c[i];
}
