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

/* Pixels of a tile: floats from row to row and from column to column. */
struct grid {
    const float *at;
    size_t row, column;
};

/* line = first row of B^T times the columns; from the second row on it is the last one */
INLINE void input_end(struct grid x, vector line[IN])
{
    UNROLL for (size_t j = 0; j < IN; j++, x.at += x.column) line[j] =
        load(x.at + 4 * x.row) - square_sum * load(x.at + 2 * x.row) + square_product * load(x.at);
}

/* The rows of B^T for the points p and -p times the columns.   other: the square of the other pair's point */
INLINE void input_pair(struct grid x, float p, float other, vector plus[IN], vector minus[IN])
{
    UNROLL for (size_t j = 0; j < IN; j++, x.at += x.column)
    {
        const vector even = load(x.at + 4 * x.row) - other * load(x.at + 2 * x.row);
        const vector odd = load(x.at + 3 * x.row) - other * load(x.at + x.row);
        plus[j] = even + p * odd;
        minus[j] = even - p * odd;
    }
}

INLINE void put_line(const vector values[IN], float *v, size_t point)
{
    UNROLL for (size_t j = 0; j < IN; j++) store(values[j], v + j * point);
}

INLINE void put_input_line(const vector line[IN], float *v, size_t point)
{
    vector values[IN];
    input_values(line, values);
    put_line(values, v, point);
}

/* v = B^T x B of one vector of channels. Pairs of points are made together, so that all stays in registers.
 * point: floats from one point's values to the next's */
APART void input_points(struct grid x, float *v, size_t point)
{
    const size_t line = IN * point;
    const struct grid below = {x.at + x.row, x.row, x.column};
    vector plus[IN], minus[IN];
    input_end(x, plus);
    put_input_line(plus, v, point);
    input_pair(x, a1, b2, plus, minus);
    put_input_line(plus, v + line, point);
    put_input_line(minus, v + 2 * line, point);
    input_pair(x, b1, a2, plus, minus);
    put_input_line(plus, v + 3 * line, point);
    put_input_line(minus, v + 4 * line, point);
    input_end(below, plus);
    put_input_line(plus, v + 5 * line, point);
}

INLINE void put_gradient_line(const vector line[OUT], float *z, size_t point)
{
    vector values[IN];
    output_values(line, values);
    put_line(values, z, point);
}

/* The rows of A for the points p and -p times the columns of dy. */
INLINE void gradient_pair(struct grid dy, float p, float square, vector plus[OUT], vector minus[OUT])
{
    UNROLL for (size_t j = 0; j < OUT; j++, dy.at += dy.column)
    {
        const vector even = load(dy.at) + square * load(dy.at + 2 * dy.row);
        const vector odd = load(dy.at + dy.row) + square * load(dy.at + 3 * dy.row);
        plus[j] = even + p * odd;
        minus[j] = even - p * odd;
    }
}

/* z = A dy A^T of one vector of channels */
APART void gradient_points(struct grid dy, float *z, size_t point)
{
    const size_t line = IN * point;
    vector plus[OUT], minus[OUT];
    UNROLL for (size_t j = 0; j < OUT; j++) plus[j] = load(dy.at + j * dy.column);
    put_gradient_line(plus, z, point);
    gradient_pair(dy, a1, a2, plus, minus);
    put_gradient_line(plus, z + line, point);
    put_gradient_line(minus, z + 2 * line, point);
    gradient_pair(dy, b1, b2, plus, minus);
    put_gradient_line(plus, z + 3 * line, point);
    put_gradient_line(minus, z + 4 * line, point);
    UNROLL for (size_t j = 0; j < OUT; j++) plus[j] = load(dy.at + 3 * dy.row + j * dy.column);
    put_gradient_line(plus, z + 5 * line, point);
}

struct image {
    const float *pixels;
    int height, width, channels;
};

/* A square of pixels that leaves the image, zeros where it does, of the vector of channels from k on. */
static struct grid rim_patch(const struct image *image, int side, int top, int left, int k, vector patch[IN * IN])
{
    for (int y = 0; y < side; y++) {
        const bool row_inside = top + y >= 0 && top + y < image->height;
        const ptrdiff_t row = (ptrdiff_t)(top + y) * image->width + left;
        for (int x = 0; x < side; x++) {
            const bool inside = row_inside && left + x >= 0 && left + x < image->width;
            patch[y * side + x] = inside ? load(image->pixels + (row + x) * image->channels + k) : (vector){0};
        }
    }
    return (struct grid){(const float *)patch, (size_t)side * LANES, LANES};
}

/* A tile of inputs (side IN) or of the outputs' gradient (side OUT) -> its values at the points
 * point: floats from one point's values to the next's */
