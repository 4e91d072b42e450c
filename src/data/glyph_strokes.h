/* glyph_strokes.h - the ten symbols of the source `glyphs` as strokes. */
#ifndef SEEDBED_DATA_GLYPH_STROKES_H
#define SEEDBED_DATA_GLYPH_STROKES_H

enum { GLYPH_CLASSES = 10, STROKE_POINTS_MAX = 15, GLYPH_STROKES_MAX = 3 };

/* A chain of quadratic curves: points 0, 2, 4... are on it, the odd ones between them pull it.
 * In hundredths of half the glyph's width: x to the right, y down. */
struct stroke {
    int count; /* odd; 0: no stroke */
    signed char points[STROKE_POINTS_MAX][2];
};

struct glyph_shape {
    struct stroke strokes[GLYPH_STROKES_MAX];
};

extern const struct glyph_shape glyph_shapes[GLYPH_CLASSES];

#endif
