/* bytes.c - a tile of sums stays in registers: some rows of x with one group of outputs. Its lanes are the outputs; a
 * step adds the products of four inputs of each row with the digits that the group has for them, which lie together. */
#include "kernels/bytes.h"

#include <math.h>
#include <string.h>

#include "kernels/vector.h"

enum { DIGITS = 3, STEP = 4, STEP_BYTES = DIGITS * LANES * STEP, ROWS = 6, INPUTS_MAX = 1 << 16, UNEQUAL = 32 };

/* The largest multiple: each of its digits is the largest, 127. */
static const double multiples = (127 * 256 + 127) * 256 + 127;

bool byte_products_fit(int outputs, int inputs)
{
#ifdef __AVX512VNNI__
    const bool faster = true;
#else
    const bool faster = false;
#endif
    return faster && outputs > 0 && inputs % STEP == 0 && inputs <= INPUTS_MAX;
}

static size_t groups_of(int outputs)
{
    return ((size_t)outputs + LANES - 1) / LANES;
}

static size_t digits_size(int outputs, int inputs)
{
    return groups_of(outputs) * (size_t)(inputs / STEP) * STEP_BYTES;
}

size_t byte_weights_size(int outputs, int inputs)
{
    return digits_size(outputs, inputs) + 2 * (size_t)outputs * sizeof(double) + 2 * (size_t)inputs * sizeof(float);
}

static struct byte_weights lay_out(int outputs, int inputs, void *memory)
{
    struct byte_weights weights = {.outputs = outputs, .inputs = inputs, .digits = memory};
    weights.unit = (double *)(void *)(weights.digits + digits_size(outputs, inputs));
    weights.offset = weights.unit + outputs;
    return weights;
}

/* Of one output's weights times the scale. */
struct sizes {
    double largest, total, offset;
};

/* Numbers of one sign have the order of their bits; NaN's are beyond infinity's. */
static struct sizes sizes_of(int inputs, const float *w, const float *mean, const float *scale)
{
    int64_t largest = 0;
    double total = 0, offset = 0;
#pragma omp simd reduction(max : largest) reduction(+ : total, offset)
    for (int i = 0; i < inputs; i++) {
        const double value = (double)w[i] * (double)scale[i], size = fabs(value);
        int64_t bits;
        memcpy(&bits, &size, sizeof bits);
        largest = bits > largest ? bits : largest;
        total += size;
        offset -= value * (double)mean[i];
    }
    struct sizes sizes = {.total = total, .offset = offset};
    memcpy(&sizes.largest, &largest, sizeof largest);
    return sizes;
}

/* From -128 to 127. */
static inline int32_t last_digit(int32_t number)
{
    return (int32_t)((uint32_t)(number + 128) & 255u) - 128;
}

/* digits: those of the output's first input */
static void set_digits(int inputs, const float *restrict w, const float *restrict scale, double unit,
                       int8_t *restrict digits)
{
    const double inverse = unit > 0 ? 1 / unit : 0, rounder = 0x1.8p52;
    for (int first = 0; first < inputs; first += STEP, digits += STEP_BYTES) {
        for (int i = 0; i < STEP; i++) {
            const double shifted = (double)w[first + i] * (double)scale[first + i] * inverse + rounder;
            int64_t bits;
            memcpy(&bits, &shifted, sizeof bits);
            const int32_t multiple = (int32_t)(uint32_t)(bits & 0xffffffff);
            const int32_t low = last_digit(multiple), rest = (multiple - low) / 256;
            const int32_t middle = last_digit(rest), high = (rest - middle) / 256;
            digits[i] = (int8_t)high;
            digits[LANES * STEP + i] = (int8_t)middle;
            digits[2 * LANES * STEP + i] = (int8_t)low;
        }
    }
}

