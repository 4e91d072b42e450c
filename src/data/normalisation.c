/* normalisation.c - constants of x = (raw - mean) / deviation, by channel, over the training samples a trial sees.
 * none: 0 and 1.  unit: 0 and 255 for bytes; minimum and range for floats.  standard: mean and population standard
 * deviation in double.  sphere: those of standard, then each sample by its length.  A channel without spread gets the
 * deviation 1. */
#include "data/normalisation.h"

#include <math.h>
#include <string.h>

#include "data/kinds.h"

const struct kind normalisation_none = {.name = "none", .summary = "raw values: bytes as 0 .. 255"};
const struct kind normalisation_unit = {
    .name = "unit", .summary = "bytes / 255; floats to [0, 1] by each channel's range over the training samples"};
const struct kind normalisation_standard = {
    .name = "standard", .summary = "zero mean and unit variance of each channel over the training samples"};

const struct kind normalisation_sphere = {.name = "sphere", .summary = "standard, then each sample scaled to length 1"};

struct spread {
    double mean, deviation;
    double minimum, maximum;
};

static size_t pixels_of(const struct samples *samples)
{
    const struct shape *shape = &samples->dataset->shape.sample;
    return (size_t)shape->height * (size_t)shape->width;
}

struct byte_sums {
    uint64_t sum, squares;
    uint8_t minimum, maximum;
};

/* Integers, so exact whatever the order; short runs in 32 bits make vector code.   values [n], stride apart */
static inline void add_bytes(size_t n, size_t stride, const uint8_t *values, struct byte_sums *sums)
{
    enum { RUN = 1 << 12 };
    uint8_t minimum = sums->minimum, maximum = sums->maximum;
    for (size_t start = 0; start < n; start += RUN) {
        const size_t end = n - start < RUN ? n : start + RUN;
        uint32_t sum = 0, squares = 0;
        for (size_t i = start; i < end; i++) {
            const uint8_t value = values[i * stride];
            sum += value;
            squares += (uint32_t)value * value;
            minimum = value < minimum ? value : minimum;
            maximum = value > maximum ? value : maximum;
        }
        sums->sum += sum;
        sums->squares += squares;
    }
    sums->minimum = minimum;
    sums->maximum = maximum;
}

static struct spread spread_of_bytes(const struct samples *samples, int channel)
{
    const size_t channels = (size_t)samples->dataset->shape.sample.channels;
    const size_t pixels = pixels_of(samples);
    const uint8_t *values = (const uint8_t *)dataset_values_const(samples->dataset, samples->part) + channel;
    struct byte_sums sums = {.minimum = UINT8_MAX};
    for (int i = 0; i < samples->count; i++) {
        const uint8_t *sample = values + (size_t)samples->index[i] * pixels * channels;
        if (channels == 1) /* a constant stride makes better code */
            add_bytes(pixels, 1, sample, &sums);
        else
            add_bytes(pixels, channels, sample, &sums);
    }
    const double total = (double)samples->count * (double)pixels;
    const double mean = (double)sums.sum / total;
    return (struct spread){.mean = mean,
                           .deviation = sqrt(fmax((double)sums.squares / total - mean * mean, 0)),
                           .minimum = sums.minimum,
                           .maximum = sums.maximum};
}

/* Sum of (x - centre)^power over one channel, power 1 or 2; the extremes on the way. */
static double float_sum(const struct samples *samples, int channel, double centre, int power, struct spread *spread)
{
    const size_t channels = (size_t)samples->dataset->shape.sample.channels;
    const size_t pixels = pixels_of(samples);
    const float *values = (const float *)dataset_values_const(samples->dataset, samples->part) + channel;
    double sum = 0;
    for (int i = 0; i < samples->count; i++) {
        const float *sample = values + (size_t)samples->index[i] * pixels * channels;
        for (size_t pixel = 0; pixel < pixels; pixel++) {
            const double value = (double)sample[pixel * channels];
            spread->minimum = fmin(spread->minimum, value);
            spread->maximum = fmax(spread->maximum, value);
            sum += power == 1 ? value - centre : (value - centre) * (value - centre);
        }
    }
    return sum;
}

static struct spread spread_of_floats(const struct samples *samples, int channel)
{
    const double total = (double)samples->count * (double)pixels_of(samples);
    struct spread spread = {.minimum = (double)INFINITY, .maximum = -(double)INFINITY};
    spread.mean = float_sum(samples, channel, 0, 1, &spread) / total;
    spread.deviation = sqrt(float_sum(samples, channel, spread.mean, 2, &spread) / total);
    return spread;
}

static void constants_of(const struct kind *normalisation, const struct samples *train, int channel, float *mean,
                         float *deviation)
{
    const bool bytes = train->dataset->shape.type == SAMPLE_UINT8;
    *mean = 0;
    *deviation = 1;
    if (normalisation == &normalisation_none)
        return;
    if (normalisation == &normalisation_unit && bytes) {
        *deviation = 255;
        return;
    }
    const struct spread spread = bytes ? spread_of_bytes(train, channel) : spread_of_floats(train, channel);
    const bool standard = normalisation != &normalisation_unit;
    const float width = (float)(standard ? spread.deviation : spread.maximum - spread.minimum);
    *mean = (float)(standard ? spread.mean : spread.minimum);
    *deviation = spread.maximum > spread.minimum && width > 0 ? width : 1;
}

bool data_unit_length(const struct data_config *config)
{
    return config->normalisation == &normalisation_sphere;
}

enum status normalisation_fill(const struct kind *normalisation, struct data_view *view, struct error *error)
{
    if (view->shape.channels > CHANNELS_MAX)
        return fail(error, STATUS_BAD_DATA, "samples of %d channels: at most %d can be normalised",
                    view->shape.channels, CHANNELS_MAX);
    struct samples *train = &view->parts[PART_TRAIN];
    for (int channel = 0; channel < view->shape.channels; channel++)
        constants_of(normalisation, train, channel, &train->mean[channel], &train->deviation[channel]);
    train->unit_length = normalisation == &normalisation_sphere;
    for (int part = 0; part < PART_COUNT; part++) {
        memcpy(view->parts[part].mean, train->mean, sizeof train->mean);
        memcpy(view->parts[part].deviation, train->deviation, sizeof train->deviation);
        view->parts[part].unit_length = train->unit_length;
    }
    return STATUS_OK;
}
