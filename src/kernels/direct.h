/* direct.h - convolution of one image at a time straight from its pixels, for weights that stay in cache.
 * packed: weights or their gradient as [blocks,window,lanes]: the output channels in blocks of vector length, zeros
 * behind the last one; window = kernel*kernel*channels. */
#ifndef SEEDBED_KERNELS_DIRECT_H
#define SEEDBED_KERNELS_DIRECT_H

#include "kernels/convolution.h"

/* Floats of packed weights. */
size_t direct_packed_size(const struct convolution *c);

/* weights [out_channels,kernel,kernel,channels]. The second packs for convolution_way_back(c). */
void direct_pack(const struct convolution *c, const float *weights, float *packed);
void direct_pack_back(const struct convolution *c, const float *weights, float *packed);
void direct_unpack(const struct convolution *c, const float *packed, float *weights);

#endif
