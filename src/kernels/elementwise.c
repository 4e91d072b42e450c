/* elementwise.c - loops that the compiler turns into vector code.
 * exp, log1p and tanh are short series after exact range reduction (error below 2 units in the last place), because the
 * C library's are scalar: they would cost more than the matrix products beside them. */
#include "kernels/elementwise.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) - 1 = 2^e (q + 1) - 1 with q = exp(r) - 1, x = e log 2 + r, abs(r) <= log(2)/2; scale = 2^e.   x <= 0 */
static inline float expm1_parts(float x, float *scale)
{
    const float least = x < -87.0f ? -87.0f : x;
    const float rounder = 0x1.8p23f;
    const float shifted = least * 0x1.715476p0f + rounder;
    const float exponent = shifted - rounder;
    const float rough = least - exponent * 0x1.62e4p-1f;
    const float r = rough - exponent * 0x1.7f7d1cp-20f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    memcpy(scale, &bits, sizeof bits);
    float q = r * (1.0f / 5040) + 1.0f / 720;
    q = q * r + 1.0f / 120;
    q = q * r + 1.0f / 24;
    q = q * r + 1.0f / 6;
    q = q * r + 0.5f;
    q = q * r * r + r;
    return q;
}

/* exp(x), zero where it is below the smallest normal number.   x <= 0 */
static inline float exp_negative(float x)
{
    float scale;
    const float q = expm1_parts(x, &scale);
    return x < -87.0f ? 0.0f : scale * q + scale;
}

/* exp(x) - 1 without cancellation.   x <= 0 */
static inline float expm1_negative(float x)
{
    float scale;
    const float q = expm1_parts(x, &scale);
    return scale * q + (scale - 1.0f);
}

/* log(1 + u) = 2 atanh(u / (2 + u))   u in [0, 1] */
static inline float log1p_unit(float u)
{
    const float s = u / (2.0f + u);
    const float t = s * s;
    float p = t * (1.0f / 17) + 1.0f / 15;
    p = p * t + 1.0f / 13;
    p = p * t + 1.0f / 11;
    p = p * t + 1.0f / 9;
    p = p * t + 1.0f / 7;
    p = p * t + 1.0f / 5;
    p = p * t + 1.0f / 3;
    return 2.0f * s + 2.0f * s * t * p;
}

static inline float magnitude(float x)
{
    return x < 0.0f ? -x : x;
}

static inline float linear_value(float x)
{
    return x;
}

/* Written so that NaN is kept: a comparison with NaN is false. */
static inline float relu_value(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static inline float tanh_value(float x)
{
    const float e = expm1_negative(-2.0f * magnitude(x));
    const float positive = -e / (2.0f + e);
    return x < 0.0f ? -positive : positive;
}

static inline float softplus_value(float x)
{
    return relu_value(x) + log1p_unit(exp_negative(-magnitude(x)));
}

static const float leak = 0.01f;

static inline float leaky_relu_value(float x)
{
    return x < 0.0f ? leak * x : x;
}

static inline float sigmoid_value(float x)
{
    const float e = exp_negative(-magnitude(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* Share of the standard normal distribution below x. */
static inline float normal_share(float x)
{
    return 0.5f * erfcf(-0x1.6a09e6p-1f * x);
}

static inline float gelu_value(float x)
{
    return x * normal_share(x);
}

static inline float linear_slope(float y)
{
    (void)y;
    return 1.0f;
}

static inline float relu_slope(float y)
{
    return y > 0.0f ? 1.0f : 0.0f;
}

static inline float tanh_slope(float y)
{
    return 1.0f - y * y;
}

static inline float softplus_slope(float y)
{
    return -expm1_negative(-y);
}

static inline float leaky_relu_slope(float y)
{
    return y > 0.0f ? 1.0f : leak;
}

static inline float sigmoid_slope(float y)
{
    return y * (1.0f - y);
}

static inline float gelu_slope(float x)
{
    return normal_share(x) + x * 0x1.988454p-2f * exp_negative(-0.5f * x * x);
}

static inline void forward_rows(float (*value)(float), int n, int m, const float *restrict bias, float *restrict y)
{
    if (bias == NULL) {
        const int64_t count = (int64_t)n * m;
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = value(y[i]);
        return;
    }
    for (int i = 0; i < n; i++, y += m) {
#pragma omp simd
        for (int j = 0; j < m; j++)
            y[j] = value(y[j] + bias[j]);
    }
}

static inline void backward_rows(float (*slope)(float), int n, int m, const float *restrict y, float *restrict dy,
                                 float *restrict dbias)
{
    if (dbias == NULL) {
        const int64_t count = (int64_t)n * m;
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            dy[i] *= slope(y[i]);
        return;
    }
    memset(dbias, 0, (size_t)m * sizeof *dbias);
    for (int i = 0; i < n; i++, y += m, dy += m) {
#pragma omp simd
        for (int j = 0; j < m; j++) {
            dy[j] *= slope(y[j]);
            dbias[j] += dy[j];
        }
    }
}

void linear_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    if (bias != NULL)
        forward_rows(linear_value, n, m, bias, y);
}

void relu_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(relu_value, n, m, bias, y);
}

void tanh_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(tanh_value, n, m, bias, y);
}

void softplus_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(softplus_value, n, m, bias, y);
}

