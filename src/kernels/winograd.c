/* winograd.c - a tile of 4 x 4 outputs reads 6 x 6 inputs; both are polynomials' coefficients, so their values at six
 * points in each direction multiply one by one:   y = A^T [(G w G^T) . (B^T x B)] A   and, transposed,
 * dw = G^T [(A dy A^T) . (B^T x B)] G. Summed over channels that is 36 products of matrices for a block of tiles.
 * Points 0, +-5/8, +-3/2 and infinity: exact in float, and an error near that of the sum itself.
 * Each sum has one order, whatever the batch. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernels/convolution_methods.h"
#include "kernels/direct.h"
#include "kernels/products.h"
#include "kernels/vector.h"

/* BLOCK: tiles whose values stay in cache from transform to product. */
enum { OUT = 4, IN = 6, POINTS = IN * IN, TAPS = 3, BLOCK = 32 };

/* a, b: the points; their powers */
static const float a1 = 0.625f, a2 = 0.390625f, a3 = 0.244140625f;
static const float b1 = 1.5f, b2 = 2.25f, b3 = 3.375f;
static const float square_sum = 2.640625f, square_product = 0.87890625f; /* a2 + b2, a2 b2 */

static int tiles_of(const struct convolution *c)
{
    return ((c->out_height + OUT - 1) / OUT) * ((c->out_width + OUT - 1) / OUT);
}

/* Floats from one point's matrix [tiles,channels] to the next: not a power of two, or they would share a few lines of
 * the cache. */
static size_t point_step(int channels)
{
    return (size_t)(BLOCK * channels + LANES);
}

/* v = B^T x */
INLINE void input_values(const vector x[IN], vector v[IN])
{
    const vector even_a = x[4] - b2 * x[2], odd_a = x[3] - b2 * x[1];
    const vector even_b = x[4] - a2 * x[2], odd_b = x[3] - a2 * x[1];
    v[0] = x[4] - square_sum * x[2] + square_product * x[0];
    v[1] = even_a + a1 * odd_a;
    v[2] = even_a - a1 * odd_a;
    v[3] = even_b + b1 * odd_b;
    v[4] = even_b - b1 * odd_b;
    v[5] = x[5] - square_sum * x[3] + square_product * x[1];
}

/* y = A^T m */
INLINE void output_sums(const vector m[IN], vector y[OUT])
{
    const vector even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const vector even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = a1 * odd_a + b1 * odd_b;
    y[2] = a2 * even_a + b2 * even_b;
    y[3] = m[5] + a3 * odd_a + b3 * odd_b;
}

/* z = A dy */
INLINE void output_values(const vector dy[OUT], vector z[IN])
{
    const vector even_a = dy[0] + a2 * dy[2], odd_a = a1 * dy[1] + a3 * dy[3];
    const vector even_b = dy[0] + b2 * dy[2], odd_b = b1 * dy[1] + b3 * dy[3];
    z[0] = dy[0];
    z[1] = even_a + odd_a;
    z[2] = even_a - odd_a;
    z[3] = even_b + odd_b;
    z[4] = even_b - odd_b;
    z[5] = dy[3];
}

/* 1 over the product of a point's distances to the others */
static const float weight_0 = 1.0f / (0.390625f * 2.25f);
static const float weight_a = 1.0f / (2.0f * 0.390625f * (0.390625f - 2.25f));
static const float weight_b = 1.0f / (2.0f * 2.25f * (2.25f - 0.390625f));

/* u = G w */
INLINE void weight_values(const vector w[TAPS], vector u[IN])
{
    const vector even_a = weight_a * w[0] + weight_a * a2 * w[2], odd_a = weight_a * a1 * w[1];
    const vector even_b = weight_b * w[0] + weight_b * b2 * w[2], odd_b = weight_b * b1 * w[1];
    u[0] = weight_0 * w[0];
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = w[2];
}

