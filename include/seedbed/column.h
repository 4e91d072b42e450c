/* column.h - what a metric writes for one trial: named arrays with named dimensions.
 * A column becomes the dataset /<group>/<name> with `trial` as its first dimension. */
#ifndef SEEDBED_COLUMN_H
#define SEEDBED_COLUMN_H

enum column_type {
    COLUMN_FLOAT32, /* absent: NaN */
    COLUMN_FLOAT64, /* absent: NaN */
    COLUMN_INT16,   /* absent: -1 */
    COLUMN_INT32,   /* absent: -1 */
    COLUMN_INT64    /* absent: -1 */
};

/* Dimensions that a column may have after `trial`; their sizes are the sweep's largest. */
enum column_dimension {
    DIMENSION_NONE = 0,          /* ends the list */
    DIMENSION_POINT,             /* the metric's measure points, in the file `<metric>_point` */
    DIMENSION_EPOCH,             /* 0 (before training) .. epochs */
    DIMENSION_TRAIN_SAMPLE,      /* position in the training subset */
    DIMENSION_TEST_SAMPLE,       /* position in the test subset */
    DIMENSION_VALIDATION_SAMPLE, /* position in the validation subset; without one the column is left out */
    DIMENSION_CLASS,
    DIMENSION_PARAMETER, /* position in the flat parameter block */
    DIMENSION_OWN        /* DIMENSION_OWN + i: dimensions[i] of the metric's own */
};

enum { COLUMN_DIMENSIONS_MAX = 4 };

struct column {
    const char *name;
    enum column_type type;
    enum column_dimension dimensions[COLUMN_DIMENSIONS_MAX]; /* without `trial` */
    const char *units;                                       /* "1" for pure numbers */
    const char *long_name;
};

#endif
