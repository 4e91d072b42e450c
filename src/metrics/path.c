#include "metrics/path.h"

#include <math.h>
#include <string.h>

static bool is_bias(const struct tensor_spec *tensor)
{
    return tensor->role == TENSOR_BIAS || tensor->role == TENSOR_SHIFT;
}

double share_linear(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    (void)path, (void)tensor;
    return alpha;
}

/* As the outputs of a homogeneous network's layer grow when all weights before it do. */
double share_homogeneous(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    (void)path;
    double share = alpha;
    for (int h = 1; is_bias(tensor) && h < tensor->depth; h++)
        share *= alpha;
    return share;
}

double share_weights_only(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    (void)path;
    return is_bias(tensor) ? 1 : alpha;
}

double share_biases_only(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    (void)path;
    return is_bias(tensor) ? alpha : 1;
}

double share_last_bias_fixed(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    return is_bias(tensor) && tensor->layer == path->last_layer ? 1 : alpha;
}

double share_layer(const struct path *path, const struct tensor_spec *tensor, double alpha)
{
    return tensor->layer >= path->layer && tensor->layer < path->next_layer ? alpha : 1;
}

static size_t tensor_size(const struct tensor_spec *tensor)
{
    size_t size = 1;
    for (int i = 0; i < tensor->rank; i++)
        size *= (size_t)tensor->dimensions[i];
    return size;
}

/* out = (1 - share) start + share end, in double      start, end, out [count] */
static void mix(size_t count, double share, const float *restrict start, const float *restrict end, float *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((1 - share) * (double)start[i] + share * (double)end[i]);
}

void path_point(const struct path *path, int count, const struct tensor_spec *tensors, double alpha, const float *start,
                const float *end, float *out)
{
    size_t at = 0;
    for (int t = 0; t < count; t++) {
        const size_t size = tensor_size(&tensors[t]);
        const double share = path->share(path, &tensors[t], alpha);
        if (share == 0 || share == 1)
            memcpy(out + at, (share == 0 ? start : end) + at, size * sizeof *out);
        else
            mix(size, share, start + at, end + at, out + at);
        at += size;
    }
}

struct bump curve_bump(int count, const double *y)
{
    struct bump highest = {0, 0};
    for (int open = 0, close; open + 1 < count; open = close) {
        close = open + 1;
        if (!(y[close] > y[open]))
            continue;
        double top = y[open];
        for (; close < count && y[close] >= y[open]; close++)
            top = fmax(top, y[close]);
        const int last = close < count ? close : count - 1;
        if (top - y[open] > highest.height)
            highest = (struct bump){.height = top - y[open], .width = (double)(last - open) / (count - 1)};
    }
    return highest;
}

bool curve_is_monotone(int count, const double *y)
{
    for (int i = 1; i < count; i++)
        if (!(y[i] <= y[i - 1]))
            return false;
    return true;
}

double curve_plateau(int count, const double *y, double tolerance)
{
    int last = 0;
    for (int i = 0; i < count; i++)
        if (y[i] >= (1 - tolerance) * y[0])
            last = i;
    return (double)last / (count - 1);
}
