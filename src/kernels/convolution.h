/* convolution.h - convolution of n images and its gradients, by whichever method is fastest for the shapes.
 * x, dx [n,height,width,channels]   y, dy [n,out_height,out_width,out_channels]
 * weights, dweights [out_channels,kernel,kernel,channels]   scratch [convolution_scratch], overwritten
 * Weights are prepared once and then serve any number of calls, until they change.
 * The method depends on the geometry only, and each sum has one order: the same bits for the same shapes and values. */
#ifndef SEEDBED_KERNELS_CONVOLUTION_H
#define SEEDBED_KERNELS_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>

struct convolution {
    int height, width, channels; /* of the input */
    int kernel, stride, padding;
    int out_height, out_width, out_channels;
};

/* What becomes of a sum before it is stored. */
struct epilogue {
    const float *bias; /* [out_channels], added; or NULL */
    bool relu;         /* negative ones become 0, NaN is kept */
};

/* Number of places where a window fits along a side of the input; below 1: none. */
int convolution_places(int side, int kernel, int stride, int padding);

/* Floats of one image's input, of its output, of a window. */
size_t convolution_input_size(const struct convolution *c);
size_t convolution_output_size(const struct convolution *c);
size_t convolution_window_size(const struct convolution *c);

/* The convolution that takes dy to dx. Only where the stride is 1 and the padding below the kernel. */
struct convolution convolution_way_back(const struct convolution *c);

enum convolution_pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, CONVOLUTION_PASSES };

/* Floats of scratch that a pass needs. */
size_t convolution_scratch(const struct convolution *c, enum convolution_pass pass);

/* Floats of weights prepared for FORWARD or INPUT_GRADIENT. */
size_t convolution_prepared(const struct convolution *c, enum convolution_pass pass);

/* Weights as that pass reads them: in room [convolution_prepared], or themselves where they serve as they are. */
const float *convolution_prepare(const struct convolution *c, enum convolution_pass pass, const float *weights,
                                 float *room);

/* y = x * weights, then the epilogue */
void convolution_forward(const struct convolution *c, int n, const float *x, const float *prepared,
                         const struct epilogue *epilogue, float *scratch, float *y);

void convolution_input_gradient(const struct convolution *c, int n, const float *dy, const float *prepared,
                                float *scratch, float *dx);

/* dweights: summed over the images */
void convolution_weight_gradient(const struct convolution *c, int n, const float *x, const float *dy, float *scratch,
                                 float *dweights);

#endif