bool byte_weights_set(int outputs, int inputs, int channels, const float *w, const float *mean, const float *deviation,
                      void *memory, struct byte_weights *out)
{
    const struct byte_weights weights = lay_out(outputs, inputs, memory);
    const size_t group_bytes = (size_t)(inputs / STEP) * STEP_BYTES;
    float *const means = (float *)(weights.offset + outputs), *const scales = means + inputs; /* of each input */
    for (int i = 0; i < inputs; i++) {
        means[i] = mean[i % channels];
        scales[i] = 1 / deviation[i % channels];
    }
    memset(weights.digits, 0, digits_size(outputs, inputs));
    for (int j = 0; j < outputs; j++, w += inputs) {
        const struct sizes sizes = sizes_of(inputs, w, means, scales);
        if (!(sizes.largest * inputs <= UNEQUAL * sizes.total) || !isfinite(sizes.offset))
            return false;
        weights.unit[j] = sizes.largest / multiples;
        weights.offset[j] = sizes.offset;
        set_digits(inputs, w, scales, weights.unit[j],
                   weights.digits + (size_t)(j / LANES) * group_bytes + (size_t)(j % LANES) * STEP);
    }
    *out = weights;
    return true;
}

/* sum + the products of four bytes with the four digits of each lane */
INLINE vector_bits add_products(vector_bits sum, uint32_t four, vector_bits digits)
{
#ifdef __AVX512VNNI__
    /* GCC 12 copies the sums to and fro around its own function for this: half the speed. */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"((vector_bits){0} + (int32_t)four), "v"(digits));
#else
    uint8_t x[STEP];
    int8_t digit[LANES * STEP];
    memcpy(x, &four, sizeof x);
    memcpy(digit, &digits, sizeof digit);
    for (int l = 0; l < LANES; l++)
        for (int i = 0; i < STEP; i++)
            sum[l] += x[i] * digit[l * STEP + i];
#endif
    return sum;
}

/* y [rows, outputs] from the group's first output on, of which there are `count` */
INLINE void tile(int rows, const struct byte_weights *weights, size_t group, const uint8_t *const *x, int count,
                 float *y)
{
    const int8_t *digits = weights->digits + group * (size_t)(weights->inputs / STEP) * STEP_BYTES;
    vector_bits sums[ROWS][DIGITS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int d = 0; d < DIGITS; d++) sums[r][d] = (vector_bits){0};
    for (size_t i = 0; i < (size_t)weights->inputs; i += STEP, digits += STEP_BYTES) {
        vector_bits digit[DIGITS];
        UNROLL for (int d = 0; d < DIGITS; d++) digit[d] =
            (vector_bits)load((const float *)(const void *)(digits + d * LANES * STEP));
        UNROLL for (int r = 0; r < rows; r++)
        {
            uint32_t four;
            memcpy(&four, x[r] + i, sizeof four);
            UNROLL for (int d = 0; d < DIGITS; d++) sums[r][d] = add_products(sums[r][d], four, digit[d]);
        }
    }
    const double *const unit = weights->unit + group * LANES, *const offset = weights->offset + group * LANES;
    UNROLL for (int r = 0; r < rows; r++)
    {
        int32_t sum[DIGITS][LANES];
        UNROLL for (int d = 0; d < DIGITS; d++) memcpy(sum[d], &sums[r][d], sizeof sum[d]);
        for (int l = 0; l < count; l++) {
            const double whole = ((double)sum[0][l] * 256 + (double)sum[1][l]) * 256 + (double)sum[2][l];
            y[(size_t)r * (size_t)weights->outputs + (size_t)l] = (float)(unit[l] * whole + offset[l]);
        }
    }
}

void byte_product(const struct byte_weights *weights, int n, const uint8_t *const *x, float *y)
{
    const size_t outputs = (size_t)weights->outputs;
    for (size_t first = 0; first < outputs; first += LANES) {
        const int count = outputs - first < LANES ? (int)(outputs - first) : LANES;
        int i = 0;
        for (; i + ROWS <= n; i += ROWS)
            tile(ROWS, weights, first / LANES, x + i, count, y + (size_t)i * outputs + first);
        for (; i + 2 <= n; i += 2)
            tile(2, weights, first / LANES, x + i, count, y + (size_t)i * outputs + first);
        for (; i < n; i++)
            tile(1, weights, first / LANES, x + i, count, y + (size_t)i * outputs + first);
    }
}
