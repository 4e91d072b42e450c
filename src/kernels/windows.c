/* windows.c - products of matrices over windows of a few images, few enough for them to stay in cache; a 1 x 1
 * convolution without stride or padding is one product over all pixels. */
#include "kernels/windows.h"

#include <limits.h>
#include <string.h>

#include "kernels/convolution_methods.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"

/* The part of a window's row of taps that lies inside the image: taps first..last-1, read from column `from`. */
struct span {
    int first, last, from;
};

static struct span row_span(const struct convolution *c, int out_column)
{
    const int left = out_column * c->stride - c->padding;
    const int first = left < 0 ? -left : 0;
    const int last = left + c->kernel > c->width ? c->width - left : c->kernel;
    if (first >= last)
        return (struct span){0, 0, 0};
    return (struct span){first, last, left + first};
}

void image_to_columns(const struct convolution *c, const float *restrict image, float *restrict columns)
{
    const size_t row = (size_t)c->kernel * (size_t)c->channels;
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++) {
            const struct span span = row_span(c, x);
            const size_t before = (size_t)span.first * (size_t)c->channels;
            const size_t inside = (size_t)(span.last - span.first) * (size_t)c->channels;
            for (int k = 0; k < c->kernel; k++, columns += row) {
                const int from = y * c->stride - c->padding + k;
                if (from < 0 || from >= c->height || inside == 0) {
                    memset(columns, 0, row * sizeof *columns);
                    continue;
                }
                const float *const source =
                    image + ((size_t)from * (size_t)c->width + (size_t)span.from) * (size_t)c->channels;
                for (size_t i = 0; i < before; i++)
                    columns[i] = 0.0f;
                memcpy(columns + before, source, inside * sizeof *columns);
                for (size_t i = before + inside; i < row; i++)
                    columns[i] = 0.0f;
            }
        }
}

void columns_to_image(const struct convolution *c, const float *restrict columns, float *restrict image)
{
    const size_t row = (size_t)c->kernel * (size_t)c->channels;
    for (int y = 0; y < c->out_height; y++)
        for (int x = 0; x < c->out_width; x++) {
            const struct span span = row_span(c, x);
            const size_t before = (size_t)span.first * (size_t)c->channels;
            const size_t inside = (size_t)(span.last - span.first) * (size_t)c->channels;
            for (int k = 0; k < c->kernel; k++, columns += row) {
                const int to = y * c->stride - c->padding + k;
                if (to < 0 || to >= c->height)
                    continue;
                float *const target = image + ((size_t)to * (size_t)c->width + (size_t)span.from) * (size_t)c->channels;
                for (size_t i = 0; i < inside; i++)
                    target[i] += columns[before + i];
            }
        }
}

/* Whether the image is its own matrix of windows. */
static bool is_plain(const struct convolution *c)
{
    return c->kernel == 1 && c->stride == 1 && c->padding == 0;
}

static int places(const struct convolution *c)
{
    return c->out_height * c->out_width;
}

static size_t columns_size(const struct convolution *c)
{
    return (size_t)places(c) * convolution_window_size(c);
}

/* How many of n images' windows are in the buffer at once. */
static int block_images(const struct convolution *c, int n)
{
    enum { BUFFER = 1 << 16 };
    if (is_plain(c))
        return n;
    const size_t images = BUFFER / columns_size(c);
    return images < 1 ? 1 : images < (size_t)n ? (int)images : n;
}

static bool windows_fit(const struct convolution *c, enum convolution_pass pass)
{
    (void)c;
    (void)pass;
    return true;
}

static size_t windows_scratch(const struct convolution *c, enum convolution_pass pass)
{
    (void)pass;
    return is_plain(c) ? 0 : (size_t)block_images(c, INT_MAX) * columns_size(c);
}

static size_t windows_prepared(const struct convolution *c, enum convolution_pass pass)
{
    (void)c;
    (void)pass;
    return 0;
}

/* The windows of n images: the images themselves where they are, else in the scratch. */
static const float *windows_of(const struct convolution *c, int n, const float *x, float *scratch)
{
    if (is_plain(c))
        return x;
    for (int i = 0; i < n; i++)
        image_to_columns(c, x + (size_t)i * convolution_input_size(c), scratch + (size_t)i * columns_size(c));
    return scratch;
}

static void finish(const struct epilogue *epilogue, int rows, int channels, float *y)
{
    (epilogue->relu ? relu_forward : linear_forward)(rows, channels, epilogue->bias, y);
}

static void windows_forward(const struct convolution *c, int n, const float *x, const float *weights,
                            const struct epilogue *epilogue, float *scratch, float *y)
{
    const int window = (int)convolution_window_size(c);
    for (int left = n, block; left > 0; left -= block) {
        block = block_images(c, left);
        gemm(AS_IS, TRANSPOSED, block * places(c), c->out_channels, window, windows_of(c, block, x, scratch), weights,
             0.0f, y);
        finish(epilogue, block * places(c), c->out_channels, y);
        x += (size_t)block * convolution_input_size(c);
        y += (size_t)block * convolution_output_size(c);
    }
}

/* The windows' gradients dy W, put back where the windows came from. */
static void windows_input_gradient(const struct convolution *c, int n, const float *dy, const float *weights,
                                   float *scratch, float *dx)
{
    const int window = (int)convolution_window_size(c);
    const size_t image = convolution_input_size(c);
    for (int left = n, block; left > 0; left -= block) {
        block = block_images(c, left);
        gemm(AS_IS, AS_IS, block * places(c), window, c->out_channels, dy, weights, 0.0f, is_plain(c) ? dx : scratch);
        if (!is_plain(c)) {
            memset(dx, 0, (size_t)block * image * sizeof *dx);
            for (int i = 0; i < block; i++)
                columns_to_image(c, scratch + (size_t)i * columns_size(c), dx + (size_t)i * image);
        }
        dx += (size_t)block * image;
        dy += (size_t)block * convolution_output_size(c);
    }
}

/* dW = dy^T windows(x), summed block by block in order. */
static void windows_weight_gradient(const struct convolution *c, int n, const float *x, const float *dy, float *scratch,
                                    float *dweights)
{
    const int window = (int)convolution_window_size(c);
    for (int left = n, block; left > 0; left -= block) {
        block = block_images(c, left);
        gemm(TRANSPOSED, AS_IS, c->out_channels, window, block * places(c), dy, windows_of(c, block, x, scratch),
             left == n ? 0.0f : 1.0f, dweights);
        x += (size_t)block * convolution_input_size(c);
        dy += (size_t)block * convolution_output_size(c);
    }
}

const struct convolution_method convolution_windows = {.name = "windows",
                                                       .fits = windows_fit,
                                                       .scratch = windows_scratch,
                                                       .prepared = windows_prepared,
                                                       .forward = windows_forward,
                                                       .input_gradient = windows_input_gradient,
                                                       .weight_gradient = windows_weight_gradient};
