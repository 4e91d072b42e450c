/* channels.h - sums over all pixels of each channel, and what batch normalisation does with them.
 * x, y, dy [rows,channels]; the rest [channels]. Sums are in double, in an order that depends on the counts only. */
#ifndef SEEDBED_KERNELS_CHANNELS_H
#define SEEDBED_KERNELS_CHANNELS_H

/* sums = sum of x */
void channel_sums(int rows, int channels, const float *x, double *sums);

/* squares = sum of (x - mean)^2 */
void channel_squares(int rows, int channels, const float *x, const float *mean, double *squares);

/* sums = sum of dy   products = sum of dy (x - mean) */
void channel_products(int rows, int channels, const float *dy, const float *x, const float *mean, double *sums,
                      double *products);

/* y = scale x + shift */
void channel_affine(int rows, int channels, const float *x, const float *scale, const float *shift, float *y);

/* dx = a dy + b x + c */
void channel_combine(int rows, int channels, const float *dy, const float *x, const float *a, const float *b,
                     const float *c, float *dx);

#endif
