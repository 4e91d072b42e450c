/* direct.c - tiles of some pixels (or taps) by one or two vectors of output channels stay in registers while the loop
 * runs over the window (or the pixels). Each sum has one order, whatever the batch. */
#include "kernels/direct.h"

#include <string.h>

#ifdef __AVX512F__
enum { LANES = 16, PIXELS = 8, TAPS = 9 };
#else
enum { LANES = 8, PIXELS = 4, TAPS = 4 };
#endif

typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

static int window_size(const struct convolution *c)
{
    return c->kernel * c->kernel * c->channels;
}

static int blocks_of(const struct convolution *c)
{
    return (c->out_channels + LANES - 1) / LANES;
}

size_t direct_packed_size(const struct convolution *c)
{
    return (size_t)blocks_of(c) * LANES * (size_t)window_size(c);
}

static int padded_width(const struct convolution *c)
{
    return c->width + 2 * c->padding;
}

size_t direct_padded_size(const struct convolution *c)
{
    return (size_t)(c->height + 2 * c->padding) * (size_t)padded_width(c) * (size_t)c->channels;
}

size_t direct_output_size(const struct convolution *c)
{
    return (size_t)c->out_height * (size_t)c->out_width * (size_t)blocks_of(c) * LANES;
}

bool direct_fits(const struct convolution *c)
{
    enum { CACHED = 1 << 17, TAPS_MOST = 1 << 12, PIXELS_LEAST = 16 };
    return direct_packed_size(c) <= CACHED && window_size(c) <= TAPS_MOST &&
           c->out_height * c->out_width >= PIXELS_LEAST;
}

struct convolution direct_way_back(const struct convolution *c)
{
    return (struct convolution){.height = c->out_height,
                                .width = c->out_width,
                                .channels = c->out_channels,
                                .kernel = c->kernel,
                                .stride = 1,
                                .padding = c->kernel - 1 - c->padding,
                                .out_height = c->height,
                                .out_width = c->width,
                                .out_channels = c->channels};
}

/* Where output channel o and tap k of the window lie. */
static size_t packed_place(const struct convolution *c, int o, int k)
{
    return ((size_t)(o / LANES) * (size_t)window_size(c) + (size_t)k) * LANES + (size_t)(o % LANES);
}

void direct_pack(const struct convolution *c, const float *weights, float *packed)
{
    memset(packed, 0, direct_packed_size(c) * sizeof *packed);
    for (int o = 0; o < c->out_channels; o++)
        for (int k = 0; k < window_size(c); k++)
            packed[packed_place(c, o, k)] = *weights++;
}

void direct_unpack(const struct convolution *c, const float *packed, float *weights)
{
    for (int o = 0; o < c->out_channels; o++)
        for (int k = 0; k < window_size(c); k++)
            *weights++ = packed[packed_place(c, o, k)];
}

/* The window turned half round, inputs and outputs exchanged. */
void direct_pack_back(const struct convolution *c, const float *weights, float *packed)
{
    const struct convolution back = direct_way_back(c);
    const int taps = c->kernel * c->kernel;
    memset(packed, 0, direct_packed_size(&back) * sizeof *packed);
    for (int o = 0; o < c->out_channels; o++)
        for (int tap = 0; tap < taps; tap++)
            for (int i = 0; i < c->channels; i++)
                packed[packed_place(&back, i, (taps - 1 - tap) * c->out_channels + o)] = *weights++;
}

void direct_pad(const struct convolution *c, const float *image, float *padded)
{
    const size_t row = (size_t)c->width * (size_t)c->channels, side = (size_t)c->padding * (size_t)c->channels;
    const size_t whole = row + 2 * side, rim = (size_t)c->padding * whole;
    memset(padded, 0, rim * sizeof *padded);
    padded += rim;
    for (int y = 0; y < c->height; y++, padded += whole, image += row) {
        memset(padded, 0, side * sizeof *padded);
        memcpy(padded + side, image, row * sizeof *padded);
        memset(padded + side + row, 0, side * sizeof *padded);
    }
    memset(padded, 0, rim * sizeof *padded);
}

/* What a tile of pixels reads: x at its first pixel, then `step` floats from pixel to pixel. */
struct source {
    const float *x;
    size_t step, row; /* row: floats from one row of the padded image to the next */
    int kernel, span; /* span: floats of a window's row */
};

INLINE void store(vector value, int width, float *out)
{
    if (width >= LANES)
        *(vector *)(void *)out = value;
    else
        memcpy(out, &value, (size_t)width * sizeof *out);
}

/* pixels x vectors outputs; panel: floats from one block of packed weights to the next; width: channels left */
INLINE void forward_tile(int pixels, int vectors, const struct source *s, const float *packed, size_t panel,
                         size_t out_step, int width, float *out)
{
    vector sums[PIXELS][2];
    UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++) sums[p][v] = (vector){0};
    for (int ky = 0; ky < s->kernel; ky++) {
        const float *x = s->x + (size_t)ky * s->row;
        for (int k = 0; k < s->span; k++, x++, packed += LANES) {
            vector w[2];
            UNROLL for (int v = 0; v < vectors; v++) w[v] = *(const vector *)(const void *)(packed + (size_t)v * panel);
            UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++) sums[p][v] +=
                x[(size_t)p * s->step] * w[v];
        }
    }
    UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++)
        store(sums[p][v], width - v * LANES, out + (size_t)p * out_step + (size_t)v * LANES);
}

