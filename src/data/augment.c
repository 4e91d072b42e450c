/* augment.c - random changes of training inputs, after normalisation. A sample's change is a function of the `augment`
 * seed, the epoch and its position in the data set: neither its batch nor the subset matters. */
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "seedbed/random.h"

enum { DISTANCE_MAX = 4096 };

const struct field augment_fields[] = {
    {.name = "shift",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct augment_config, shift),
     .default_text = "0",
     .maximum = DISTANCE_MAX,
     .unit = "pixels",
     .summary = "Moves an image by up to so many pixels each way, every distance equally likely; zeros come in."},
    {.name = "flip",
     .type = FIELD_FLAG,
     .offset = offsetof(struct augment_config, flip),
     .default_text = "false",
     .summary = "Whether each image is mirrored left to right with probability 1/2."},
    {.name = "cutout",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct augment_config, cutout),
     .default_text = "0",
     .maximum = DISTANCE_MAX,
     .unit = "pixels",
     .summary = "Side of a square of zeros around a pixel of the image, each equally likely, cut at the borders."},
    {0}};

enum { DRAW_ROWS, DRAW_COLUMNS, DRAW_FLIP, DRAW_CUT_ROW, DRAW_CUT_COLUMN, DRAW_COUNT = 8 };

struct change {
    int rows, columns; /* shift */
    bool flip;
    int cut_row, cut_column;
};

/* Uniform in 0..bound-1, to within bound / 2^32. */
static int below(uint32_t word, int64_t bound)
{
    return (int)((uint64_t)word * (uint64_t)bound >> 32);
}

static struct change draw_change(const struct augment_config *config, const struct shape *shape, uint64_t seed,
                                 uint32_t epoch, int32_t position)
{
    uint32_t words[DRAW_COUNT];
    random_block(STREAM_AUGMENT, seed, epoch, 2 * (uint64_t)position, words);
    random_block(STREAM_AUGMENT, seed, epoch, 2 * (uint64_t)position + 1, words + 4);
    return (struct change){.rows = below(words[DRAW_ROWS], 2 * config->shift + 1) - (int)config->shift,
                           .columns = below(words[DRAW_COLUMNS], 2 * config->shift + 1) - (int)config->shift,
                           .flip = config->flip && below(words[DRAW_FLIP], 2) == 1,
                           .cut_row = below(words[DRAW_CUT_ROW], shape->height),
                           .cut_column = below(words[DRAW_CUT_COLUMN], shape->width)};
}

static void flip_image(const struct shape *shape, float *x)
{
    const int channels = shape->channels;
    for (int row = 0; row < shape->height; row++)
        for (int left = 0, right = shape->width - 1; left < right; left++, right--)
            for (int channel = 0; channel < channels; channel++) {
                float *a = x + ((ptrdiff_t)row * shape->width + left) * channels + channel;
                float *b = x + ((ptrdiff_t)row * shape->width + right) * channels + channel;
                const float kept = *a;
                *a = *b;
                *b = kept;
            }
}

/* out [width, channels] = in moved to the right by columns, with zeros where nothing comes from; may be the same row */
static void shift_row(const struct shape *shape, int columns, const float *in, float *out)
{
    const size_t pixel = (size_t)shape->channels;
    const int away = abs(columns) < shape->width ? abs(columns) : shape->width;
    const size_t kept = (size_t)(shape->width - away) * pixel, zeros = (size_t)away * pixel;
    memmove(out + (columns > 0 ? zeros : 0), in + (columns > 0 ? 0 : zeros), kept * sizeof *out);
    memset(out + (columns > 0 ? 0 : kept), 0, zeros * sizeof *out);
}

/* In place: rows are filled in the order in which none is needed any more. */
static void shift_image(const struct shape *shape, int rows, int columns, float *x)
{
    const ptrdiff_t row_values = (ptrdiff_t)shape->width * shape->channels;
    for (int i = 0; i < shape->height; i++) {
        const int row = rows > 0 ? shape->height - 1 - i : i;
        const int from = row - rows;
        if (from >= 0 && from < shape->height)
            shift_row(shape, columns, x + from * row_values, x + row * row_values);
        else
            memset(x + row * row_values, 0, (size_t)row_values * sizeof *x);
    }
}

static void cut_square(const struct shape *shape, int side, int row, int column, float *x)
{
    const int top = row - side / 2, left = column - side / 2;
    for (int y = top < 0 ? 0 : top; y < top + side && y < shape->height; y++)
        for (int z = left < 0 ? 0 : left; z < left + side && z < shape->width; z++)
            memset(x + ((ptrdiff_t)y * shape->width + z) * shape->channels, 0, (size_t)shape->channels * sizeof *x);
}

void samples_augment(const struct samples *samples, const struct augmentation *augmentation, const int32_t *which,
                     int n, float *x)
{
    const struct augment_config *config = augmentation->config;
    const struct shape *shape = &samples->dataset->shape.sample;
    const ptrdiff_t values = (ptrdiff_t)shape->height * shape->width * shape->channels;
    if (config->shift == 0 && !config->flip && config->cutout == 0)
        return;
    for (int i = 0; i < n; i++, x += values) {
        const struct change change =
            draw_change(config, shape, augmentation->seed, augmentation->epoch, samples->index[which[i]]);
        if (change.flip)
            flip_image(shape, x);
        if (change.rows != 0 || change.columns != 0)
            shift_image(shape, change.rows, change.columns, x);
        if (config->cutout > 0)
            cut_square(shape, (int)config->cutout, change.cut_row, change.cut_column, x);
    }
}
