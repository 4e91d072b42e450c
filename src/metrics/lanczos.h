/* lanczos.h - the outermost eigenvalues of a symmetric matrix that is known by its products alone. */
#ifndef SEEDBED_METRICS_LANCZOS_H
#define SEEDBED_METRICS_LANCZOS_H

#include <stdint.h>

#include "seedbed/status.h"

struct symmetric_map {
    void *context;
    int64_t size;
    /* image = A v      v, image [size] */
    enum status (*apply)(void *context, const double *v, double *image, struct error *error);
};

struct lanczos_limits {
    int top;          /* how many of the largest; above 1 all steps' vectors are kept, as floats: then right to 1e-7 */
    int steps;        /* products, at most */
    double tolerance; /* of the largest absolute value: when every error is below it, it ends, though not before some
                       * tens of steps, that the outermost eigenvalues are not missed */
};

/* An eigenvalue of A lies within error of value. */
struct eigenvalue {
    double value, error;
};

/* largest [limits->top], descending; NaN where A has fewer. *steps: products taken. v [size]: where to start, in any
 * length; overwritten. */
enum status lanczos(const struct symmetric_map *map, const struct lanczos_limits *limits, double *v,
                    struct eigenvalue *largest, struct eigenvalue *smallest, int *steps, struct error *error);

#endif
