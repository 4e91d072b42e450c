/* channels.h - sums over all pixels of each channel, and what batch normalisation does with them.
 * x, y, dy, dx [rows,channels]; the rest [channels]. Sums are added to what is there, in double, in an order that
 * depends on the counts only. */
#ifndef SEEDBED_KERNELS_CHANNELS_H
#define SEEDBED_KERNELS_CHANNELS_H

#include <stdbool.h>

/* y = scale x + shift; with relu, 0 where that is negative */
struct channel_map {
    const float *scale, *shift;
    bool relu;
};

/* sums += sum of x - origin   squares += sum of (x - origin)^2 */
void channel_moments(int rows, int channels, const float *x, const float *origin, double *sums, double *squares);

/* y = map(x) */
void channel_affine(int rows, int channels, const struct channel_map *map, const float *x, float *y);

/* sums += sum of g   products += sum of g (x - mean), where g is dy, or 0 where the map's relu is 0 at x */
void channel_products(int rows, int channels, const struct channel_map *map, const float *dy, const float *x,
                      const float *mean, double *sums, double *products);

/* dx = a g + b x + c, g as above */
void channel_combine(int rows, int channels, const struct channel_map *map, const float *dy, const float *x,
                     const float *a, const float *b, const float *c, float *dx);

#endif