/* dw = G^T du */
INLINE void weight_sums(const vector du[IN], vector dw[TAPS])
{
    const vector even_a = weight_a * (du[1] + du[2]), odd_a = weight_a * a1 * (du[1] - du[2]);
    const vector even_b = weight_b * (du[3] + du[4]), odd_b = weight_b * b1 * (du[3] - du[4]);
    dw[0] = weight_0 * du[0] + even_a + even_b;
    dw[1] = odd_a + odd_b;
    dw[2] = a2 * even_a + b2 * even_b + du[5];
}

/* packed [blocks,taps,taps,channels,lanes], as direct_pack makes it -> u: a matrix [blocks,channels,lanes] a point */
static void weights_to_points(const struct convolution *c, const float *packed, float *u)
{
    const size_t tap = (size_t)c->channels * LANES, point = (size_t)c->channels * (size_t)c->out_channels;
    for (int block = 0; block < c->out_channels / LANES; block++, packed += TAPS * TAPS * tap)
        for (size_t at = 0; at < tap; at += LANES, u += LANES) {
            vector half[TAPS][IN], line[TAPS], values[IN];
            for (int x = 0; x < TAPS; x++) {
                for (int y = 0; y < TAPS; y++)
                    line[y] = load(packed + (size_t)(y * TAPS + x) * tap + at);
                weight_values(line, half[x]);
            }
            for (int i = 0; i < IN; i++) {
                for (int x = 0; x < TAPS; x++)
                    line[x] = half[x][i];
                weight_values(line, values);
                for (int j = 0; j < IN; j++)
                    store(values[j], u + (size_t)(i * IN + j) * point);
            }
        }
}

/* The transpose of weights_to_points. */
static void points_to_weights(const struct convolution *c, const float *u, float *packed)
{
    const size_t tap = (size_t)c->channels * LANES, point = (size_t)c->channels * (size_t)c->out_channels;
    for (int block = 0; block < c->out_channels / LANES; block++, packed += TAPS * TAPS * tap)
        for (size_t at = 0; at < tap; at += LANES, u += LANES) {
            vector half[IN][TAPS], line[IN], sums[TAPS];
            for (int j = 0; j < IN; j++) {
                for (int i = 0; i < IN; i++)
                    line[i] = load(u + (size_t)(i * IN + j) * point);
                weight_sums(line, half[j]);
            }
            for (int y = 0; y < TAPS; y++) {
                for (int j = 0; j < IN; j++)
                    line[j] = half[j][y];
                weight_sums(line, sums);
                for (int x = 0; x < TAPS; x++)
                    store(sums[x], packed + (size_t)(y * TAPS + x) * tap + at);
            }
        }
}

/* A square of pixels: its rows from the first column that is inside the image, zeros where a row is not. */
struct patch {
    const float *rows[IN];
    size_t column;   /* floats from one column to the next */
    int first, last; /* columns first..last-1 are inside */
};

struct image {
    const float *pixels;
    int height, width, channels;
};

enum { CHANNELS_MOST = 256 };

static struct patch patch_at(const struct image *image, int side, int top, int left)
{
    static const float zeros[IN * CHANNELS_MOST];
    struct patch patch = {.column = (size_t)image->channels,
                          .first = left < 0 ? -left : 0,
                          .last = image->width - left < side ? image->width - left : side};
    for (int y = 0; y < side; y++) {
        const size_t pixel = (size_t)(top + y) * (size_t)image->width + (size_t)(left + patch.first);
        const bool inside = top + y >= 0 && top + y < image->height;
        patch.rows[y] = inside ? image->pixels + pixel * patch.column : zeros;
    }
    return patch;
}

/* Calls for every column j: its pixels are at rows[y] + at, if it is inside. */
#define EVERY_COLUMN(side, j, at) \
    size_t at = k;                \
    UNROLL for (int j = 0; j < (side); at += j >= p->first ? p->column : 0, j++)

/* line = row `end` of B^T (0 or 5) times the columns of one vector of channels */
INLINE void input_end(const struct patch *p, size_t k, int end, vector line[IN])
{
    const int y = end == 0 ? 0 : 1;
    EVERY_COLUMN(IN, j, at)
    {
        line[j] = (vector){0};
        if (j >= p->first && j < p->last)
            line[j] = load(p->rows[y + 4] + at) - square_sum * load(p->rows[y + 2] + at) +
                      square_product * load(p->rows[y] + at);
    }
}

