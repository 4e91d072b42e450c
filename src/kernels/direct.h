/* direct.h - convolution of one image at a time straight from its pixels, for weights that stay in cache.
 * packed: weights or their gradient as [blocks,window,lanes]: the output channels in blocks of vector length, zeros
 * behind the last one; window = kernel*kernel*channels.   padded: an image with its zeros around it. */
#ifndef SEEDBED_KERNELS_DIRECT_H
#define SEEDBED_KERNELS_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/convolution.h"

/* Whether the packed weights are small enough for it to be the fastest way. */
bool direct_fits(const struct convolution *c);

/* Floats of packed weights, of a padded image, of an output padded to whole vectors. */
size_t direct_packed_size(const struct convolution *c);
size_t direct_padded_size(const struct convolution *c);
size_t direct_output_size(const struct convolution *c);

/* The convolution that takes the gradient of the output to that of the input. Only where the stride is 1. */
struct convolution direct_way_back(const struct convolution *c);

/* weights [out_channels,kernel,kernel,channels]. The second packs for direct_way_back(c). */
void direct_pack(const struct convolution *c, const float *weights, float *packed);
void direct_pack_back(const struct convolution *c, const float *weights, float *packed);
void direct_unpack(const struct convolution *c, const float *packed, float *weights);

void direct_pad(const struct convolution *c, const float *image, float *padded);

/* out = padded * packed      out [out_height,out_width,out_channels] */
void direct_forward(const struct convolution *c, const float *padded, const float *packed, float *out);

/* sums += gradient of the weights, packed      dy [out_height,out_width,out_channels]
 * room [direct_output_size], used where out_channels are not whole vectors */
void direct_weights(const struct convolution *c, const float *padded, const float *dy, float *room, float *sums);

#endif