void linear_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    if (dbias != NULL)
        backward_rows(linear_slope, n, m, y, dy, dbias);
}

void relu_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    backward_rows(relu_slope, n, m, y, dy, dbias);
}

void tanh_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    backward_rows(tanh_slope, n, m, y, dy, dbias);
}

void softplus_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    backward_rows(softplus_slope, n, m, y, dy, dbias);
}

void leaky_relu_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(leaky_relu_value, n, m, bias, y);
}

void sigmoid_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(sigmoid_value, n, m, bias, y);
}

void gelu_forward(int n, int m, const float *restrict bias, float *restrict y)
{
    forward_rows(gelu_value, n, m, bias, y);
}

void leaky_relu_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    backward_rows(leaky_relu_slope, n, m, y, dy, dbias);
}

void sigmoid_backward(int n, int m, const float *restrict y, float *restrict dy, float *restrict dbias)
{
    backward_rows(sigmoid_slope, n, m, y, dy, dbias);
}

void gelu_backward(int n, int m, const float *restrict x, float *restrict dy, float *restrict dbias)
{
    backward_rows(gelu_slope, n, m, x, dy, dbias);
}

/* f'' / f', found from y; of gelu f'' from x. */
static inline float tanh_bent(float y)
{
    return -2.0f * y;
}

static inline float softplus_bent(float y)
{
    return exp_negative(-y);
}

static inline float sigmoid_bent(float y)
{
    return 1.0f - 2.0f * y;
}

static inline float gelu_bent(float x)
{
    return 0x1.988454p-2f * exp_negative(-0.5f * x * x) * (2.0f - x * x);
}

static inline void bend(float (*bent)(float), int64_t count, const float *restrict y, const float *restrict ty,
                        const float *restrict dy, float *restrict g)
{
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        g[i] += dy[i] * bent(y[i]) * ty[i];
}

void tanh_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
               float *restrict g)
{
    bend(tanh_bent, count, y, ty, dy, g);
}

void softplus_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
                   float *restrict g)
{
    bend(softplus_bent, count, y, ty, dy, g);
}

void sigmoid_bend(int64_t count, const float *restrict y, const float *restrict ty, const float *restrict dy,
                  float *restrict g)
{
    bend(sigmoid_bent, count, y, ty, dy, g);
}

void gelu_bend(int64_t count, const float *restrict x, const float *restrict tx, const float *restrict dy,
               float *restrict g)
{
    bend(gelu_bent, count, x, tx, dy, g);
}

static float row_maximum(int m, const float *z)
{
    float maximum = z[0];
    for (int j = 1; j < m; j++)
        maximum = z[j] > maximum ? z[j] : maximum;
    return maximum;
}

void softmax(int n, int m, const float *z, float *g)
{
    for (int i = 0; i < n; i++) {
        const float maximum = row_maximum(m, z + (int64_t)i * m);
        for (int64_t j = (int64_t)i * m; j < (int64_t)(i + 1) * m; j++)
            g[j] = z[j] - maximum;
    }
    /* One long loop, because the rows are often shorter than a vector. */
    const int64_t count = (int64_t)n * m;
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        g[i] = exp_negative(g[i]);
    for (int i = 0; i < n; i++, g += m) {
        float sum = 0.0f;
        for (int j = 0; j < m; j++)
            sum += g[j];
        const float inverse = 1.0f / sum;
        for (int j = 0; j < m; j++)
            g[j] *= inverse;
    }
}