/* The rows of B^T for the points +-point times the columns.   other: the square of the other pair's point */
INLINE void input_pair(const struct patch *p, size_t k, float point, float other, vector plus[IN], vector minus[IN])
{
    EVERY_COLUMN(IN, j, at)
    {
        plus[j] = minus[j] = (vector){0};
        if (j < p->first || j >= p->last)
            continue;
        const vector even = load(p->rows[4] + at) - other * load(p->rows[2] + at);
        const vector odd = load(p->rows[3] + at) - other * load(p->rows[1] + at);
        plus[j] = even + point * odd;
        minus[j] = even - point * odd;
    }
}

INLINE void put_line(const vector values[IN], float *v, size_t step)
{
    UNROLL for (size_t j = 0; j < IN; j++) store(values[j], v + j * step);
}

INLINE void put_input_line(const vector line[IN], float *v, size_t step)
{
    vector values[IN];
    input_values(line, values);
    put_line(values, v, step);
}

/* v = B^T x B of the vector of channels from k on. Pairs of points are made together, so that all stays in registers.
 * step: floats from one point's values to the next's */
APART void input_points(const struct patch *p, size_t k, float *v, size_t step)
{
    const size_t line = IN * step;
    vector plus[IN], minus[IN];
    input_end(p, k, 0, plus);
    put_input_line(plus, v, step);
    input_pair(p, k, a1, b2, plus, minus);
    put_input_line(plus, v + line, step);
    put_input_line(minus, v + 2 * line, step);
    input_pair(p, k, b1, a2, plus, minus);
    put_input_line(plus, v + 3 * line, step);
    put_input_line(minus, v + 4 * line, step);
    input_end(p, k, 5, plus);
    put_input_line(plus, v + 5 * line, step);
}

INLINE void put_gradient_line(const vector line[OUT], float *z, size_t step)
{
    vector values[IN];
    output_values(line, values);
    put_line(values, z, step);
}

/* The rows of A for the points +-point times the columns of dy. */
INLINE void gradient_pair(const struct patch *p, size_t k, float point, float square, vector plus[OUT],
                          vector minus[OUT])
{
    EVERY_COLUMN(OUT, j, at)
    {
        plus[j] = minus[j] = (vector){0};
        if (j >= p->last)
            continue;
        const vector even = load(p->rows[0] + at) + square * load(p->rows[2] + at);
        const vector odd = load(p->rows[1] + at) + square * load(p->rows[3] + at);
        plus[j] = even + point * odd;
        minus[j] = even - point * odd;
    }
}

INLINE void gradient_end(const struct patch *p, size_t k, int y, vector line[OUT])
{
    EVERY_COLUMN(OUT, j, at)
    {
        line[j] = (vector){0};
        if (j < p->last)
            line[j] = load(p->rows[y] + at);
    }
}

/* z = A dy A^T of the vector of channels from k on */
APART void gradient_points(const struct patch *p, size_t k, float *z, size_t step)
{
    const size_t line = IN * step;
    vector plus[OUT], minus[OUT];
    gradient_end(p, k, 0, plus);
    put_gradient_line(plus, z, step);
    gradient_pair(p, k, a1, a2, plus, minus);
    put_gradient_line(plus, z + line, step);
    put_gradient_line(minus, z + 2 * line, step);
    gradient_pair(p, k, b1, b2, plus, minus);
    put_gradient_line(plus, z + 3 * line, step);
    put_gradient_line(minus, z + 4 * line, step);
    gradient_end(p, k, 3, plus);
    put_gradient_line(plus, z + 5 * line, step);
}

/* y = max(lowest, A^T m A + bias) of one vector of channels      row, column: floats of y from one to the next */
APART void output_points(const float *m, size_t point, vector bias, vector lowest, float *y, size_t row, size_t column)
{
    vector half[IN][OUT], line[IN], sums[OUT];
    UNROLL for (size_t j = 0; j < IN; j++)
    {
        UNROLL for (size_t i = 0; i < IN; i++) line[i] = load(m + i * IN * point);
        output_sums(line, half[j]);
        m += point;
    }
    UNROLL for (size_t i = 0; i < OUT; i++, y += row)
    {
        UNROLL for (size_t j = 0; j < IN; j++) line[j] = half[j][i];
        output_sums(line, sums);
        UNROLL for (size_t j = 0; j < OUT; j++) store(at_least(lowest, sums[j] + bias), y + j * column);
    }
}

