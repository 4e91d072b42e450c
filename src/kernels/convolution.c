#include "kernels/convolution.h"

#include <stdint.h>
#include <string.h>

int convolution_places(int side, int kernel, int stride, int padding)
{
    const int room = side + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

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