/* One tile; its number of pixels is a constant in each case. */
INLINE void forward_pixels(int pixels, int vectors, const struct source *s, const float *packed, size_t panel,
                           size_t out_step, int width, float *out)
{
    switch (pixels) {
#define TILE(number)                                                           \
    case number:                                                               \
        forward_tile(number, vectors, s, packed, panel, out_step, width, out); \
        break;
        TILE(1)
        TILE(2)
        TILE(3)
        TILE(4)
#ifdef __AVX512F__
        TILE(5)
        TILE(6)
        TILE(7)
        TILE(8)
#endif
#undef TILE
    }
}

/* A row of outputs in tiles of nearly the same size: small ones would wait for their own sums. */
INLINE void forward_row(int vectors, const struct convolution *c, struct source s, const float *packed, size_t panel,
                        int width, float *out)
{
    const size_t out_step = (size_t)c->out_channels;
    for (int left = c->out_width; left > 0;) {
        const int tiles = (left + PIXELS - 1) / PIXELS, pixels = (left + tiles - 1) / tiles;
        forward_pixels(pixels, vectors, &s, packed, panel, out_step, width, out);
        s.x += (size_t)pixels * s.step;
        out += (size_t)pixels * out_step;
        left -= pixels;
    }
}

void direct_forward(const struct convolution *c, const float *padded, const float *packed, float *out)
{
    const size_t row = (size_t)padded_width(c) * (size_t)c->channels;
    const size_t panel = (size_t)window_size(c) * LANES;
    const struct source start = {.step = (size_t)c->stride * (size_t)c->channels,
                                 .row = row,
                                 .kernel = c->kernel,
                                 .span = c->kernel * c->channels};
    for (int block = 0; block < blocks_of(c); block += 2)
        for (int y = 0; y < c->out_height; y++) {
            struct source s = start;
            s.x = padded + (size_t)(y * c->stride) * row;
            const int width = c->out_channels - block * LANES;
            float *const to = out + (size_t)y * (size_t)c->out_width * (size_t)c->out_channels + block * LANES;
            if (width > LANES)
                forward_row(2, c, s, packed + (size_t)block * panel, panel, width, to);
            else
                forward_row(1, c, s, packed + (size_t)block * panel, panel, width, to);
        }
}

/* sums [taps, vectors] += over all pixels x at each tap times dy.   tap[t]: floats from a pixel to the tap
 * dy_step: floats from pixel to pixel of dy */
INLINE void weights_tile(int taps, int vectors, const struct convolution *c, const float *padded, const size_t *tap,
                         const float *dy, size_t dy_step, size_t panel, float *sums)
{
    const size_t step = (size_t)c->stride * (size_t)c->channels;
    const size_t row = (size_t)c->stride * (size_t)padded_width(c) * (size_t)c->channels;
    vector total[TAPS][2];
    UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++) total[t][v] =
        *(const vector *)(const void *)(sums + (size_t)v * panel + (size_t)t * LANES);
    for (int y = 0; y < c->out_height; y++) {
        const float *x = padded + (size_t)y * row;
        for (int i = 0; i < c->out_width; i++, x += step, dy += dy_step) {
            vector d[2];
            UNROLL for (int v = 0; v < vectors; v++) d[v] = *(const vector *)(const void *)(dy + (size_t)v * LANES);
            UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++) total[t][v] +=
                x[tap[t]] * d[v];
        }
    }
    UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++) *
        (vector *)(void *)(sums + (size_t)v * panel + (size_t)t * LANES) = total[t][v];
}

INLINE void weights_block(int vectors, const struct convolution *c, const float *padded, const float *dy,
                          size_t dy_step, float *sums)
{
    const int span = c->kernel * c->channels, window = window_size(c);
    const size_t row = (size_t)padded_width(c) * (size_t)c->channels, panel = (size_t)window * LANES;
    for (int k = 0; k < window;) {
        size_t tap[TAPS] = {0};
        for (int t = 0; t < TAPS && k + t < window; t++)
            tap[t] = (size_t)((k + t) / span) * row + (size_t)((k + t) % span);
        float *const to = sums + (size_t)k * LANES;
        if (window - k >= TAPS) {
            weights_tile(TAPS, vectors, c, padded, tap, dy, dy_step, panel, to);
            k += TAPS;
        } else if (window - k >= 4) {
            weights_tile(4, vectors, c, padded, tap, dy, dy_step, panel, to);
            k += 4;
        } else {
            weights_tile(1, vectors, c, padded, tap, dy, dy_step, panel, to);
            k += 1;
        }
    }
}

/* dy with zeros behind the last channel, so that its vectors are whole. */
static const float *whole_vectors(const struct convolution *c, const float *dy, float *room)
{
    const size_t channels = (size_t)c->out_channels, step = (size_t)blocks_of(c) * LANES;
    if (step == channels)
        return dy;
    for (int i = 0; i < c->out_height * c->out_width; i++) {
        memcpy(room + (size_t)i * step, dy + (size_t)i * channels, channels * sizeof *room);
        memset(room + (size_t)i * step + channels, 0, (step - channels) * sizeof *room);
    }
    return room;
}

void direct_weights(const struct convolution *c, const float *padded, const float *dy, float *room, float *sums)
{
    const size_t step = (size_t)blocks_of(c) * LANES, panel = (size_t)window_size(c) * LANES;
    const float *const whole = whole_vectors(c, dy, room);
    for (int block = 0; block < blocks_of(c); block += 2) {
        float *const to = sums + (size_t)block * panel;
        if (block + 1 < blocks_of(c))
            weights_block(2, c, padded, whole + block * LANES, step, to);
        else
            weights_block(1, c, padded, whole + block * LANES, step, to);
    }
}