/* Sums at the points -> a tile of outputs, as far as it lies inside. */
static void output_tile(const struct convolution *c, const struct epilogue *epilogue, int top, int left, const float *m,
                        size_t point, float *y)
{
    const size_t column = (size_t)c->out_channels, row = (size_t)c->out_width * column;
    const int height = c->out_height - top, width = c->out_width - left;
    const vector lowest = (vector){0} - (epilogue->relu ? 0.0f : INFINITY);
    y += (size_t)top * row + (size_t)left * column;
    for (int k = 0; k < c->out_channels; k += LANES) {
        const vector bias = epilogue->bias == NULL ? (vector){0} : load(epilogue->bias + k);
        if (height >= OUT && width >= OUT) {
            output_points(m + k, point, bias, lowest, y + k, row, column);
            continue;
        }
        vector tile[OUT * OUT];
        output_points(m + k, point, bias, lowest, (float *)tile, OUT * LANES, LANES);
        for (int i = 0; i < OUT && i < height; i++)
            for (int j = 0; j < OUT && j < width; j++)
                store(tile[i * OUT + j], y + (size_t)i * row + (size_t)j * column + k);
    }
}

/* A place in the walk over all tiles of all images. */
struct walk {
    int image, top, left;
};

static void step(const struct convolution *c, struct walk *walk)
{
    walk->left += OUT;
    if (walk->left < c->out_width)
        return;
    walk->left = 0;
    walk->top += OUT;
    if (walk->top < c->out_height)
        return;
    walk->top = 0;
    walk->image++;
}

/* The products at the points: a row a tile.   x_step, y_step: floats from one point's matrix to the next */
static struct products point_products(const struct convolution *c, int tiles, size_t x_step, size_t y_step)
{
    return (struct products){.count = POINTS,
                             .rows = tiles,
                             .channels = c->channels,
                             .out_channels = c->out_channels,
                             .x_stride = x_step,
                             .y_stride = y_step};
}

/* Floats of weights at one point. */
static size_t point_weights(const struct convolution *c)
{
    return (size_t)c->channels * (size_t)c->out_channels;
}

/* Tiles at the edges must not cost more than they save, nor the weights' transforms, once a pass. */
static bool winograd_fits(const struct convolution *c, enum convolution_pass pass)
{
    (void)pass;
    return c->kernel == TAPS && c->stride == 1 && c->padding < TAPS && c->channels % LANES == 0 &&
           c->out_channels % LANES == 0 && c->channels <= CHANNELS_MOST && c->out_channels <= CHANNELS_MOST &&
           3 * POINTS * tiles_of(c) <= 2 * TAPS * TAPS * c->out_height * c->out_width;
}

/* Floats from one point's matrix to the next where a product takes the place of what it was made from. */
static size_t common_step(const struct convolution *c)
{
    return point_step(c->channels > c->out_channels ? c->channels : c->out_channels);
}

/* Values at the points of a block; the gradient's sums at the points, and packed. */
static size_t winograd_scratch(const struct convolution *c, enum convolution_pass pass)
{
    if (pass != WEIGHT_GRADIENT)
        return (POINTS + 1) * common_step(c);
    return POINTS * (point_step(c->channels) + point_step(c->out_channels)) + (POINTS + TAPS * TAPS) * point_weights(c);
}

/* The weights at the points, and room behind them for the packed ones that they are made from. */
static size_t winograd_prepared(const struct convolution *c, enum convolution_pass pass)
{
    (void)pass;
    return (POINTS + TAPS * TAPS) * point_weights(c);
}

