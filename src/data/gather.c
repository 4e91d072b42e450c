/* gather.c - the inputs of a batch.
 * Each value is x = (raw - mean) * (1 / deviation) in float32, one rounding for each of the three operations: whatever
 * the batch, and whatever the vector width, the bits are the same, and NumPy's. A division a value would cost three
 * times as much. Unit length: a square of a float32 is exact in double, so that fused or not the sum has the same bits.
 */
#include <assert.h>
#include <math.h>

#include "data/data.h"

/* The constants of the values of PIXELS pixels, as they lie: samples of any number of channels are taken in steps of
 * PIXELS values, each with its own part of the pattern. */
enum { PIXELS = 32 };
struct pattern {
    size_t length;
    float mean[PIXELS * CHANNELS_MAX], scale[PIXELS * CHANNELS_MAX]; /* [length] */
};

static struct pattern pattern_of(const struct samples *samples)
{
    const size_t channels = (size_t)samples->dataset->shape.sample.channels;
    struct pattern pattern;
    pattern.length = PIXELS * channels;
    for (size_t channel = 0; channel < channels; channel++) {
        const float mean = samples->mean[channel], scale = 1 / samples->deviation[channel];
        for (size_t i = channel; i < pattern.length; i += channels) {
            pattern.mean[i] = mean;
            pattern.scale[i] = scale;
        }
    }
    return pattern;
}

static inline void normalise_bytes(size_t count, const uint8_t *restrict raw, const float *restrict mean,
                                   const float *restrict scale, float *restrict x)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = ((float)raw[i] - mean[i]) * scale[i];
}

static inline void normalise_floats(size_t count, const float *restrict raw, const float *restrict mean,
                                    const float *restrict scale, float *restrict x)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = (raw[i] - mean[i]) * scale[i];
}

static void gather_bytes(const struct pattern *pattern, size_t count, const uint8_t *raw, float *x)
{
    size_t i = 0, at = 0;
    for (; i + PIXELS <= count; i += PIXELS, at = at + PIXELS == pattern->length ? 0 : at + PIXELS)
        normalise_bytes(PIXELS, raw + i, pattern->mean + at, pattern->scale + at, x + i);
    normalise_bytes(count - i, raw + i, pattern->mean + at, pattern->scale + at, x + i);
}

static void gather_floats(const struct pattern *pattern, size_t count, const float *raw, float *x)
{
    size_t i = 0, at = 0;
    for (; i + PIXELS <= count; i += PIXELS, at = at + PIXELS == pattern->length ? 0 : at + PIXELS)
        normalise_floats(PIXELS, raw + i, pattern->mean + at, pattern->scale + at, x + i);
    normalise_floats(count - i, raw + i, pattern->mean + at, pattern->scale + at, x + i);
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

static size_t values_of(const struct samples *samples)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    return (size_t)shape->height * (size_t)shape->width * (size_t)shape->channels;
}

void samples_bytes(const struct samples *samples, int first, int n, const uint8_t **rows)
{
    const uint8_t *const all = dataset_values_const(samples->dataset, samples->part);
    for (int i = 0; i < n; i++)
        rows[i] = all + (size_t)samples->index[first + i] * values_of(samples);
}

void samples_gather(const struct samples *samples, const int32_t *which, int first, int n, float *x)
{
    const struct pattern pattern = pattern_of(samples);
    const void *const all = dataset_values_const(samples->dataset, samples->part);
    const size_t values = values_of(samples);
    for (int i = 0; i < n; i++, x += values) {
        const int sample = which == NULL ? first + i : which[i];
        assert(sample >= 0 && sample < samples->count);
        const size_t place = (size_t)samples->index[sample] * values;
        if (samples->dataset->shape.type == SAMPLE_UINT8)
            gather_bytes(&pattern, values, (const uint8_t *)all + place, x);
        else
            gather_floats(&pattern, values, (const float *)all + place, x);
        if (samples->unit_length)
            scale_to_unit_length(values, x);
    }
}
