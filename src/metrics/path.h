/* path.h - the ways from the parameters before training to those now, and what a curve along them looks like. */
#ifndef SEEDBED_METRICS_PATH_H
#define SEEDBED_METRICS_PATH_H

#include "seedbed/metric.h"

/* A way through parameter space: alpha 0 at the start, 1 at the trained network. */
struct path {
    /* Which share of the way a tensor has gone at alpha: its values are (1 - share) start + share end. */
    double (*share)(const struct path *path, const struct tensor_spec *tensor, double alpha);
    int layer;      /* of PATH_LAYER: where the weights stand that move */
    int next_layer; /* where the next weights stand: what lies before them goes with these */
    int last_layer; /* where the last weights stand */
};

double share_linear(const struct path *path, const struct tensor_spec *tensor, double alpha);
double share_homogeneous(const struct path *path, const struct tensor_spec *tensor, double alpha);
double share_weights_only(const struct path *path, const struct tensor_spec *tensor, double alpha);
double share_biases_only(const struct path *path, const struct tensor_spec *tensor, double alpha);
double share_last_bias_fixed(const struct path *path, const struct tensor_spec *tensor, double alpha);
double share_layer(const struct path *path, const struct tensor_spec *tensor, double alpha);

/* out = the point at alpha of the path; bit for bit start where a share is 0 and end where it is 1.
 * tensors [count], start, end, out: their values one after another */
void path_point(const struct path *path, int count, const struct tensor_spec *tensors, double alpha, const float *start,
                const float *end, float *out);

/* Of the curve y [count] over alpha = 0 .. 1, evenly spaced. */
struct bump {
    double height, width;
};

/* A bump opens where the curve rises and closes where it falls below its value there, or at the end; the highest one.
 * 0, 0 where the curve never rises. */
struct bump curve_bump(int count, const double *y);
bool curve_is_monotone(int count, const double *y); /* never rises */
/* The largest alpha with y >= (1 - tolerance) y(0). */
double curve_plateau(int count, const double *y, double tolerance);

#endif
