/* glyphs.c - the embedded data set: ten symbols of strokes, each sample bent, turned, thickened and dirtied in its own
 * way. Only + - * / and square roots, compiled without fused multiply-add: the same bytes on every machine. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "data/glyph_strokes.h"
#include "data/kinds.h"
#include "data/synthetic.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, WARP_SIDE = 4, PIECES_PER_CURVE = 6 };

struct glyphs_settings {
    int64_t train_count, test_count;
    double deformation, noise;
};

static const struct field glyphs_fields[] = {
    {.name = "train_count",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct glyphs_settings, train_count),
     .default_text = "10000",
     .minimum = 1,
     .maximum = 1e8,
     .summary = "Training samples; more leave the first ones as they are."},
    {.name = "test_count",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct glyphs_settings, test_count),
     .default_text = "2000",
     .minimum = 1,
     .maximum = 1e8,
     .summary = "Test samples; more leave the first ones as they are."},
    {.name = "deformation",
     .type = FIELD_REAL,
     .offset = offsetof(struct glyphs_settings, deformation),
     .default_text = "1",
     .maximum = 3,
     .summary = "How far strokes are turned, moved and bent; 0 for not at all, more is harder."},
    {.name = "noise",
     .type = FIELD_REAL,
     .offset = offsetof(struct glyphs_settings, noise),
     .default_text = "0.15",
     .maximum = 2,
     .unit = "full ink",
     .summary = "Standard deviation of the noise in every pixel."},
    {0}};

struct point {
    float x, y;
};

/* How one sample is drawn; lengths in half glyph widths until `affine` takes them to pixels. */
struct style {
    struct point warp[WARP_SIDE][WARP_SIDE]; /* displacements on a grid over [-1, 1]^2 */
    float jitter;                            /* of each point of a stroke */
    float affine[2][3];
    float radius, softness, ink; /* of the pen, pixels; share of full ink */
};

/* Uniform in [-1, 1). */
static float draw_even(struct random *random)
{
    return (float)(random_word(random) >> 8) * 0x1p-23f - 1;
}

/* Bell-shaped, deviation 1, within +-3.5: four bytes added. */
static float bell_of_word(uint32_t word)
{
    const int sum = (int)(word & 255) + (int)(word >> 8 & 255) + (int)(word >> 16 & 255) + (int)(word >> 24);
    return (float)(sum - 510) * (1 / 147.80054f);
}

static float draw_bell(struct random *random)
{
    return bell_of_word(random_word(random));
}

/* Turn, shear, unequal scale, move. tangent: of half the angle, so that no sine is needed. */
static void affine_draw(struct random *random, float strength, struct style *style)
{
    const float tangent = 0.088f * strength * draw_bell(random);
    const float shear = 0.143f * strength * draw_bell(random);
    const float size = 9.2f * (1 + 0.083f * strength * draw_even(random));
    const float aspect = 1 + 0.11f * strength * draw_even(random);
    const float cosine = (1 - tangent * tangent) / (1 + tangent * tangent);
    const float sine = 2 * tangent / (1 + tangent * tangent);
    const float wide = size * aspect, high = size / aspect;
    style->affine[0][0] = wide * cosine;
    style->affine[0][1] = wide * (shear * cosine - sine);
    style->affine[0][2] = 0.5f * SIDE + 1.3f * strength * draw_even(random);
    style->affine[1][0] = high * sine;
    style->affine[1][1] = high * (shear * sine + cosine);
    style->affine[1][2] = 0.5f * SIDE + 1.3f * strength * draw_even(random);
}

static void style_draw(struct random *random, float strength, struct style *style)
{
    affine_draw(random, strength, style);
    for (int row = 0; row < WARP_SIDE; row++)
        for (int column = 0; column < WARP_SIDE; column++) {
            style->warp[row][column].x = 0.138f * strength * draw_bell(random);
            style->warp[row][column].y = 0.138f * strength * draw_bell(random);
        }
    style->jitter = 0.046f * strength;
    style->radius = 1.05f + 0.45f * draw_even(random);
    style->softness = 1.1f + 0.3f * draw_even(random);
    style->ink = 0.85f + 0.15f * draw_even(random);
}

/* Cell and smooth place within it of a coordinate in [-1, 1]. */
static int warp_cell(float coordinate, float *place)
{
    const float scaled = (coordinate + 1) * (0.5f * (WARP_SIDE - 1));
    const int cell = scaled < 1 ? 0 : scaled < WARP_SIDE - 2 ? (int)scaled : WARP_SIDE - 2;
    const float t = scaled - (float)cell;
    const float inside = t < 0 ? 0 : t > 1 ? 1 : t;
    *place = inside * inside * (3 - 2 * inside);
    return cell;
}

static struct point mix(struct point a, struct point b, float share)
{
    return (struct point){a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share};
}

static struct point to_pixels(const struct style *style, struct point point)
{
    float right, down;
    const int column = warp_cell(point.x, &right);
    const int row = warp_cell(point.y, &down);
    const struct point *above = style->warp[row], *below = style->warp[row + 1];
    const struct point shift =
        mix(mix(above[column], above[column + 1], right), mix(below[column], below[column + 1], right), down);
    const float x = point.x + shift.x, y = point.y + shift.y;
    return (struct point){style->affine[0][0] * x + style->affine[0][1] * y + style->affine[0][2],
                          style->affine[1][0] * x + style->affine[1][1] * y + style->affine[1][2]};
}

