/* gather.c - the inputs of a batch.
 * Each value is x = (raw - mean) * (1 / deviation) in float32, one rounding for each of the three operations: whatever
 * the batch, and whatever the vector width, the bits are the same, and NumPy's. A division a value would cost three
 * times as much. Unit length: a square of a float32 is exact in double, so that fused or not the sum has the same bits.
 */
#include <assert.h>
#include <math.h>

#include "data/data.h"

/* x [pixels]; one channel */
static void bytes_one_channel(size_t pixels, const uint8_t *restrict raw, float mean, float scale, float *restrict x)
{
    for (size_t i = 0; i < pixels; i++)
        x[i] = ((float)raw[i] - mean) * scale;
}

static void floats_one_channel(size_t pixels, const float *restrict raw, float mean, float scale, float *restrict x)
{
    for (size_t i = 0; i < pixels; i++)
        x[i] = (raw[i] - mean) * scale;
}

/* x [pixels, channels] */
static void bytes_channels(size_t pixels, const struct samples *samples, const uint8_t *restrict raw, float *restrict x)
{
    const size_t channels = (size_t)samples->dataset->shape.sample.channels;
    for (size_t i = 0; i < pixels; i++)
        for (size_t channel = 0; channel < channels; channel++)
            x[i * channels + channel] =
                ((float)raw[i * channels + channel] - samples->mean[channel]) * (1 / samples->deviation[channel]);
}

static void floats_channels(size_t pixels, const struct samples *samples, const float *restrict raw, float *restrict x)
{
    const size_t channels = (size_t)samples->dataset->shape.sample.channels;
    for (size_t i = 0; i < pixels; i++)
        for (size_t channel = 0; channel < channels; channel++)
            x[i * channels + channel] =
                (raw[i * channels + channel] - samples->mean[channel]) * (1 / samples->deviation[channel]);
}

static void gather_bytes(const struct samples *samples, size_t position, float *x)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    const size_t pixels = (size_t)shape->height * (size_t)shape->width;
    const uint8_t *values = dataset_values_const(samples->dataset, samples->part);
    const uint8_t *raw = values + position * pixels * (size_t)shape->channels;
    if (shape->channels == 1)
        bytes_one_channel(pixels, raw, samples->mean[0], 1 / samples->deviation[0], x);
    else
        bytes_channels(pixels, samples, raw, x);
}

static void gather_floats(const struct samples *samples, size_t position, float *x)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    const size_t pixels = (size_t)shape->height * (size_t)shape->width;
    const float *values = dataset_values_const(samples->dataset, samples->part);
    const float *raw = values + position * pixels * (size_t)shape->channels;
    if (shape->channels == 1)
        floats_one_channel(pixels, raw, samples->mean[0], 1 / samples->deviation[0], x);
    else
        floats_channels(pixels, samples, raw, x);
}

static double sum_of_squares(size_t n, const float *x)
{
    double lanes[UNIT_LENGTH_LANES] = {0};
    const size_t whole = n / UNIT_LENGTH_LANES * UNIT_LENGTH_LANES;
    for (size_t i = 0; i < whole; i += UNIT_LENGTH_LANES)
        for (size_t j = 0; j < UNIT_LENGTH_LANES; j++)
            lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t i = whole; i < n; i++)
        lanes[i - whole] += (double)x[i] * (double)x[i];
    double sum = 0;
    for (size_t j = 0; j < UNIT_LENGTH_LANES; j++)
        sum += lanes[j];
    return sum;
}

/* x [n] */
static void scale_to_unit_length(size_t n, float *x)
{
    const double squares = sum_of_squares(n, x);
    const float scale = squares > 0 ? (float)(1 / sqrt(squares)) : 1;
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
}

void samples_gather(const struct samples *samples, const int32_t *which, int first, int n, float *x)
{
    const struct dataset_shape *shape = &samples->dataset->shape;
    const size_t values = (size_t)shape->sample.height * (size_t)shape->sample.width * (size_t)shape->sample.channels;
    for (int i = 0; i < n; i++) {
        const int sample = which == NULL ? first + i : which[i];
        assert(sample >= 0 && sample < samples->count);
        const size_t position = (size_t)samples->index[sample];
        float *out = x + (size_t)i * values;
        if (shape->type == SAMPLE_UINT8)
            gather_bytes(samples, position, out);
        else
            gather_floats(samples, position, out);
        if (samples->unit_length)
            scale_to_unit_length(values, out);
    }
}
