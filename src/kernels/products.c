/* products.c - a tile of the result stays in registers: some rows by one vector of output channels or by two. */
#include "kernels/products.h"

#include "kernels/vector.h"

#ifdef __AVX512F__
enum { ROWS_SINGLE = 16, ROWS_PAIR = 8 };
#else
enum { ROWS_SINGLE = 8, ROWS_PAIR = 4 };
#endif

/* rows x vectors of y      panel: floats from one block of packed weights to the next */
INLINE void forward_tile(int rows, int vectors, int channels, int out_channels, const float *x, const float *packed,
                         size_t panel, float *y)
{
    vector sums[ROWS_SINGLE][2];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (vector){0};
    for (int k = 0; k < channels; k++, packed += LANES) {
        vector w[2];
        UNROLL for (int v = 0; v < vectors; v++) w[v] = load(packed + (size_t)v * panel);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] +=
            x[r * channels + k] * w[v];
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++)
        store(sums[r][v], y + r * out_channels + v * LANES);
}

/* All rows, in tiles of `most`, then of less. */
INLINE void forward_rows(int most, int vectors, int rows, int channels, int out_channels, const float *x,
                         const float *packed, size_t panel, float *y)
{
    int r = 0;
#define TILES(number)                           \
    for (; r + (number) <= rows; r += (number)) \
        forward_tile(number, vectors, channels, out_channels, x + r * channels, packed, panel, y + r * out_channels);
    TILES(most)
    TILES(4)
    TILES(1)
#undef TILES
}

INLINE void forward_matrix(const struct products *p, int channels, const float *x, const float *packed, float *y)
{
    const size_t panel = (size_t)channels * LANES;
    int o = 0;
    for (; o + 2 * LANES <= p->out_channels; o += 2 * LANES, packed += 2 * panel)
        forward_rows(ROWS_PAIR, 2, p->rows, channels, p->out_channels, x, packed, panel, y + o);
    if (o < p->out_channels)
        forward_rows(ROWS_SINGLE, 1, p->rows, channels, p->out_channels, x, packed, panel, y + o);
}

static size_t packed_stride(const struct products *p)
{
    return (size_t)p->channels * (size_t)p->out_channels;
}

void products_forward(const struct products *p, const float *x, const float *packed, float *y)
{
    for (int i = 0; i < p->count; i++, x += p->x_stride, packed += packed_stride(p), y += p->y_stride)
        forward_matrix(p, p->channels, x, packed, y);
}

/* sums [channels tile, vectors] += x^T dy      x, dy: of the first row */
INLINE void gradient_tile(int tile, int vectors, const struct products *p, const float *x, const float *dy,
                          size_t panel, float *sums)
{
    vector total[ROWS_SINGLE][2];
    UNROLL for (int k = 0; k < tile; k++) UNROLL for (int v = 0; v < vectors; v++) total[k][v] =
        load(sums + (size_t)v * panel + k * LANES);
    for (int r = 0; r < p->rows; r++, x += p->channels, dy += p->out_channels) {
        vector d[2];
        UNROLL for (int v = 0; v < vectors; v++) d[v] = load(dy + v * LANES);
        UNROLL for (int k = 0; k < tile; k++) UNROLL for (int v = 0; v < vectors; v++) total[k][v] += x[k] * d[v];
    }
    UNROLL for (int k = 0; k < tile; k++) UNROLL for (int v = 0; v < vectors; v++)
        store(total[k][v], sums + (size_t)v * panel + k * LANES);
}

INLINE void gradient_block(int tile, int vectors, const struct products *p, const float *x, const float *dy,
                           float *sums)
{
    const size_t panel = (size_t)p->channels * LANES;
    for (int k = 0; k < p->channels; k += tile)
        gradient_tile(tile, vectors, p, x + k, dy, panel, sums + k * LANES);
}

void products_gradient(const struct products *p, const float *x, const float *dy, float *sums)
{
    for (int i = 0; i < p->count; i++, x += p->x_stride, dy += p->y_stride, sums += packed_stride(p)) {
        int o = 0;
        for (; o + 2 * LANES <= p->out_channels; o += 2 * LANES)
            gradient_block(ROWS_PAIR, 2, p, x, dy + o, sums + o * p->channels);
        if (o < p->out_channels)
            gradient_block(LANES, 1, p, x, dy + o, sums + o * p->channels);
    }
}