static void winograd_prepare(const struct convolution *c, enum convolution_pass pass, const float *weights,
                             float *prepared)
{
    float *const packed = prepared + POINTS * point_weights(c);
    const struct convolution way = pass == INPUT_GRADIENT ? convolution_way_back(c) : *c;
    (pass == INPUT_GRADIENT ? direct_pack_back : direct_pack)(c, weights, packed);
    weights_to_points(&way, packed, prepared);
}

static void transform_inputs(const struct convolution *c, struct walk walk, int tiles, const float *x, float *v,
                             size_t point)
{
    const size_t channels = (size_t)c->channels;
    for (int t = 0; t < tiles; t++, step(c, &walk), v += channels) {
        const struct image image = {x + (size_t)walk.image * convolution_input_size(c), c->height, c->width,
                                    c->channels};
        const struct patch patch = patch_at(&image, IN, walk.top - c->padding, walk.left - c->padding);
        for (size_t k = 0; k < channels; k += LANES)
            input_points(&patch, k, v + k, point);
    }
}

static void transform_gradients(const struct convolution *c, struct walk walk, int tiles, const float *dy, float *z,
                                size_t point)
{
    const size_t channels = (size_t)c->out_channels;
    for (int t = 0; t < tiles; t++, step(c, &walk), z += channels) {
        const struct image image = {dy + (size_t)walk.image * convolution_output_size(c), c->out_height, c->out_width,
                                    c->out_channels};
        const struct patch patch = patch_at(&image, OUT, walk.top, walk.left);
        for (size_t k = 0; k < channels; k += LANES)
            gradient_points(&patch, k, z + k, point);
    }
}

/* A point's product goes where the point before it had its inputs: these lines are still in cache. */
static void winograd_forward(const struct convolution *c, int n, const float *x, const float *prepared,
                             const struct epilogue *epilogue, float *scratch, float *y)
{
    const size_t point = common_step(c);
    float *const m = scratch, *const v = m + point;
    struct walk walk = {0};
    for (int left = n * tiles_of(c), tiles; left > 0; left -= tiles) {
        tiles = left < BLOCK ? left : BLOCK;
        const struct products products = point_products(c, tiles, point, point);
        transform_inputs(c, walk, tiles, x, v, point);
        products_forward(&products, v, prepared, m);
        for (int t = 0; t < tiles; t++, step(c, &walk))
            output_tile(c, epilogue, walk.top, walk.left, m + (size_t)t * (size_t)c->out_channels, point,
                        y + (size_t)walk.image * convolution_output_size(c));
    }
}

static void winograd_input_gradient(const struct convolution *c, int n, const float *dy, const float *prepared,
                                    float *scratch, float *dx)
{
    const struct convolution back = convolution_way_back(c);
    const struct epilogue none = {0};
    winograd_forward(&back, n, dy, prepared, &none, scratch, dx);
}

static void winograd_weight_gradient(const struct convolution *c, int n, const float *x, const float *dy,
                                     float *scratch, float *dweights)
{
    const size_t x_step = point_step(c->channels), y_step = point_step(c->out_channels);
    float *const v = scratch, *const z = v + POINTS * x_step;
    float *const u = z + POINTS * y_step, *const packed = u + POINTS * point_weights(c);
    memset(u, 0, POINTS * point_weights(c) * sizeof *u);
    struct walk walk = {0};
    for (int left = n * tiles_of(c), tiles; left > 0; left -= tiles) {
        tiles = left < BLOCK ? left : BLOCK;
        const struct products products = point_products(c, tiles, x_step, y_step);
        transform_inputs(c, walk, tiles, x, v, x_step);
        transform_gradients(c, walk, tiles, dy, z, y_step);
        products_gradient(&products, v, z, u);
        for (int t = 0; t < tiles; t++)
            step(c, &walk);
    }
    points_to_weights(c, u, packed);
    direct_unpack(c, packed, dweights);
}

const struct convolution_method convolution_winograd = {.name = "winograd",
                                                        .fits = winograd_fits,
                                                        .scratch = winograd_scratch,
                                                        .prepared = winograd_prepared,
                                                        .prepare = winograd_prepare,
                                                        .forward = winograd_forward,
                                                        .input_gradient = winograd_input_gradient,
                                                        .weight_gradient = winograd_weight_gradient};
