/* direct.c - tiles of some pixels (or taps) by one or two vectors of output channels stay in registers while the loop
 * runs over the window (or the pixels). Each sum has one order, whatever the batch. */
#include "kernels/direct.h"

#include <math.h>
#include <string.h>

#include "kernels/convolution_methods.h"
#include "kernels/vector.h"

/* Tiles: so many pixels by one vector or by two, so many taps by up to two. */
/* CHANNELS_MOST: beyond, a build without wide vectors leaves it to BLAS, which chooses its kernels as it runs. */
#ifdef __AVX512F__
enum { PIXELS_SINGLE = 16, PIXELS_PAIR = 8, TAPS = 9, CHANNELS_MOST = 1 << 16 };
#elif defined(__AVX__)
enum { PIXELS_SINGLE = 8, PIXELS_PAIR = 4, TAPS = 4, CHANNELS_MOST = 1 << 16 };
#else
enum { PIXELS_SINGLE = 8, PIXELS_PAIR = 4, TAPS = 4, CHANNELS_MOST = 8 };
#endif

static int blocks_of(const struct convolution *c)
{
    return (c->out_channels + LANES - 1) / LANES;
}

/* Floats from one block of packed weights to the next. */
static size_t panel_of(const struct convolution *c)
{
    return convolution_window_size(c) * LANES;
}

size_t direct_packed_size(const struct convolution *c)
{
    return (size_t)blocks_of(c) * panel_of(c);
}

static size_t padded_row(const struct convolution *c)
{
    return (size_t)(c->width + 2 * c->padding) * (size_t)c->channels;
}

static size_t padded_size(const struct convolution *c)
{
    return (size_t)(c->height + 2 * c->padding) * padded_row(c);
}

/* Floats of an output padded to whole vectors. */
static size_t whole_size(const struct convolution *c)
{
    return (size_t)c->out_height * (size_t)c->out_width * (size_t)blocks_of(c) * LANES;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

void direct_pack(const struct convolution *c, const float *weights, float *packed)
{
    const size_t window = convolution_window_size(c);
    for (int o = 0; o < c->out_channels; o += LANES, weights += LANES * window) {
        const int width = least(c->out_channels - o, LANES);
        for (size_t k = 0; k < window; k++, packed += LANES)
            for (int l = 0; l < LANES; l++)
                packed[l] = l < width ? weights[(size_t)l * window + k] : 0.0f;
    }
}

void direct_unpack(const struct convolution *c, const float *packed, float *weights)
{
    const size_t window = convolution_window_size(c);
    for (int o = 0; o < c->out_channels; o += LANES, packed += LANES * window)
        for (int l = 0; l < least(c->out_channels - o, LANES); l++)
            for (size_t k = 0; k < window; k++)
                *weights++ = packed[k * LANES + (size_t)l];
}

/* The window turned half round, inputs and outputs exchanged. */
void direct_pack_back(const struct convolution *c, const float *weights, float *packed)
{
    const struct convolution back = convolution_way_back(c);
    const size_t window = convolution_window_size(c), panel = panel_of(&back);
    const int taps = c->kernel * c->kernel;
    memset(packed, 0, direct_packed_size(&back) * sizeof *packed);
    for (int o = 0; o < c->out_channels; o++, weights += window)
        for (int tap = 0; tap < taps; tap++)
            for (int i = 0; i < c->channels; i += LANES)
                memcpy(packed + (size_t)(i / LANES) * panel + (size_t)((taps - 1 - tap) * c->out_channels + o) * LANES,
                       weights + (size_t)(tap * c->channels + i),
                       (size_t)least(c->channels - i, LANES) * sizeof *packed);
}

/* The image with zeros around it. */
static void pad(const struct convolution *c, const float *image, float *padded)
{
    const size_t row = (size_t)c->width * (size_t)c->channels, side = (size_t)c->padding * (size_t)c->channels;
    const size_t whole = padded_row(c), rim = (size_t)c->padding * whole;
    memset(padded, 0, rim * sizeof *padded);
    padded += rim;
    for (int y = 0; y < c->height; y++, padded += whole, image += row) {
        memset(padded, 0, side * sizeof *padded);
        memcpy(padded + side, image, row * sizeof *padded);
        memset(padded + side + row, 0, side * sizeof *padded);
    }
    memset(padded, 0, rim * sizeof *padded);
}

/* What a row of tiles reads and where its sums go. */
struct row {
    const float *x;      /* of the first pixel */
    size_t step, x_row;  /* floats from pixel to pixel, and from one row of the padded image to the next */
    int kernel, span;    /* span: floats of a window's row */
    const float *packed; /* the block's weights; a pair's second block is a panel further */
    size_t panel, out_step;
    vector bias[2], lowest; /* added to the sums, then the least that is stored */
    int width;              /* channels from this block on */
};

INLINE void store_part(vector value, int width, float *out)
{
    if (width >= LANES)
        store(value, out);
    else
        memcpy(out, &value, (size_t)width * sizeof *out);
}

/* pixels x vectors outputs */
INLINE void forward_tile(int pixels, int vectors, const struct row *r, const float *x, float *out)
{
    vector sums[PIXELS_SINGLE][2];
    const float *packed = r->packed;
    UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++) sums[p][v] = (vector){0};
    for (int ky = 0; ky < r->kernel; ky++, x += r->x_row) {
        const float *at = x;
        for (int k = 0; k < r->span; k++, at++, packed += LANES) {
            vector w[2];
            UNROLL for (int v = 0; v < vectors; v++) w[v] = load(packed + (size_t)v * r->panel);
            UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++) sums[p][v] +=
                at[(size_t)p * r->step] * w[v];
        }
    }
    UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++)
    {
        store_part(at_least(r->lowest, sums[p][v] + r->bias[v]), r->width - v * LANES,
                   out + (size_t)p * r->out_step + (size_t)v * LANES);
    }
}

