/* convolution_methods.h - the ways to compute a convolution, the fastest first. */
#ifndef SEEDBED_KERNELS_CONVOLUTION_METHODS_H
#define SEEDBED_KERNELS_CONVOLUTION_METHODS_H

#include "kernels/convolution.h"

/* Arguments as in convolution.h; each function is called only where `fits`. */
struct convolution_method {
    const char *name;
    bool (*fits)(const struct convolution *c, enum convolution_pass pass);
    size_t (*scratch)(const struct convolution *c, enum convolution_pass pass);
    size_t (*prepared)(const struct convolution *c, enum convolution_pass pass); /* 0: weights serve as they are */
    void (*prepare)(const struct convolution *c, enum convolution_pass pass, const float *weights, float *prepared);
    void (*forward)(const struct convolution *c, int n, const float *x, const float *prepared,
                    const struct epilogue *epilogue, float *scratch, float *y);
    void (*input_gradient)(const struct convolution *c, int n, const float *dy, const float *prepared, float *scratch,
                           float *dx);
    void (*weight_gradient)(const struct convolution *c, int n, const float *x, const float *dy, float *scratch,
                            float *dweights);
};

extern const struct convolution_method convolution_winograd, convolution_direct, convolution_windows;

/* All methods, NULL behind the last; that one fits everything. */
extern const struct convolution_method *const convolution_methods[];

/* The first that fits. */
const struct convolution_method *convolution_method(const struct convolution *c, enum convolution_pass pass);

#endif
