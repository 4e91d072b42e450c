/* channels.c - CHUNK rows at a time, so that they are read once, and of these a vector of channels after another:
 * summed in float over the chunk and in double beyond, as exact as needed, at the speed of float. */
#include "kernels/channels.h"

#include <stddef.h>

#include "kernels/vector.h"

enum { CHUNK = 32 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

INLINE void add_to(vector a, vector b, double *sums)
{
    const vector both = a + b;
    for (int l = 0; l < LANES; l++)
        sums[l] += (double)both[l];
}

/* The first LANES channels of a chunk; even and odd rows apart, so that no sum waits for another. */
static void moments_tile(int rows, int channels, const float *x, const float *origin, double *sums, double *squares)
{
    const vector from = load(origin);
    vector sum[2] = {0}, square[2] = {0};
    for (int r = 0; r + 2 <= rows; r += 2, x += 2 * channels)
        UNROLL for (int i = 0; i < 2; i++)
        {
            const vector away = load(x + i * channels) - from;
            sum[i] += away;
            square[i] += away * away;
        }
    if (rows % 2 != 0) {
        const vector away = load(x) - from;
        sum[0] += away;
        square[0] += away * away;
    }
    add_to(sum[0], sum[1], sums);
    add_to(square[0], square[1], squares);
}

/* The last channels, fewer than LANES. */
static void moments_rest(int rows, int channels, int width, const float *x, const float *origin, double *sums,
                         double *squares)
{
    float sum[LANES] = {0}, square[LANES] = {0};
    for (int r = 0; r < rows; r++, x += channels)
        for (int l = 0; l < width; l++) {
            const float away = x[l] - origin[l];
            sum[l] += away;
            square[l] += away * away;
        }
    for (int l = 0; l < width; l++) {
        sums[l] += (double)sum[l];
        squares[l] += (double)square[l];
    }
}

static void moments_chunk(int rows, int channels, const float *x, const float *origin, double *sums, double *squares)
{
    int c = 0;
    for (; c + LANES <= channels; c += LANES)
        moments_tile(rows, channels, x + c, origin + c, sums + c, squares + c);
    if (c < channels)
        moments_rest(rows, channels, channels - c, x + c, origin + c, sums + c, squares + c);
}

void channel_moments(int rows, int channels, const float *x, const float *origin, double *sums, double *squares)
{
    for (int first = 0; first < rows; first += CHUNK, x += (size_t)CHUNK * (size_t)channels)
        moments_chunk(least(CHUNK, rows - first), channels, x, origin, sums, squares);
}

/* dy behind the map's relu. The map's value is found anew, as channel_affine found it: reading it would cost more. */
INLINE float gated(bool relu, float scale, float shift, float x, float dy)
{
    return !relu || scale * x + shift > 0.0f ? dy : 0.0f;
}

INLINE void affine_rows(bool relu, int rows, int channels, const float *restrict scale, const float *restrict shift,
                        const float *restrict x, float *restrict y)
{
    for (int r = 0; r < rows; r++, x += channels, y += channels)
        for (int c = 0; c < channels; c++) {
            const float value = scale[c] * x[c] + shift[c];
            y[c] = relu && value < 0.0f ? 0.0f : value;
        }
}

void channel_affine(int rows, int channels, const struct channel_map *map, const float *x, float *y)
{
    if (map->relu)
        affine_rows(true, rows, channels, map->scale, map->shift, x, y);
    else
        affine_rows(false, rows, channels, map->scale, map->shift, x, y);
}

/* What a tile of products reads beside x and dy. */
struct gate {
    vector scale, shift, mean;
};

INLINE void add_product(bool relu, const struct gate *gate, vector dy, vector x, vector *sum, vector *product)
{
    const vector_bits open = gate->scale * x + gate->shift > 0.0f;
    const vector g = relu ? (vector)(open & (vector_bits)dy) : dy;
    *sum += g;
    *product += g * (x - gate->mean);
}

/* A tile as in moments_tile; map and mean from its first channel on. */
INLINE void products_tile(bool relu, int rows, int channels, const struct channel_map *map, const float *dy,
                          const float *x, const float *mean, double *sums, double *products)
{
    const struct gate gate = {load(map->scale), load(map->shift), load(mean)};
    vector sum[2] = {0}, product[2] = {0};
    for (int r = 0; r + 2 <= rows; r += 2, x += 2 * channels, dy += 2 * channels)
        UNROLL for (int i = 0; i < 2; i++)
            add_product(relu, &gate, load(dy + i * channels), load(x + i * channels), &sum[i], &product[i]);
    if (rows % 2 != 0)
        add_product(relu, &gate, load(dy), load(x), &sum[0], &product[0]);
    add_to(sum[0], sum[1], sums);
    add_to(product[0], product[1], products);
}

INLINE void products_rest(bool relu, int rows, int channels, int width, const struct channel_map *map, const float *dy,
                          const float *x, const float *mean, double *sums, double *products)
{
    float sum[LANES] = {0}, product[LANES] = {0};
    for (int r = 0; r < rows; r++, x += channels, dy += channels)
        for (int l = 0; l < width; l++) {
            const float g = gated(relu, map->scale[l], map->shift[l], x[l], dy[l]);
            sum[l] += g;
            product[l] += g * (x[l] - mean[l]);
        }
    for (int l = 0; l < width; l++) {
        sums[l] += (double)sum[l];
        products[l] += (double)product[l];
    }
}

INLINE void products_chunk(bool relu, int rows, int channels, const struct channel_map *map, const float *dy,
                           const float *x, const float *mean, double *sums, double *products)
{
    for (int c = 0; c < channels; c += LANES) {
        const struct channel_map tile = {.scale = map->scale + c, .shift = map->shift + c};
        const int width = channels - c;
        if (width >= LANES)
            products_tile(relu, rows, channels, &tile, dy + c, x + c, mean + c, sums + c, products + c);
        else
            products_rest(relu, rows, channels, width, &tile, dy + c, x + c, mean + c, sums + c, products + c);
    }
}

void channel_products(int rows, int channels, const struct channel_map *map, const float *dy, const float *x,
                      const float *mean, double *sums, double *products)
{
    const size_t step = (size_t)CHUNK * (size_t)channels;
    for (int first = 0; first < rows; first += CHUNK, x += step, dy += step) {
        const int chunk = least(CHUNK, rows - first);
        if (map->relu)
            products_chunk(true, chunk, channels, map, dy, x, mean, sums, products);
        else
            products_chunk(false, chunk, channels, map, dy, x, mean, sums, products);
    }
}

INLINE void combine_rows(bool relu, int rows, int channels, const struct channel_map *map, const float *restrict dy,
                         const float *restrict x, const float *restrict a, const float *restrict b,
                         const float *restrict c, float *restrict dx)
{
    const float *restrict scale = map->scale, *restrict shift = map->shift;
    for (int r = 0; r < rows; r++, dy += channels, x += channels, dx += channels)
        for (int i = 0; i < channels; i++)
            dx[i] = a[i] * gated(relu, scale[i], shift[i], x[i], dy[i]) + b[i] * x[i] + c[i];
}

void channel_combine(int rows, int channels, const struct channel_map *map, const float *dy, const float *x,
                     const float *a, const float *b, const float *c, float *dx)
{
    if (map->relu)
        combine_rows(true, rows, channels, map, dy, x, a, b, c, dx);
    else
        combine_rows(false, rows, channels, map, dy, x, a, b, c, dx);
}