/* One tile; its number of pixels, at most PIXELS_SINGLE, is a constant in each case. */
INLINE void forward_pixels(int pixels, int vectors, const struct row *r, const float *x, float *out)
{
    switch (pixels) {
#define TILE(number)                                  \
    case number:                                      \
        if (number <= PIXELS_SINGLE)                  \
            forward_tile(number, vectors, r, x, out); \
        break;
        TILE(1)
        TILE(2)
        TILE(3)
        TILE(4)
        TILE(5)
        TILE(6)
        TILE(7)
        TILE(8)
        TILE(9)
        TILE(10)
        TILE(11)
        TILE(12)
        TILE(13)
        TILE(14)
        TILE(15)
        TILE(16)
#undef TILE
    }
}

/* A row of outputs in tiles of nearly the same size: small ones would wait for their own sums. */
INLINE void forward_row(int vectors, int most, const struct row *r, int out_width, float *out)
{
    const float *x = r->x;
    for (int left = out_width; left > 0;) {
        const int tiles = (left + most - 1) / most, pixels = (left + tiles - 1) / tiles;
        forward_pixels(pixels <= most ? pixels : most, vectors, r, x, out);
        x += (size_t)pixels * r->step;
        out += (size_t)pixels * r->out_step;
        left -= pixels;
    }
}

INLINE void forward_block(const struct row *r, int out_width, float *out)
{
    if (r->width > LANES)
        forward_row(2, PIXELS_PAIR, r, out_width, out);
    else
        forward_row(1, PIXELS_SINGLE, r, out_width, out);
}

/* out = padded * packed, then the epilogue */
static void forward_image(const struct convolution *c, const float *padded, const float *packed,
                          const struct epilogue *epilogue, float *out)
{
    struct row r = {.step = (size_t)c->stride * (size_t)c->channels,
                    .x_row = padded_row(c),
                    .kernel = c->kernel,
                    .span = c->kernel * c->channels,
                    .panel = panel_of(c),
                    .out_step = (size_t)c->out_channels,
                    .lowest = (vector){0} - (epilogue->relu ? 0.0f : INFINITY)};
    for (int block = 0; block < blocks_of(c); block += 2) {
        r.packed = packed + (size_t)block * r.panel;
        r.width = c->out_channels - block * LANES;
        if (epilogue->bias != NULL)
            memcpy(r.bias, epilogue->bias + block * LANES, (size_t)least(r.width, 2 * LANES) * sizeof(float));
        for (int y = 0; y < c->out_height; y++) {
            r.x = padded + (size_t)(y * c->stride) * r.x_row;
            forward_block(&r, c->out_width, out + (size_t)y * (size_t)c->out_width * r.out_step + block * LANES);
        }
    }
}

/* Over which pixels the gradient of the weights is summed. */
struct sum {
    const float *x, *dy;
    int height, width;          /* of the output */
    size_t x_step, x_row;       /* floats of x from pixel to pixel and from row to row */
    size_t dy_step;             /* floats of dy from pixel to pixel */
    size_t panel;               /* floats from one block of packed sums to the next */
    int window, span, span_row; /* floats of a window, of its row, and of x from one of its rows to the next */
};

/* sums [taps, vectors] += over all pixels x at each tap times dy      tap[t]: floats from a pixel to the tap */
INLINE void weights_tile(int taps, int vectors, const struct sum *s, const size_t *tap, const float *dy, float *sums)
{
    vector total[TAPS][2];
    UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++) total[t][v] =
        load(sums + (size_t)v * s->panel + (size_t)t * LANES);
    for (int y = 0; y < s->height; y++) {
        const float *x = s->x + (size_t)y * s->x_row;
        for (int i = 0; i < s->width; i++, x += s->x_step, dy += s->dy_step) {
            vector d[2];
            UNROLL for (int v = 0; v < vectors; v++) d[v] = load(dy + (size_t)v * LANES);
            UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++) total[t][v] +=
                x[tap[t]] * d[v];
        }
    }
    UNROLL for (int t = 0; t < taps; t++) UNROLL for (int v = 0; v < vectors; v++)
        store(total[t][v], sums + (size_t)v * s->panel + (size_t)t * LANES);
}

