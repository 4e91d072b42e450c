/* pool.h - maxima of 2 x 2 pixels that do not overlap. One image; a last odd row or column is left out.
 * x, dx [height,width,channels]   y, dy [height/2,width/2,channels] */
#ifndef SEEDBED_KERNELS_POOL_H
#define SEEDBED_KERNELS_POOL_H

/* y = the largest of four; NaN stays NaN */
void pool_halve(int height, int width, int channels, const float *x, float *y);

/* dx = dy at the first of the largest in reading order, else 0 */
void pool_halve_back(int height, int width, int channels, const float *x, const float *dy, float *dx);

#endif
