/* spectral.c - the largest singular value of a linear map A known by its products alone, by Lanczos' method on A^T A:
 * a power iteration that keeps what every step has learned, so that close singular values cost tens of steps, not
 * thousands. Without orthogonalising anew the largest value still comes out right; others may come twice. */
#include "metrics/spectral.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/yield.h"
#include "kernels/reduce.h"
#include "seedbed/random.h"

enum { STEPS_MAX = 1024, STEPS_BETWEEN_LOOKS = 8 };
static const double tolerance = 1e-8; /* of the squared value's growth between looks */

struct lanczos {
    struct network *map;
    int64_t inputs, outputs;
    float *x, *y;               /* [inputs], [outputs] */
    double *v, *before, *image; /* [inputs]: two vectors of the basis, and A^T A v */
    int steps;
    double diagonal[STEPS_MAX], beside[STEPS_MAX]; /* of the tridiagonal matrix; beside[k] joins k and k + 1 */
};

static double dot(int64_t n, const double *a, const double *b)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += a[i] * b[i];
    return total;
}

/* image = A^T A v */
static void apply(struct lanczos *lanczos)
{
    for (int64_t i = 0; i < lanczos->inputs; i++)
        lanczos->x[i] = (float)lanczos->v[i];
    const float *const y = network_forward(lanczos->map, lanczos->x, 1, PASS_DIFFERENTIATE);
    for (int64_t i = 0; i < lanczos->outputs; i++)
        lanczos->y[i] = y[i];
    network_backward_input(lanczos->map, lanczos->y, 1, lanczos->x);
    for (int64_t i = 0; i < lanczos->inputs; i++)
        lanczos->image[i] = (double)lanczos->x[i];
}

/* One more row of the tridiagonal matrix. False: the basis spans all that A^T A reaches. */
static bool step(struct lanczos *lanczos)
{
    const int k = lanczos->steps++;
    apply(lanczos);
    lanczos->diagonal[k] = dot(lanczos->inputs, lanczos->v, lanczos->image);
    const double last = k > 0 ? lanczos->beside[k - 1] : 0;
    for (int64_t i = 0; i < lanczos->inputs; i++)
        lanczos->image[i] -= lanczos->diagonal[k] * lanczos->v[i] + last * lanczos->before[i];
    const double length = sqrt(dot(lanczos->inputs, lanczos->image, lanczos->image));
    lanczos->beside[k] = length;
    if (!(length > 1e-7 * fabs(lanczos->diagonal[0])))
        return false;
    for (int64_t i = 0; i < lanczos->inputs; i++) {
        lanczos->before[i] = lanczos->v[i];
        lanczos->v[i] = lanczos->image[i] / length;
    }
    return true;
}

/* Whether every eigenvalue of the tridiagonal matrix is below x: all pivots of x - T are positive. */
static bool is_above_all(const struct lanczos *lanczos, double x)
{
    double pivot = x - lanczos->diagonal[0];
    for (int k = 1; k < lanczos->steps && pivot > 0; k++)
        pivot = x - lanczos->diagonal[k] - lanczos->beside[k - 1] * lanczos->beside[k - 1] / pivot;
    return pivot > 0;
}

/* By bisection between 0 and Gershgorin's bound. */
static double largest_eigenvalue(const struct lanczos *lanczos)
{
    double low = 0, high = 0;
    for (int k = 0; k < lanczos->steps; k++) {
        const double left = k > 0 ? lanczos->beside[k - 1] : 0;
        const double right = k + 1 < lanczos->steps ? lanczos->beside[k] : 0;
        high = fmax(high, lanczos->diagonal[k] + left + right);
    }
    high *= 1 + DBL_EPSILON;
    for (int i = 0; i < DBL_MANT_DIG && low < high; i++) {
        const double middle = low + (high - low) / 2;
        if (is_above_all(lanczos, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

static enum status iterate(struct lanczos *lanczos, const struct yield *yield, double *out, struct error *error)
{
    double last = 0;
    bool more = true;
    while (more && lanczos->steps < STEPS_MAX) {
        if (yield != NULL)
            TRY(yield->call(yield->context, error));
        for (int i = 0; more && i < STEPS_BETWEEN_LOOKS; i++)
            more = step(lanczos);
        const double value = largest_eigenvalue(lanczos);
        if (value - last <= tolerance * value)
            break;
        last = value;
    }
    *out = sqrt(largest_eigenvalue(lanczos));
    return STATUS_OK;
}

/* Room in one block, doubles first; v a random direction, the same for every trial. */
static enum status start(struct lanczos *lanczos, int tensor, void **block, struct error *error)
{
    const size_t inputs = (size_t)lanczos->inputs, outputs = (size_t)lanczos->outputs;
    TRY(memory_allocate(block, 3 * inputs * sizeof(double) + (inputs + outputs) * sizeof(float), 1, "spectral norm",
                        error));
    lanczos->v = *block;
    lanczos->before = lanczos->v + inputs;
    lanczos->image = lanczos->before + inputs;
    lanczos->x = (float *)(void *)(lanczos->image + inputs);
    lanczos->y = lanczos->x + inputs;
    struct random random = random_start(STREAM_METRIC, 0, (uint32_t)tensor);
    for (size_t i = 0; i < inputs; i++)
        lanczos->v[i] = random_normal(&random);
    const double length = sqrt(dot(lanczos->inputs, lanczos->v, lanczos->v));
    for (size_t i = 0; i < inputs; i++)
        lanczos->v[i] /= length;
    return STATUS_OK;
}

enum status spectral_norm(struct network *network, int tensor, const struct yield *yield, double *out,
                          struct error *error)
{
    struct lanczos lanczos = {.steps = 0};
    struct shape input;
    void *block = NULL;
    TRY(network_linear_part(network, tensor, &input, &lanczos.map, error));
    lanczos.inputs = (int64_t)input.height * input.width * input.channels;
    lanczos.outputs = network_classes(lanczos.map);
    enum status status = start(&lanczos, tensor, &block, error);
    if (status == STATUS_OK)
        status = iterate(&lanczos, yield, out, error);
    memory_free(block);
    network_destroy(&lanczos.map);
    return status;
}