INLINE void weights_block(int vectors, const struct sum *s, const float *dy, float *sums)
{
    for (int k = 0, taps; k < s->window; k += taps) {
        const int tiles = (s->window - k + TAPS - 1) / TAPS;
        size_t tap[TAPS] = {0};
        taps = (s->window - k + tiles - 1) / tiles;
        for (int t = 0; t < taps; t++)
            tap[t] = (size_t)((k + t) / s->span * s->span_row + (k + t) % s->span);
        switch (taps) {
#define TILE(number)                                                         \
    case number:                                                             \
        weights_tile(number, vectors, s, tap, dy, sums + (size_t)k * LANES); \
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
            TILE(9)
#endif
#undef TILE
        }
    }
}

/* sums += gradient of the weights, packed      channels: of dy, in whole vectors */
static void sum_weights(const struct sum *s, int channels, float *sums)
{
    for (int block = 0; block < channels / LANES; block += 2) {
        if (block * LANES + LANES < channels)
            weights_block(2, s, s->dy + block * LANES, sums + (size_t)block * s->panel);
        else
            weights_block(1, s, s->dy + block * LANES, sums + (size_t)block * s->panel);
    }
}

static void sum_image_weights(const struct convolution *c, const float *padded, const float *dy, float *sums)
{
    const struct sum s = {.x = padded,
                          .dy = dy,
                          .height = c->out_height,
                          .width = c->out_width,
                          .x_step = (size_t)c->stride * (size_t)c->channels,
                          .x_row = (size_t)c->stride * padded_row(c),
                          .dy_step = (size_t)blocks_of(c) * LANES,
                          .panel = panel_of(c),
                          .window = (int)convolution_window_size(c),
                          .span = c->kernel * c->channels,
                          .span_row = (int)padded_row(c)};
    sum_weights(&s, blocks_of(c) * LANES, sums);
}

/* Whether the packed weights are small enough for this to be the fastest way. */
static bool is_small(const struct convolution *c)
{
    enum { CACHED = 1 << 17, TAPS_MOST = 1 << 12, PIXELS_LEAST = 16 };
    return c->channels <= CHANNELS_MOST && direct_packed_size(c) <= CACHED && convolution_window_size(c) <= TAPS_MOST &&
           c->out_height * c->out_width >= PIXELS_LEAST;
}

static bool direct_fits(const struct convolution *c, enum convolution_pass pass)
{
    if (c->kernel == 1 && c->stride == 1)
        return false;
    if (pass != INPUT_GRADIENT)
        return is_small(c);
    if (c->stride != 1 || c->padding >= c->kernel)
        return false;
    const struct convolution back = convolution_way_back(c);
    return is_small(&back);
}

/* The convolution that a pass is. */
static struct convolution way_of(const struct convolution *c, enum convolution_pass pass)
{
    return pass == INPUT_GRADIENT ? convolution_way_back(c) : *c;
}

static size_t direct_scratch(const struct convolution *c, enum convolution_pass pass)
{
    const struct convolution way = way_of(c, pass);
    return padded_size(&way) + (pass == WEIGHT_GRADIENT ? whole_size(c) + direct_packed_size(c) : 0);
}

static size_t direct_prepared(const struct convolution *c, enum convolution_pass pass)
{
    const struct convolution way = way_of(c, pass);
    return direct_packed_size(&way);
}

static void direct_prepare(const struct convolution *c, enum convolution_pass pass, const float *weights,
                           float *prepared)
{
    (pass == INPUT_GRADIENT ? direct_pack_back : direct_pack)(c, weights, prepared);
}

static void direct_forward(const struct convolution *c, int n, const float *x, const float *prepared,
                           const struct epilogue *epilogue, float *scratch, float *y)
{
    for (int i = 0; i < n; i++) {
        pad(c, x + (size_t)i * convolution_input_size(c), scratch);
        forward_image(c, scratch, prepared, epilogue, y + (size_t)i * convolution_output_size(c));
    }
}

static void direct_input_gradient(const struct convolution *c, int n, const float *dy, const float *prepared,
                                  float *scratch, float *dx)
{
    const struct convolution back = convolution_way_back(c);
    const struct epilogue none = {0};
    direct_forward(&back, n, dy, prepared, &none, scratch, dx);
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

static void direct_weight_gradient(const struct convolution *c, int n, const float *x, const float *dy, float *scratch,
                                   float *dweights)
{
    float *const padded = scratch + direct_packed_size(c), *const room = padded + padded_size(c);
    memset(scratch, 0, direct_packed_size(c) * sizeof *scratch);
    for (int i = 0; i < n; i++) {
        pad(c, x + (size_t)i * convolution_input_size(c), padded);
        sum_image_weights(c, padded, whole_vectors(c, dy + (size_t)i * convolution_output_size(c), room), scratch);
    }
    direct_unpack(c, scratch, dweights);
}

const struct convolution_method convolution_direct = {.name = "direct",
                                                      .fits = direct_fits,
                                                      .scratch = direct_scratch,
                                                      .prepared = direct_prepared,
                                                      .prepare = direct_prepare,
                                                      .forward = direct_forward,
                                                      .input_gradient = direct_input_gradient,
                                                      .weight_gradient = direct_weight_gradient};
