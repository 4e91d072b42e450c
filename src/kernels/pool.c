/* pool.c - a vector of channels of four pixels at a time; the last channels, fewer than a vector, one by one. */
#include "kernels/pool.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kernels/vector.h"

/* mask ? a : b */
INLINE vector choose(vector_bits mask, vector a, vector b)
{
    return (vector)((mask & (vector_bits)a) | (~mask & (vector_bits)b));
}

/* NaN where one of them is. */
INLINE vector larger(vector a, vector b)
{
    const vector itself = b;
    return choose((b > a) | (b != itself), b, a);
}

static float larger_of(float a, float b)
{
    return b > a || isnan(b) ? b : a;
}

/* Pixels x, x + right, x + below, x + right + below. */
static void halve_pixel(int channels, const float *x, size_t below, float *y)
{
    const size_t right = (size_t)channels;
    int c = 0;
    for (; c + LANES <= channels; c += LANES, x += LANES)
        store(larger(larger(load(x), load(x + right)), larger(load(x + below), load(x + below + right))), y + c);
    for (; c < channels; c++, x++)
        y[c] = larger_of(larger_of(x[0], x[right]), larger_of(x[below], x[below + right]));
}

void pool_halve(int height, int width, int channels, const float *x, float *y)
{
    const size_t pixel = (size_t)channels, row = (size_t)width * pixel;
    for (int i = 0; i < height / 2; i++)
        for (int j = 0; j < width / 2; j++, y += pixel)
            halve_pixel(channels, x + 2 * ((size_t)i * row + (size_t)j * pixel), row, y);
}

INLINE vector keep(vector_bits mask, vector dy)
{
    return (vector)(mask & (vector_bits)dy);
}

INLINE void halve_back_vector(const float *x, size_t right, size_t below, vector dy, float *dx)
{
    const vector a = load(x), b = load(x + right), c = load(x + below), d = load(x + below + right);
    const vector_bits second = b > a, fourth = d > c;
    const vector_bits lower = choose(fourth, d, c) > choose(second, b, a);
    store(keep(~lower & ~second, dy), dx);
    store(keep(~lower & second, dy), dx + right);
    store(keep(lower & ~fourth, dy), dx + below);
    store(keep(lower & fourth, dy), dx + below + right);
}

INLINE void halve_back_one(const float *x, size_t right, size_t below, float dy, float *dx)
{
    const float a = x[0], b = x[right], c = x[below], d = x[below + right];
    const int second = b > a, fourth = d > c;
    const int lower = (fourth ? d : c) > (second ? b : a);
    dx[0] = !lower && !second ? dy : 0.0f;
    dx[right] = !lower && second ? dy : 0.0f;
    dx[below] = lower && !fourth ? dy : 0.0f;
    dx[below + right] = lower && fourth ? dy : 0.0f;
}

static void halve_pixel_back(int channels, const float *x, size_t below, const float *dy, float *dx)
{
    const size_t right = (size_t)channels;
    int c = 0;
    for (; c + LANES <= channels; c += LANES)
        halve_back_vector(x + c, right, below, load(dy + c), dx + c);
    for (; c < channels; c++)
        halve_back_one(x + c, right, below, dy[c], dx + c);
}

void pool_halve_back(int height, int width, int channels, const float *x, const float *dy, float *dx)
{
    const size_t pixel = (size_t)channels, row = (size_t)width * pixel;
    if (height % 2 != 0 || width % 2 != 0)
        memset(dx, 0, (size_t)height * row * sizeof *dx);
    for (int i = 0; i < height / 2; i++)
        for (int j = 0; j < width / 2; j++, dy += pixel) {
            const size_t at = 2 * ((size_t)i * row + (size_t)j * pixel);
            halve_pixel_back(channels, x + at, row, dy, dx + at);
        }
}