INLINE void transform_tile(const struct image *image, int side, int top, int left, float *values, size_t point)
{
    const size_t column = (size_t)image->channels, row = (size_t)image->width * column;
    const bool inside = top >= 0 && left >= 0 && top + side <= image->height && left + side <= image->width;
    for (int k = 0; k < image->channels; k += LANES) {
        vector patch[IN * IN];
        const ptrdiff_t first = (ptrdiff_t)top * image->width + left;
        const struct grid grid = inside ? (struct grid){image->pixels + first * image->channels + k, row, column}
                                        : rim_patch(image, side, top, left, k, patch);
        if (side == IN)
            input_points(grid, values + k, point);
        else
            gradient_points(grid, values + k, point);
    }
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
                        float *y)
{
    const size_t point = point_step(c->out_channels), column = (size_t)c->out_channels;
    const size_t row = (size_t)c->out_width * column;
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

/* The products at the points: a row a tile. */
static struct products point_products(const struct convolution *c, int tiles)
{
    return (struct products){.count = POINTS,
                             .rows = tiles,
                             .channels = c->channels,
                             .out_channels = c->out_channels,
                             .x_stride = point_step(c->channels),
                             .y_stride = point_step(c->out_channels)};
}

/* Floats of weights at one point. */
static size_t point_weights(const struct convolution *c)
{
    return (size_t)c->channels * (size_t)c->out_channels;
}

/* Tiles at the edges must not cost more than they save, nor the weights' transforms, once a pass. */
static bool winograd_fits(const struct convolution *c, enum convolution_pass pass)
{
    enum { CHANNELS_MOST = 256 };
    (void)pass;
    return c->kernel == TAPS && c->stride == 1 && c->padding < TAPS && c->channels % LANES == 0 &&
           c->out_channels % LANES == 0 && c->channels <= CHANNELS_MOST && c->out_channels <= CHANNELS_MOST &&
           3 * POINTS * tiles_of(c) <= 2 * TAPS * TAPS * c->out_height * c->out_width;
}

/* Floats of values at the points of a block of inputs and of outputs. */
static size_t winograd_scratch(const struct convolution *c, enum convolution_pass pass)
{
    const size_t blocks = POINTS * (point_step(c->channels) + point_step(c->out_channels));
    return blocks + (pass == WEIGHT_GRADIENT ? (POINTS + TAPS * TAPS) * point_weights(c) : 0);
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

static void transform_inputs(const struct convolution *c, struct walk walk, int tiles, const float *x, float *v)
{
    for (int t = 0; t < tiles; t++, step(c, &walk), v += c->channels) {
        const struct image image = {x + (size_t)walk.image * convolution_input_size(c), c->height, c->width,
                                    c->channels};
        transform_tile(&image, IN, walk.top - c->padding, walk.left - c->padding, v, point_step(c->channels));
    }
}

static void transform_gradients(const struct convolution *c, struct walk walk, int tiles, const float *dy, float *z)
{
    for (int t = 0; t < tiles; t++, step(c, &walk), z += c->out_channels) {
        const struct image image = {dy + (size_t)walk.image * convolution_output_size(c), c->out_height, c->out_width,
                                    c->out_channels};
        transform_tile(&image, OUT, walk.top, walk.left, z, point_step(c->out_channels));
    }
}

static void winograd_forward(const struct convolution *c, int n, const float *x, const float *prepared,
                             const struct epilogue *epilogue, float *scratch, float *y)
{
    float *const v = scratch, *const m = v + POINTS * point_step(c->channels);
    struct walk walk = {0};
    for (int left = n * tiles_of(c), tiles; left > 0; left -= tiles) {
        tiles = left < BLOCK ? left : BLOCK;
        const struct products products = point_products(c, tiles);
        transform_inputs(c, walk, tiles, x, v);
        products_forward(&products, v, prepared, m);
        for (int t = 0; t < tiles; t++, step(c, &walk))
            output_tile(c, epilogue, walk.top, walk.left, m + (size_t)t * (size_t)c->out_channels,
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
    float *const v = scratch, *const z = v + POINTS * point_step(c->channels);
    float *const u = z + POINTS * point_step(c->out_channels), *const packed = u + POINTS * point_weights(c);
    memset(u, 0, POINTS * point_weights(c) * sizeof *u);
    struct walk walk = {0};
    for (int left = n * tiles_of(c), tiles; left > 0; left -= tiles) {
        tiles = left < BLOCK ? left : BLOCK;
        const struct products products = point_products(c, tiles);
        transform_inputs(c, walk, tiles, x, v);
        transform_gradients(c, walk, tiles, dy, z);
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
