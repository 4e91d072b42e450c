/* vector.h - the width of this build's vectors and a type for them, for kernels that keep tiles in registers. */
#ifndef SEEDBED_KERNELS_VECTOR_H
#define SEEDBED_KERNELS_VECTOR_H

#ifdef __AVX512F__
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

/* Any address of floats may be read as a vector. */
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* The bits of a vector. */
typedef int vector_bits __attribute__((vector_size(LANES * sizeof(int)), may_alias));

#define INLINE static inline __attribute__((always_inline))
/* Kept apart: what a loop around it would hoist does not fit into the registers. */
#define APART static __attribute__((noinline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vector load(const float *from)
{
    return *(const vector *)(const void *)from;
}

INLINE void store(vector value, float *to)
{
    *(vector *)(void *)to = value;
}

/* max(least, x), NaN in x kept */
INLINE vector at_least(vector least, vector x)
{
    const vector_bits below = x < least;
    return (vector)((below & (vector_bits)least) | (~below & (vector_bits)x));
}

#endif