/* First and last pixel whose centre is within reach of low..high, cut to the canvas. */
static void pixel_range(float low, float high, float reach, int *first, int *last)
{
    const float from = low - reach - 0.5f, to = high + reach - 0.5f;
    *first = from <= 0 ? 0 : from >= SIDE ? SIDE : (int)from;
    *last = to < 0 ? -1 : to >= SIDE - 1 ? SIDE - 1 : (int)to;
}

static float least(float a, float b)
{
    return a < b ? a : b;
}

static float most(float a, float b)
{
    return a > b ? a : b;
}

/* squares [SIDE, SIDE] = min(squares, squared distance of the pixel's centre from the segment a b), near it only */
static void segment_draw(struct point a, struct point b, float reach, float *squares)
{
    int left, right, top, bottom;
    pixel_range(least(a.x, b.x), most(a.x, b.x), reach, &left, &right);
    pixel_range(least(a.y, b.y), most(a.y, b.y), reach, &top, &bottom);
    const float along_x = b.x - a.x, along_y = b.y - a.y;
    const float inverse = 1 / (along_x * along_x + along_y * along_y + 1e-6f);
    for (int row = top; row <= bottom; row++) {
        const float y = (float)row + 0.5f - a.y;
        for (int column = left; column <= right; column++) {
            const float x = (float)column + 0.5f - a.x;
            const float share = least(most((x * along_x + y * along_y) * inverse, 0), 1);
            const float off_x = x - share * along_x, off_y = y - share * along_y;
            float *square = &squares[row * SIDE + column];
            *square = least(*square, off_x * off_x + off_y * off_y);
        }
    }
}

static void stroke_draw(struct random *random, const struct stroke *stroke, const struct style *style, float *squares)
{
    struct point points[STROKE_POINTS_MAX];
    assert(stroke->count > 0);
    for (int i = 0; i < stroke->count; i++) {
        points[i].x = 0.01f * (float)stroke->points[i][0] + style->jitter * draw_bell(random);
        points[i].y = 0.01f * (float)stroke->points[i][1] + style->jitter * draw_bell(random);
    }
    const float reach = style->radius + style->softness;
    struct point before = to_pixels(style, points[0]);
    for (int i = 0; i + 2 < stroke->count; i += 2)
        for (int piece = 1; piece <= PIECES_PER_CURVE; piece++) {
            const float t = (float)piece / PIECES_PER_CURVE;
            const struct point on = mix(mix(points[i], points[i + 1], t), mix(points[i + 1], points[i + 2], t), t);
            const struct point next = to_pixels(style, on);
            segment_draw(before, next, reach, squares);
            before = next;
        }
}

/* Ink where the pen went, soft at its edge, and noise everywhere.   squares, pixels [SIDE, SIDE] */
static void ink_draw(struct random *random, const struct style *style, float noise, const float *squares,
                     uint8_t *pixels)
{
    uint32_t words[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        words[i] = random_word(random);
    const float edge = style->radius + 0.5f * style->softness;
    const float slope = 1 / style->softness;
    for (int i = 0; i < PIXELS; i++) {
        const float cover = least(most((edge - sqrtf(squares[i])) * slope, 0), 1);
        const float value = 255 * (style->ink * cover + noise * bell_of_word(words[i]));
        pixels[i] = (uint8_t)(least(most(value, 0), 255) + 0.5f);
    }
}

static void glyph_draw(const struct glyphs_settings *settings, struct random *random, int class, uint8_t *pixels)
{
    const float far = 1e6f;
    float squares[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        squares[i] = far;
    struct style style;
    style_draw(random, (float)settings->deformation, &style);
    for (int i = 0; i < GLYPH_STROKES_MAX; i++)
        if (glyph_shapes[class].strokes[i].count > 0)
            stroke_draw(random, &glyph_shapes[class].strokes[i], &style, squares);
    ink_draw(random, &style, (float)settings->noise, squares, pixels);
}

static enum status glyphs_load(const struct dataset_request *request, struct dataset **out, struct error *error)
{
    const struct glyphs_settings *settings = request->settings;
    const struct dataset_shape shape = {.sample = {.height = SIDE, .width = SIDE, .channels = 1},
                                        .type = SAMPLE_UINT8,
                                        .classes = GLYPH_CLASSES,
                                        .count = {(int)settings->train_count, (int)settings->test_count}};
    struct dataset *dataset = NULL;
    TRY(dataset_allocate(&shape, &dataset, error));
    for (int part = 0; part < DATASET_PARTS; part++) {
        uint8_t *values = dataset_values(dataset, part);
        int16_t *labels = dataset_labels(dataset, part);
        synthetic_labels(request->data_seed, part, GLYPH_CLASSES, shape.count[part], labels);
        for (int i = 0; i < shape.count[part]; i++) {
            struct random random = synthetic_sample_random(request->data_seed, part, i);
            glyph_draw(settings, &random, labels[i], values + (size_t)i * PIXELS);
        }
    }
    dataset_seal(dataset);
    *out = dataset;
    return STATUS_OK;
}

const struct dataset_ops dataset_glyphs = {
    .kind = {.name = "glyphs",
             .summary = "drawn: ten symbols of bent strokes, 28 x 28, needing no file",
             .fields = glyphs_fields},
    .synthetic = true,
    .load = glyphs_load};
