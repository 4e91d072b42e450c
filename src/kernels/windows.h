/* windows.h - windows of images as rows of a matrix, so that a convolution is a product of matrices.
 * Images are [height,width,channels]; a window's row is [kernel,kernel,channels], zero where it leaves the image. */
#ifndef SEEDBED_KERNELS_WINDOWS_H
#define SEEDBED_KERNELS_WINDOWS_H

#include "kernels/convolution.h"

/* columns [out_height*out_width, kernel*kernel*channels] of one image   image [height,width,channels] */
void image_to_columns(const struct convolution *c, const float *restrict image, float *restrict columns);

/* image += the columns' windows, each where it came from: the transpose of image_to_columns */
void columns_to_image(const struct convolution *c, const float *restrict columns, float *restrict image);

#endif
